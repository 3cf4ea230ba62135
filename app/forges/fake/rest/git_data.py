"""The git data API: refs, blobs, trees, commits, for those who write without git."""

import base64
import binascii
from typing import Literal

from pydantic import BaseModel

from app.forges.fake.acts.pull_requests import branch_moved
from app.forges.fake.errors import Refusal, not_found
from app.forges.fake.http import Answer, Call, Json, Routes
from app.forges.fake.shapes.repositories import git_commit, git_ref

routes = Routes()

_GIT = "/repos/{owner}/{repo}/git"


class NewRef(BaseModel):
    ref: str
    sha: str


class RefChange(BaseModel):
    sha: str
    force: bool = False


class NewBlob(BaseModel):
    content: str
    encoding: Literal["utf-8", "base64"] = "utf-8"


class NewTreeEntry(BaseModel):
    path: str
    mode: str = "100644"
    type: str = "blob"
    sha: str | None = None
    content: str | None = None


class NewTree(BaseModel):
    tree: list[NewTreeEntry]
    base_tree: str | None = None


class NewCommit(BaseModel):
    message: str
    tree: str
    parents: list[str] = []


@routes.on(f"GET {_GIT}/ref/{{ref...}}", needs="contents:read")
async def get_ref(call: Call) -> Answer:
    ref = f"refs/{call.params['ref']}"
    return Answer(data=git_ref(call.github, call.repo, ref, await _tip(call, ref)))


@routes.on(f"POST {_GIT}/refs", needs="contents:write")
async def create_ref(call: Call) -> Answer:
    wanted, git = call.read(NewRef), call.repo.git
    if not wanted.ref.startswith("refs/") or wanted.ref.count("/") < 2:
        raise Refusal(422, "Reference name must start with 'refs/' and contain at least one additional slash")
    if wanted.ref in await git.refs(wanted.ref):
        raise Refusal(422, "Reference already exists")
    if await git.resolve(wanted.sha) != wanted.sha:
        raise Refusal(422, "Object does not exist")
    await git.set_ref(wanted.ref, wanted.sha)
    await _tell(call, wanted.ref, None, wanted.sha)
    return Answer(201, git_ref(call.github, call.repo, wanted.ref, wanted.sha))


@routes.on(f"PATCH {_GIT}/refs/{{ref...}}", needs="contents:write")
async def update_ref(call: Call) -> Answer:
    wanted, git, ref = call.read(RefChange), call.repo.git, f"refs/{call.params['ref']}"
    before = (await git.refs(ref)).get(ref)
    if before is None:
        raise Refusal(422, "Reference does not exist")
    if await git.resolve(wanted.sha) != wanted.sha:
        raise Refusal(422, "Object does not exist")
    if not wanted.force and not await git.contains(before, wanted.sha):
        raise Refusal(422, "Update is not a fast forward")
    await git.set_ref(ref, wanted.sha)
    await _tell(call, ref, before, wanted.sha)
    return Answer(data=git_ref(call.github, call.repo, ref, wanted.sha))


@routes.on(f"DELETE {_GIT}/refs/{{ref...}}", needs="contents:write")
async def delete_ref(call: Call) -> Answer:
    ref = f"refs/{call.params['ref']}"
    before = (await call.repo.git.refs(ref)).get(ref)
    if before is None:
        raise Refusal(422, "Reference does not exist")
    await call.repo.git.delete_ref(ref)
    await _tell(call, ref, before, None)
    return Answer(204)


@routes.on(f"POST {_GIT}/blobs", needs="contents:write")
async def create_blob(call: Call) -> Answer:
    wanted = call.read(NewBlob)
    try:
        content = base64.b64decode(wanted.content) if wanted.encoding == "base64" else wanted.content.encode()
    except binascii.Error:
        raise Refusal(422, "content is not valid Base64") from None
    sha = await call.repo.git.write_object("blob", content)
    return Answer(201, {"sha": sha, "url": f"{_address(call)}/blobs/{sha}"})


@routes.on(f"GET {_GIT}/blobs/{{file_sha}}", needs="contents:read")
async def get_blob(call: Call) -> Answer:
    sha = call.params["file_sha"]
    content = await call.repo.git.read_object("blob", sha)
    if content is None:
        raise not_found()
    data: Json = {
        "sha": sha,
        "node_id": f"B_{sha}",
        "size": len(content),
        "url": f"{_address(call)}/blobs/{sha}",
        "content": base64.encodebytes(content).decode(),
        "encoding": "base64",
    }
    return Answer(data=data)


@routes.on(f"POST {_GIT}/trees", needs="contents:write")
async def create_tree(call: Call) -> Answer:
    wanted, git = call.read(NewTree), call.repo.git
    entries: list[tuple[str, str, str | None]] = []
    for entry in wanted.tree:
        sha = entry.sha
        if entry.content is not None:
            sha = await git.write_object("blob", entry.content.encode())
        entries.append((entry.mode, entry.path, sha))
    sha = await git.write_tree(wanted.base_tree, entries)
    return Answer(201, await _tree(call, sha, recursive=False))


@routes.on(f"GET {_GIT}/trees/{{tree_sha}}", needs="contents:read")
async def get_tree(call: Call) -> Answer:
    return Answer(data=await _tree(call, call.params["tree_sha"], recursive="recursive" in call.request.query))


@routes.on(f"POST {_GIT}/commits", needs="contents:write")
async def create_commit(call: Call) -> Answer:
    wanted, user = call.read(NewCommit), call.viewer.acting_user()
    sha = await call.repo.git.commit_tree(wanted.tree, wanted.parents, message=wanted.message, author=user.login)
    return Answer(201, git_commit(call.github, call.repo, await call.repo.git.commit_details(sha)))


@routes.on(f"GET {_GIT}/commits/{{commit_sha}}", needs="contents:read")
async def get_commit(call: Call) -> Answer:
    sha = await call.repo.git.resolve(call.params["commit_sha"])
    if sha is None:
        raise not_found()
    return Answer(data=git_commit(call.github, call.repo, await call.repo.git.commit_details(sha)))


async def _tip(call: Call, ref: str) -> str:
    sha = (await call.repo.git.refs(ref)).get(ref)
    if sha is None:
        raise not_found()
    return sha


async def _tell(call: Call, ref: str, before: str | None, after: str | None) -> None:
    if ref.startswith("refs/heads/"):
        branch = ref.removeprefix("refs/heads/")
        await branch_moved(call.github, call.repo, branch, before, after, call.viewer.acting_user())


async def _tree(call: Call, sha: str, *, recursive: bool) -> Json:
    entries = await call.repo.git.tree(sha, recursive=recursive)
    shown = [
        {
            "path": path,
            "mode": mode,
            "type": kind,
            "sha": entry_sha,
            "url": f"{_address(call)}/{kind}s/{entry_sha}",
            **({"size": size} if kind == "blob" else {}),
        }
        for mode, kind, entry_sha, path, size in entries
    ]
    return {"sha": sha, "url": f"{_address(call)}/trees/{sha}", "tree": shown, "truncated": False}


def _address(call: Call) -> str:
    return f"{call.github.api_url}/repos/{call.repo.full_name}/git"
