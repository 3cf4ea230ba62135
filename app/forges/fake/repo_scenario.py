"""A repository of the fake, for people to act on."""

from collections.abc import Mapping

from app.domain.pull_request import Permission
from app.forges.fake.acts import pull_requests
from app.forges.fake.acts.opening import NewPullRequest, open_pull_request
from app.forges.fake.acts.repositories import fork_repository
from app.forges.fake.commits import Content
from app.forges.fake.entities import Repository
from app.forges.fake.git import GitRepository
from app.forges.fake.pull_scenario import FakePullRequest
from app.forges.fake.state import FakeGitHub


class FakeRepo:
    """A repository of the fake, for people to act on."""

    def __init__(self, github: FakeGitHub, repository: Repository) -> None:
        self._github = github
        self.repository = repository

    @property
    def full_name(self) -> str:
        return self.repository.full_name

    @property
    def repo_id(self) -> str:
        return str(self.repository.repo_id)

    @property
    def clone_url(self) -> str:
        return f"{self._github.web_url}/{self.full_name}.git"

    @property
    def git(self) -> GitRepository:
        return self.repository.git

    def set_role(self, login: str, role: Permission) -> None:
        self.repository.roles[self._github.user(login).user_id] = role

    def archive(self, *, archived: bool = True) -> None:
        self.repository.archived = archived

    def protect(self, branch: str) -> None:
        """Nobody pushes to this branch any more."""
        self.repository.protected_branches.add(branch)

    def require_signatures(self, branch: str) -> None:
        """This branch takes only commits that the forge made and signed."""
        self.repository.signed_branches.add(branch)

    def rename(self, name: str) -> None:
        self.repository.name = name

    def delete(self) -> None:
        self.repository.deleted = True

    async def commit(
        self,
        changes: Mapping[str, Content],
        *,
        branch: str | None = None,
        message: str = "Change",
        author: str = "maria",
    ) -> str:
        """Commit on a branch (the default one, unless named; made from it when new) and let pull requests follow."""
        name = branch or self.repository.default_branch
        async with self.repository.pushing:
            before = await self.git.resolve(name)
            parent = before or await self.git.resolve(self.repository.default_branch)
            after = await self.git.commit(name, changes, message=message, author=author, parent=parent)
        await pull_requests.branch_moved(self._github, self.repository, name, before, after, self._github.user(author))
        return after

    async def delete_branch(self, branch: str, *, by: str = "maria") -> None:
        before = await self.git.resolve(branch)
        await self.git.delete_ref(f"refs/heads/{branch}")
        await pull_requests.branch_moved(self._github, self.repository, branch, before, None, self._github.user(by))

    async def fork(self, owner: str) -> "FakeRepo":
        """A person's copy."""
        return FakeRepo(self._github, await fork_repository(self._github, self.repository, self._github.user(owner)))

    async def open_pull_request(
        self,
        *,
        author: str = "maria",
        title: str = "A change",
        body: str | None = None,
        branch: str | None = None,
        changes: Mapping[str, Content] | None = None,
        base: str | None = None,
        draft: bool = False,
        from_fork: "FakeRepo | None" = None,
        maintainer_can_modify: bool = False,
    ) -> FakePullRequest:
        """Commit the changes on a branch from the base, push it and open a pull request."""
        source = from_fork or self
        base = base or self.repository.default_branch
        branch = branch or f"{author}/change-{self.repository.last_number + 1}"
        if changes is not None:
            parent = await source.git.resolve(branch) or await source.git.resolve(base)
            await source.git.commit(branch, changes, message=title, author=author, parent=parent)
        wanted = NewPullRequest(
            title=title,
            body=body,
            head_repo=source.repository,
            head_ref=branch,
            base_ref=base,
            draft=draft,
            maintainer_can_modify=maintainer_can_modify,
        )
        pull = await open_pull_request(self._github, self.repository, self._github.user(author), wanted)
        return FakePullRequest(self._github, pull)

    def pull_request(self, number: int) -> FakePullRequest:
        return FakePullRequest(self._github, self.repository.pulls[number])
