"""Placeholder."""

from app.forges.fake.access import Viewer
from app.forges.fake.errors import not_found
from app.forges.fake.http import Answer, Request
from app.forges.fake.state import FakeGitHub


async def answer_graphql(github: FakeGitHub, request: Request, viewer: Viewer) -> Answer:
    raise not_found()
