"""Pushing to GitHub: a token for one repository and one push, revoked right after it."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import structlog

from app.domain.errors import ForgeRefused, ForgeUnavailable, RateLimited
from app.domain.pull_request import PullRequest, Repo
from app.forges.base import CommitIdentity, GitAccess
from app.forges.github.auth import Auth, basic_header
from app.forges.github.client import GitHubClient

log = structlog.get_logger()


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
        grant = await self._auth.fresh_grant(repo.repo_id, "push")
        try:
            yield GitAccess(
                url=f"{connection.web_url.rstrip('/')}/{repo.full_name}.git",
                header=basic_header(grant),
                ca_file=connection.ca_file,
                proxy=connection.proxy,
            )
        finally:
            try:
                await self._auth.take_back(grant)
            except (ForgeUnavailable, ForgeRefused, RateLimited) as error:
                # It ends by itself within the hour.
                log.warning("token.not_revoked", connection=connection.key, cause=type(error).__name__)

    async def identity(self) -> CommitIdentity:
        """Linked to the App's account by the address that GitHub gives it."""
        me = await self._auth.me()
        login = f"{me.login}[bot]" if me.is_bot else me.login
        host = urlsplit(self._client.connection.web_url).hostname or "github.com"
        return CommitIdentity(name=login, email=f"{me.user_id}+{login}@users.noreply.{host}")
