"""A project of the fake, for people to act on."""

from collections.abc import Mapping

from app.domain.pull_request import Permission
from app.forges.fake.commits import Content
from app.forges.fake.git import GitRepository
from app.forges.fake.gitlab.acts.merge_requests import branch_moved
from app.forges.fake.gitlab.acts.opening import NewMergeRequest, open_merge_request
from app.forges.fake.gitlab.entities import Access, Project
from app.forges.fake.gitlab.pull_scenario import FakeMergeRequest
from app.forges.fake.gitlab.state import GitLabState

# The role that stands for what a person may do.
ROLES = {
    Permission.NONE: Access.NONE,
    Permission.READ: Access.GUEST,
    Permission.TRIAGE: Access.REPORTER,
    Permission.WRITE: Access.DEVELOPER,
    Permission.MAINTAIN: Access.MAINTAINER,
    Permission.ADMIN: Access.OWNER,
}


class FakeProject:
    """A project of the fake, for people to act on."""

    def __init__(self, gitlab: GitLabState, project: Project) -> None:
        self._gitlab = gitlab
        self.project = project

    @property
    def full_name(self) -> str:
        return self.project.full_path

    @property
    def repo_id(self) -> str:
        return str(self.project.project_id)

    @property
    def clone_url(self) -> str:
        return f"{self._gitlab.web_url}/{self.full_name}.git"

    @property
    def git(self) -> GitRepository:
        return self.project.git

    def set_role(self, login: str, role: Permission | Access) -> None:
        access = ROLES[role] if isinstance(role, Permission) else role
        self.project.members[self._gitlab.user(login).user_id] = access

    def archive(self, *, archived: bool = True) -> None:
        self.project.archived = archived

    def protect(self, branch: str, *, push: Access = Access.MAINTAINER) -> None:
        """Only these still push to this branch."""
        self.project.protected_branches[branch] = push

    def rename(self, name: str) -> None:
        self._gitlab.move_project(self.project, path=name)

    def transfer(self, group: str) -> None:
        self._gitlab.move_project(self.project, namespace=self._gitlab.group(group))

    def delete(self) -> None:
        self.project.deleted = True

    async def commit(
        self,
        changes: Mapping[str, Content],
        *,
        branch: str | None = None,
        message: str = "Change",
        author: str = "maria",
    ) -> str:
        """Commit on a branch (the default one, unless named; made from it when new); merge requests follow."""
        name = branch or self.project.default_branch
        async with self.project.pushing:
            before = await self.git.resolve(name)
            parent = before or await self.git.resolve(self.project.default_branch)
            after = await self.git.commit(name, changes, message=message, author=author, parent=parent)
        await branch_moved(self._gitlab, self.project, name, before, after, self._gitlab.user(author))
        return after

    async def delete_branch(self, branch: str, *, by: str = "maria") -> None:
        before = await self.git.resolve(branch)
        await self.git.delete_ref(f"refs/heads/{branch}")
        await branch_moved(self._gitlab, self.project, branch, before, None, self._gitlab.user(by))

    async def fork(self, owner: str) -> "FakeProject":
        """A person's copy."""
        made = self._gitlab.create_project(
            self._gitlab.namespace_of(self._gitlab.user(owner)),
            self.project.path,
            visibility=self.project.visibility,
            default_branch=self.project.default_branch,
            fork_of=self.project,
        )
        await made.git.copy_from(self.git)
        return FakeProject(self._gitlab, made)

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
        from_fork: "FakeProject | None" = None,
        maintainer_can_modify: bool = False,
    ) -> FakeMergeRequest:
        """Commit the changes on a branch from the base, push it and open a merge request."""
        source = from_fork or self
        base = base or self.project.default_branch
        branch = branch or f"{author}/change-{self.project.last_iid + 1}"
        if changes is not None:
            parent = await source.git.resolve(branch) or await source.git.resolve(base)
            await source.git.commit(branch, changes, message=title, author=author, parent=parent)
        wanted = NewMergeRequest(
            title=f"Draft: {title}" if draft else title,
            description=body or "",
            source_project=source.project,
            source_branch=branch,
            target_branch=base,
            allow_collaboration=maintainer_can_modify,
        )
        item = await open_merge_request(self._gitlab, self.project, self._gitlab.user(author), wanted)
        return FakeMergeRequest(self._gitlab, item)

    def pull_request(self, number: int) -> FakeMergeRequest:
        return FakeMergeRequest(self._gitlab, self.project.merge_requests[number])
