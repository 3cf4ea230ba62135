"""git over smart HTTP: who may read, who may push, and what a push sets in motion."""

import asyncio
import re
from collections import defaultdict
from dataclasses import dataclass

from app.forges.fake.errors import Refusal
from app.forges.fake.exchange import Answer, Request
from app.forges.fake.gitlab.access import Viewer, sign_in_to_git
from app.forges.fake.gitlab.acts.merge_requests import branch_moved
from app.forges.fake.gitlab.entities import Access, Project
from app.forges.fake.gitlab.state import GitLabState
from app.forges.fake.smart_http import plain_text, serve_git

_PATH = re.compile(r"^/((?:[^/]+/)+[^/]+?)\.git/(info/refs|git-upload-pack|git-receive-pack)$")
_ASK = {"www-authenticate": 'Basic realm="GitLab"'}
_READ_SCOPES = ("api", "read_repository", "write_repository")
_WRITE_SCOPES = ("api", "write_repository")
_DENIED = "HTTP Basic: Access denied. The provided password or token is incorrect or your account has 2FA enabled."
_NO_PROJECT = "The project you were looking for could not be found or you don't have permission to view it."
_MAY_NOT_READ = "You are not allowed to download code from this project."
_MAY_NOT_PUSH = "You are not allowed to push code to this project."
_PROTECTED = "GitLab: You are not allowed to push code to protected branches on this project."


@dataclass(frozen=True)
class GitRequest:
    """A request of a git client: which project, and the path inside it."""

    project_path: str
    inside: str
    pushes: bool


def as_git(request: Request) -> GitRequest | None:
    found = _PATH.match(request.path)
    if found is None:
        return None
    return GitRequest(found[1], found[2], request.query.get("service", found[2]) == "git-receive-pack")


class GitDoor:
    """Serves git clients; pushes to one project happen one after another."""

    def __init__(self, gitlab: GitLabState) -> None:
        self._gitlab = gitlab
        self._locks: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def serve(self, request: Request, git: GitRequest) -> Answer:
        try:
            viewer = sign_in_to_git(self._gitlab, request.headers.get("authorization", ""))
        except Refusal:
            return plain_text(401, _DENIED, _ASK)
        found = self._gitlab.find_project(git.project_path)
        if found is None or not self._sees(viewer, found[0]):
            return plain_text(401, _DENIED, _ASK) if viewer.user is None else plain_text(404, _NO_PROJECT)
        project, moved = found
        if moved:
            return self._elsewhere(request, project, git)
        problem = self._refused(viewer, project, git)
        if problem is not None:
            return problem
        if git.inside == "git-receive-pack":
            return await self._push(request, viewer, project)
        return await serve_git(project.git, request, git.inside, {})

    def _sees(self, viewer: Viewer, project: Project) -> bool:
        return project.is_seen_by(viewer.user) or bool(shared_branches(self._gitlab, project, viewer))

    def _elsewhere(self, request: Request, project: Project, git: GitRequest) -> Answer:
        address = f"{self._gitlab.web_url}/{project.full_path}.git/{git.inside}"
        query = f"?{request.query_string}" if request.query_string else ""
        return Answer(301, headers={"location": address + query})

    async def _push(self, request: Request, viewer: Viewer, project: Project) -> Answer:
        async with self._locks[project.project_id]:
            before = await project.git.refs()
            answer = await serve_git(project.git, request, "git-receive-pack", self._rules(viewer, project))
            after = await project.git.refs()
        for ref in sorted(before.keys() | after.keys()):
            branch = ref.removeprefix("refs/heads/")
            user = viewer.acting_user()
            await branch_moved(self._gitlab, project, branch, before.get(ref), after.get(ref), user)
        return answer

    def _rules(self, viewer: Viewer, project: Project) -> dict[str, str]:
        """What the update hook refuses; see bare.py."""
        role = project.role_of(viewer.acting_user())
        closed = [branch for branch, needed in project.protected_branches.items() if role < needed]
        rules = {"PROTECTED_BRANCHES": "\n".join(sorted(closed)), "PROTECTED_SAYS": _PROTECTED}
        if role < Access.DEVELOPER:
            rules["ALLOWED_BRANCHES"] = "\n".join(shared_branches(self._gitlab, project, viewer))
        return rules

    def _refused(self, viewer: Viewer, project: Project, git: GitRequest) -> Answer | None:
        shared = bool(shared_branches(self._gitlab, project, viewer))
        scopes = _WRITE_SCOPES if git.pushes else _READ_SCOPES
        if viewer.token is not None and not viewer.token.scopes.intersection(scopes):
            return plain_text(403, _MAY_NOT_PUSH if git.pushes else _MAY_NOT_READ)
        if git.pushes and viewer.user is None:
            return plain_text(401, _DENIED, _ASK)
        if git.pushes and (project.archived or not (shared or viewer.may(project, Access.DEVELOPER))):
            return plain_text(403, _MAY_NOT_PUSH)
        if not git.pushes and project.private and not (shared or viewer.may(project, Access.REPORTER)):
            return plain_text(403, _MAY_NOT_READ)
        return None


def shared_branches(gitlab: GitLabState, project: Project, viewer: Viewer) -> list[str]:
    """Branches of a fork whose author lets the members of the target project commit to them."""
    return [
        item.source_branch
        for item in gitlab.merge_requests()
        if item.source_project is project
        and item.state == "opened"
        and item.allow_collaboration
        and viewer.may(item.project, Access.DEVELOPER)
    ]
