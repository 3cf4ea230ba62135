"""Reading GitLab with routes that change nothing."""

from collections.abc import Sequence

from app.domain.errors import Gone
from app.domain.pull_request import Permission, Person, PullRequest, PullRequestRef, Repo
from app.forges.base import GitAccess, Thread
from app.forges.gitlab import routes
from app.forges.gitlab.calls import Calls
from app.forges.gitlab.client import GitLabClient
from app.forges.gitlab.discussions import Discussions
from app.forges.gitlab.heads import Heads
from app.forges.gitlab.models import (
    BranchShape,
    MemberShape,
    MergeRequestShape,
    ProjectShape,
    UserShape,
)

# Least role by level: https://docs.gitlab.com/api/members/#roles. A guest of a private project cannot see its code.
_LEVELS = (
    (50, Permission.ADMIN),
    (40, Permission.MAINTAIN),
    (30, Permission.WRITE),
    (20, Permission.TRIAGE),
    (10, Permission.READ),
)
# From this role on a project's code can be read: Reporter.
_REPORTER = 20


class GitLabReader:
    """The `ForgeReader` of one connection."""

    def __init__(self, client: GitLabClient, heads: Heads, user_id: int) -> None:
        self._client = client
        self._heads = heads
        self._calls = Calls(client, routes.READER_ROUTES)
        self._discussions = Discussions(self._calls, user_id)
        # Last known names by id: git knows projects by name only.
        self._names: dict[str, str] = {}

    async def pull_request(self, ref: PullRequestRef) -> PullRequest:
        answer = await self._calls.send(routes.MERGE_REQUEST, repo=ref.repo_id, number=ref.number)
        shape = answer.read(MergeRequestShape)
        head = self._heads.keep(ref, shape)
        repo = await self._project(ref.repo_id)
        return shape.pull_request(repo, head_sha=head.head_sha, base_sha=head.start_sha)

    async def repositories(self) -> Sequence[Repo]:
        """Every project our user is a member of, by its own right or a group's, and may read."""
        wanted: dict[str, str | int] = {
            "membership": "true",
            "min_access_level": _REPORTER,
            "order_by": "id",
            "sort": "asc",
        }
        shapes = await self._calls.all(routes.PROJECTS, ProjectShape, wanted)
        return [self._known(shape) for shape in shapes]

    async def find_repo(self, full_name: str) -> Repo:
        return await self._project(full_name)

    async def open_pull_requests(self, repo: Repo) -> Sequence[PullRequest]:
        """Lists name the head alone; the base is where the target branch is now, asked once for each branch."""
        shapes = await self._calls.all(routes.MERGE_REQUESTS, MergeRequestShape, {"state": "opened"}, repo=repo.repo_id)
        tips = {branch: await self._tip(repo, branch) for branch in sorted({one.target_branch for one in shapes})}
        return [
            shape.pull_request(repo, head_sha=shape.sha, base_sha=tip)
            for shape in shapes
            # Without commits, or without a branch to go to, there is no change.
            if shape.sha and (tip := tips[shape.target_branch])
        ]

    async def permission(self, repo: Repo, person: Person) -> Permission:
        """The role of a living account, inherited ones included."""
        try:
            answer = await self._calls.send(routes.MEMBER, repo=repo.repo_id, user=person.user_id)
        except Gone:
            return await self._outsider(repo, person)
        member = answer.read(MemberShape)
        if str(member.id) != person.user_id or {member.state, member.membership_state} != {"active"}:
            return Permission.NONE
        return next((one for level, one in _LEVELS if member.access_level >= level), Permission.NONE)

    async def threads(self, ref: PullRequestRef) -> Sequence[Thread]:
        return await self._discussions.threads(ref)

    async def git_access(self, repo: Repo) -> GitAccess:
        return await self._client.git_access(self._names.get(repo.repo_id, repo.full_name))

    async def me(self) -> Person:
        return (await self._calls.send(routes.ME)).read(UserShape).person()

    async def _outsider(self, repo: Repo, person: Person) -> Permission:
        """Who is no member reads what is public, as long as the account is there."""
        if repo.private:
            return Permission.NONE
        try:
            user = (await self._calls.send(routes.USER, user=person.user_id)).read(UserShape)
        except Gone:
            return Permission.NONE
        return Permission.READ if user.state == "active" else Permission.NONE

    async def _project(self, repo_id: str) -> Repo:
        return self._known((await self._calls.send(routes.PROJECT, repo=repo_id)).read(ProjectShape))

    async def _tip(self, repo: Repo, branch: str) -> str:
        try:
            answer = await self._calls.send(routes.BRANCH, repo=repo.repo_id, branch=branch)
        except Gone:
            return ""
        return answer.read(BranchShape).commit.id

    def _known(self, shape: ProjectShape) -> Repo:
        repo = shape.repo(self._client.connection.key)
        self._names[repo.repo_id] = repo.full_name
        return repo
