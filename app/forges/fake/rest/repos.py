"""Repository endpoints: the repository itself, who may do what, files, commits, branches, comparisons."""

from urllib.parse import quote

from app.domain.pull_request import Permission
from app.forges.fake.commits import Commit
from app.forges.fake.entities import User
from app.forges.fake.errors import Refusal, not_found
from app.forges.fake.http import Answer, Call, Json, Routes
from app.forges.fake.shapes import repositories as shapes
from app.forges.fake.shapes.people import public_user, simple_user

routes = Routes()

COMPARED_FILES, COMPARED_COMMITS = 300, 250
# GitHub's older field knows fewer roles.
_OLD_WORD = {Permission.TRIAGE: "read", Permission.MAINTAIN: "write"}


@routes.on("GET /repos/{owner}/{repo}", needs="metadata:read")
async def get_repository(call: Call) -> Answer:
    return Answer(data=shapes.full_repository(call.github, call.repo))


@routes.on("GET /repos/{owner}/{repo}/collaborators/{username}", needs="metadata:read")
async def is_collaborator(call: Call) -> Answer:
    user = _user(call)
    if user.user_id not in call.repo.roles and user is not call.repo.owner:
        raise not_found()
    return Answer(204)


@routes.on("GET /repos/{owner}/{repo}/collaborators/{username}/permission", needs="metadata:read")
async def get_permission(call: Call) -> Answer:
    user = _user(call)
    role = call.repo.role_of(user)
    permissions = {
        "admin": role is Permission.ADMIN,
        "maintain": role.allows(Permission.MAINTAIN),
        "push": role.allows(Permission.WRITE),
        "triage": role.allows(Permission.TRIAGE),
        "pull": role.allows(Permission.READ),
    }
    shown: Json = {**simple_user(call.github, user), "permissions": permissions, "role_name": role.value}
    return Answer(data={"permission": _OLD_WORD.get(role, role.value), "role_name": role.value, "user": shown})


@routes.on("GET /users/{username}")
async def get_user(call: Call) -> Answer:
    return Answer(data=public_user(call.github, _user(call)))


@routes.on("GET /user")
async def get_authenticated_user(call: Call) -> Answer:
    if call.viewer.installation is not None:
        raise Refusal(403, "Resource not accessible by integration")
    return Answer(data=public_user(call.github, call.viewer.acting_user()))


@routes.on("GET /rate_limit")
async def get_rate_limit(call: Call) -> Answer:
    resources = call.github.limits.overview(call.viewer.account_key)
    search = {"limit": 30, "remaining": 30, "reset": resources["core"]["reset"], "used": 0}
    return Answer(data={"resources": {**resources, "search": search}, "rate": resources["core"]})


@routes.on("GET /repos/{owner}/{repo}/contents/{path...}", needs="contents:read")
async def get_content(call: Call) -> Answer:
    """A file or a folder at a ref; raw when asked for."""
    path = call.params["path"].strip("/")
    ref = call.request.query.get("ref", call.repo.default_branch)
    git = call.repo.git
    sha = await git.resolve(ref)
    if sha is None:
        raise Refusal(404, f"No commit found for the ref {ref}")
    content = await git.read_file(sha, path) if path else None
    if content is None:
        return await _folder(call, sha, path, ref)
    if "raw" in call.accept:
        return Answer(content=content, headers={"content-type": "application/vnd.github.raw; charset=utf-8"})
    entry = (await git.tree(sha, exact=path))[0]
    return Answer(data=shapes.content_file(call.github, call.repo, path, ref, entry[2], content))


@routes.on("GET /repos/{owner}/{repo}/commits/{ref}", needs="contents:read")
async def get_commit(call: Call) -> Answer:
    commit = await _commit(call, call.params["ref"])
    shown = shapes.commit(call.github, call.repo, commit)
    diff = await call.repo.git.diff(commit.parents[0], commit.sha) if commit.parents else None
    added, removed = (diff.additions, diff.deletions) if diff else (0, 0)
    shown["stats"] = {"additions": added, "deletions": removed, "total": added + removed}
    files = diff.files if diff else ()
    shown["files"] = [shapes.changed_file(call.github, call.repo, commit.sha, file) for file in files]
    return Answer(data=shown)


@routes.on("GET /repos/{owner}/{repo}/compare/{basehead...}", needs="contents:read")
async def compare(call: Call) -> Answer:
    base_name, dots, head_name = call.params["basehead"].partition("...")
    if not dots:
        raise not_found()
    base, head = await _commit(call, base_name), await _commit(call, head_name)
    git = call.repo.git
    start = await git.merge_base(base.sha, head.sha)
    ahead, behind = await git.commits(base.sha, head.sha), await git.commits(head.sha, base.sha)
    diff = await git.diff(start, head.sha)
    if "diff" in call.accept:
        return Answer(content=diff.text, headers={"content-type": "application/vnd.github.diff; charset=utf-8"})
    words = {(False, False): "identical", (True, False): "ahead", (False, True): "behind", (True, True): "diverged"}
    web = f"{call.github.web_url}/{call.repo.full_name}/compare/{quote(call.params['basehead'])}"
    data: Json = {
        "url": f"{call.github.api_url}/repos/{call.repo.full_name}/compare/{quote(call.params['basehead'])}",
        "html_url": web,
        "permalink_url": web,
        "diff_url": f"{web}.diff",
        "patch_url": f"{web}.patch",
        "base_commit": shapes.commit(call.github, call.repo, base),
        "merge_base_commit": shapes.commit(call.github, call.repo, await git.commit_details(start)),
        "status": words[bool(ahead), bool(behind)],
        "ahead_by": len(ahead),
        "behind_by": len(behind),
        "total_commits": len(ahead),
        "commits": [shapes.commit(call.github, call.repo, one) for one in ahead[:COMPARED_COMMITS]],
        "files": [shapes.changed_file(call.github, call.repo, head.sha, one) for one in diff.files[:COMPARED_FILES]],
    }
    return Answer(data=data)


@routes.on("GET /repos/{owner}/{repo}/branches/{branch...}", needs="contents:read")
async def get_branch(call: Call) -> Answer:
    name = call.params["branch"]
    tips = await call.repo.git.refs(f"refs/heads/{name}")
    sha = tips.get(f"refs/heads/{name}")
    if sha is None:
        raise Refusal(404, "Branch not found")
    tip = await call.repo.git.commit_details(sha)
    return Answer(data=shapes.branch(call.github, call.repo, name, tip))


async def _folder(call: Call, sha: str, path: str, ref: str) -> Answer:
    entries = await call.repo.git.tree(sha, path=path)
    if not entries:
        raise not_found()
    kinds = {"blob": "file", "tree": "dir", "commit": "submodule"}
    shown = [
        {"type": kinds[kind], **shapes.content_entry(call.github, call.repo, name, ref, blob_sha, size)}
        for _, kind, blob_sha, name, size in entries
    ]
    return Answer(data=shown)


async def _commit(call: Call, name: str) -> Commit:
    """A commit by any name; `owner:branch` reads from the fork, whose pull request brought it here."""
    owner, _, ref = name.rpartition(":")
    sha = await call.repo.git.resolve(ref)
    if owner and owner != call.repo.owner.login:
        tips = [
            one.head_sha for one in call.repo.pulls.values() if (one.head_owner.login, one.head_ref) == (owner, ref)
        ]
        sha = tips[-1] if tips else None
    if sha is None:
        raise not_found()
    return await call.repo.git.commit_details(sha)


def _user(call: Call) -> User:
    user = call.github.users.get(call.params["username"].lower())
    if user is None or user.deleted:
        raise not_found()
    return user
