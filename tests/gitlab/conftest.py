"""What tests of the GitLab adapter may ask for: GitLab in bad weather, and the parts that speak to it."""

from collections.abc import AsyncIterator, Iterator

import pytest
import respx

from app.forges.gitlab.client import GitLabClient
from app.forges.gitlab.heads import Heads
from app.forges.gitlab.reader import GitLabReader
from app.forges.gitlab.writer import GitLabWriter
from tests.gitlab.support import API, BOT_ID, RememberingLimits, connection


@pytest.fixture
def api() -> Iterator[respx.MockRouter]:
    with respx.mock(base_url=API, assert_all_called=False) as router:
        yield router


@pytest.fixture
def limits() -> RememberingLimits:
    return RememberingLimits()


@pytest.fixture
async def client(limits: RememberingLimits) -> AsyncIterator[GitLabClient]:
    client = GitLabClient(connection(), limits)
    yield client
    await client.close()


@pytest.fixture
def heads() -> Heads:
    return Heads()


@pytest.fixture
def reader(client: GitLabClient, heads: Heads) -> GitLabReader:
    return GitLabReader(client, heads, BOT_ID)


@pytest.fixture
def writer(client: GitLabClient, heads: Heads) -> GitLabWriter:
    return GitLabWriter(client, heads, BOT_ID)
