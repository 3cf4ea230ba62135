"""Pushing to GitLab: with the bot's own token, since GitLab makes none that lives for one push."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from app.domain.errors import Gone
from app.domain.fixes import SpelledCommit
from app.domain.pull_request import PullRequest, Repo
from app.forges.base import CommitIdentity, GitAccess
from app.forges.gitlab import routes
from app.forges.gitlab.calls import Calls
from app.forges.gitlab.client import GitLabClient
from app.forges.gitlab.models import ProjectShape, UserShape


class GitLabPusher:
    """The `ForgePusher` of one connection."""

    def __init__(self, client: GitLabClient) -> None:
        self._client = client
        self._calls = Calls(client, frozenset({routes.ME, routes.PROJECT}))

    async def home_of(self, pull_request: PullRequest) -> Repo | None:
        """A fork whose author allows commits from members who can merge to the target branch, and which we can see."""
        if not pull_request.from_fork:
            return pull_request.repo
        if pull_request.head_repo_id is None or not pull_request.maintainer_can_modify:
            return None
        try:
            answer = await self._calls.send(routes.PROJECT, repo=pull_request.head_repo_id)
        except Gone:
            return None
        return answer.read(ProjectShape).repo(self._client.connection.key)

    @asynccontextmanager
    async def pushing(self, repo: Repo) -> AsyncGenerator[GitAccess]:
        """The project's name is asked for now: git would follow a renamed one's redirect to wherever it leads."""
        project = (await self._calls.send(routes.PROJECT, repo=repo.repo_id)).read(ProjectShape)
        yield await self._client.git_access(project.path_with_namespace)

    async def commit(self, _repo: Repo, _branch: str, _commit: SpelledCommit, /) -> str | None:
        """None: whether GitLab signs what its API commits is its administrator's choice, and cannot be asked."""
        return None

    async def identity(self) -> CommitIdentity:
        """Linked to the bot's account by the private address that GitLab gives every user."""
        me = (await self._calls.send(routes.ME)).read(UserShape)
        host = urlsplit(self._client.connection.web_url).hostname or "gitlab.com"
        return CommitIdentity(name=me.username, email=f"{me.id}-{me.username}@users.noreply.{host}")
