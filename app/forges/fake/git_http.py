"""git over smart HTTP: who may read, who may push, and what a push sets in motion."""

import asyncio
import re
from collections import defaultdict
from dataclasses import dataclass

from app.forges.fake.access import Viewer, sign_in
from app.forges.fake.acts.pull_requests import branch_moved
from app.forges.fake.entities import Repository
from app.forges.fake.errors import Refusal
from app.forges.fake.exchange import Answer, Request
from app.forges.fake.smart_http import plain_text, serve_git
from app.forges.fake.state import FakeGitHub

_PATH = re.compile(r"^/([^/]+)/([^/]+?)(?:\.git)?/(info/refs|git-upload-pack|git-receive-pack)$")
_ASK = {"www-authenticate": 'Basic realm="GitHub"'}


@dataclass(frozen=True)
class GitRequest:
    """A request of a git client: which repository, which service, and the path inside it."""

    owner: str
    name: str
    inside: str
    pushes: bool


def as_git(request: Request) -> GitRequest | None:
    found = _PATH.match(request.path)
    if found is None:
        return None
    service = request.query.get("service", found[3])
    return GitRequest(found[1], found[2], found[3], service == "git-receive-pack")


class GitDoor:
    """Serves git clients; pushes to one repository happen one after another."""

    def __init__(self, github: FakeGitHub) -> None:
        self._github = github
        self._locks: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def serve(self, request: Request, git: GitRequest) -> Answer:
        try:
            viewer = sign_in(self._github, request.headers.get("authorization", ""))
        except Refusal:
            return plain_text(401, "Invalid username or token.", _ASK)
        repo = self._github.find_repository(git.owner, git.name)
        if repo is None or not viewer.sees(repo):
            return plain_text(401, "Repository not found.", _ASK) if viewer.user is None else _NOT_FOUND
        problem = _refused(viewer, repo, git)
        if problem is not None:
            return problem
        if git.pushes and git.inside == "git-receive-pack":
            return await self._push(request, viewer, repo)
        return await serve_git(repo.git, request, git.inside, {})

    async def _push(self, request: Request, viewer: Viewer, repo: Repository) -> Answer:
        async with self._locks[repo.repo_id]:
            before = await repo.git.refs()
            answer = await serve_git(repo.git, request, "git-receive-pack", _push_rules(viewer, repo))
            after = await repo.git.refs()
        for ref in sorted(before.keys() | after.keys()):
            branch = ref.removeprefix("refs/heads/")
            await branch_moved(self._github, repo, branch, before.get(ref), after.get(ref), viewer.acting_user())
        return answer


def _refused(viewer: Viewer, repo: Repository, git: GitRequest) -> Answer | None:
    if git.pushes and viewer.user is None:
        return plain_text(401, "No anonymous write access.", _ASK)
    if git.pushes and not viewer.allows(repo, "contents:write"):
        login = viewer.acting_user().login
        return plain_text(403, f"Permission to {repo.full_name}.git denied to {login}.")
    if not git.pushes and not viewer.allows(repo, "contents:read"):
        return plain_text(403, "Write access to repository not granted.")
    return None


def _push_rules(viewer: Viewer, repo: Repository) -> dict[str, str]:
    """What the repository's update hook refuses; see bare.py."""
    token = viewer.token
    is_app = token is not None and token.installation is not None
    may_change_workflows = not is_app or (token is not None and token.permissions.get("workflows") == "write")
    return {
        "PROTECTED_BRANCHES": "\n".join(sorted(repo.protected_branches | repo.signed_branches)),
        "REFUSE_WORKFLOWS": "" if may_change_workflows else "yes",
    }


_NOT_FOUND = plain_text(404, "Repository not found.")
