"""Pushing to GitHub: a token for one repository and one push, revoked right after it."""

import base64
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import structlog
from pydantic import Field, JsonValue

from app.domain.errors import ForgeRefused, ForgeUnavailable, RateLimited
from app.domain.fixes import SpelledCommit
from app.domain.pull_request import PullRequest, Repo
from app.forges.base import CommitIdentity, GitAccess
from app.forges.github.auth import Auth, basic_header
from app.forges.github.calls import read_graphql
from app.forges.github.client import GitHubClient, Grant
from app.forges.github.models import Shape
from app.forges.github.routes import GRAPHQL_MUTATION

log = structlog.get_logger()

_COMMIT = """
mutation Commit($input: CreateCommitOnBranchInput!) { createCommitOnBranch(input: $input) { commit { oid } } }
"""


class _Commit(Shape):
    oid: str


class _Payload(Shape):
    commit: _Commit


class _Made(Shape):
    made: _Payload = Field(alias="createCommitOnBranch")


class GitHubPusher:
    """The `ForgePusher` of one connection."""

    def __init__(self, client: GitHubClient, auth: Auth) -> None:
        self._client = client
        self._auth = auth

    async def home_of(self, pull_request: PullRequest) -> Repo | None:
        """ "Allow edits by maintainers" is for people: an App pushes only where it is installed."""
        return None if pull_request.from_fork else pull_request.repo

    @asynccontextmanager
    async def pushing(self, repo: Repo) -> AsyncGenerator[GitAccess]:
        connection = self._client.connection
        async with self._granted(repo) as grant:
            yield GitAccess(
                url=f"{connection.web_url.rstrip('/')}/{repo.full_name}.git",
                header=basic_header(grant),
                ca_file=connection.ca_file,
                proxy=connection.proxy,
            )

    async def commit(self, repo: Repo, branch: str, commit: SpelledCommit, /) -> str | None:
        headline, _, body = commit.message.partition("\n")
        asked: dict[str, JsonValue] = {
            "branch": {"repositoryNameWithOwner": repo.full_name, "branchName": branch},
            "expectedHeadOid": commit.parent_sha,
            "message": {"headline": headline, "body": body.strip()},
            "fileChanges": {
                "additions": [
                    {"path": path, "contents": base64.b64encode(content).decode("ascii")}
                    for path, content in commit.files.items()
                    if content is not None
                ],
                "deletions": [{"path": path} for path, content in commit.files.items() if content is None],
            },
        }
        async with self._granted(repo) as grant:
            wanted: JsonValue = {"query": _COMMIT, "variables": {"input": asked}}
            answer = await self._client.send(grant, GRAPHQL_MUTATION, json=wanted)
        return _Made.model_validate(read_graphql(answer).data).made.commit.oid

    @asynccontextmanager
    async def _granted(self, repo: Repo) -> AsyncGenerator[Grant]:
        """For this repository and this push alone."""
        grant = await self._auth.fresh_grant(repo.repo_id, "push")
        try:
            yield grant
        finally:
            try:
                await self._auth.take_back(grant)
            except (ForgeUnavailable, ForgeRefused, RateLimited) as error:
                # It ends by itself within the hour.
                log.warning("token.not_revoked", connection=self._client.connection.key, cause=type(error).__name__)

    async def identity(self) -> CommitIdentity:
        """Linked to the App's account by the address that GitHub gives it."""
        me = await self._auth.me()
        login = f"{me.login}[bot]" if me.is_bot else me.login
        host = urlsplit(self._client.connection.web_url).hostname or "github.com"
        return CommitIdentity(name=login, email=f"{me.user_id}+{login}@users.noreply.{host}")
