"""A project's git data: branches, commits, files, comparison, commit statuses and pipelines."""

import base64
from typing import Literal

from pydantic import BaseModel

from app.forges.fake.commits import Commit
from app.forges.fake.exchange import Answer
from app.forges.fake.gitlab.acts.merge_requests import branch_moved
from app.forges.fake.gitlab.acts.statuses import WantedStatus, set_status
from app.forges.fake.gitlab.call import Call, Json, Routes
from app.forges.fake.gitlab.entities import Access, Status, StatusState
from app.forges.fake.gitlab.errors import bad_parameter, bad_request, not_found
from app.forges.fake.gitlab.shapes.merge_requests import diff_file, pipeline_shape, status
from app.forges.fake.gitlab.state import GitLabState

routes = Routes()
_FILES = "/projects/{id}/repository"


class _Status(BaseModel):
    state: StatusState
    name: str | None = None
    context: str | None = None
    ref: str | None = None
    description: str | None = None
    target_url: str | None = None
    pipeline_id: int | None = None


class _Branch(BaseModel):
    branch: str
    ref: str


class _Action(BaseModel):
    action: Literal["create", "update", "delete"]
    file_path: str
    content: str = ""
    encoding: Literal["text", "base64"] = "text"


class _Commit(BaseModel):
    branch: str
    commit_message: str
    actions: list[_Action]
    start_branch: str | None = None
    start_sha: str | None = None


def commit_shape(gitlab: GitLabState, item: Commit) -> Json:
    return {
        "id": item.sha,
        "short_id": item.sha[:8],
        "parent_ids": list(item.parents),
        "title": item.message.partition("\n")[0],
        "message": item.message,
        "author_name": item.author[0],
        "author_email": item.author[1],
        "authored_date": item.author[2],
        "committer_name": item.committer[0],
        "committer_email": item.committer[1],
        "committed_date": item.committer[2],
        "created_at": item.committer[2],
        "web_url": f"{gitlab.web_url}/-/commit/{item.sha}",
    }


@routes.on("POST /projects/{id}/statuses/{sha}", needs="developer")
async def post_status(call: Call) -> Answer:
    wanted = call.read(_Status)
    made = await set_status(
        call.gitlab,
        call.project,
        call.user,
        WantedStatus(
            sha=call.params["sha"],
            state=wanted.state,
            name=wanted.name or wanted.context or "default",
            ref=wanted.ref,
            description=wanted.description,
            target_url=wanted.target_url,
            pipeline_id=wanted.pipeline_id,
        ),
    )
    return Answer(201, status(call.gitlab, made))


@routes.on(f"GET {_FILES}/commits/{{sha}}/statuses", needs="reporter")
async def statuses(call: Call) -> Answer:
    """The newest of each name; all of them when asked."""
    if await call.project.git.resolve(call.params["sha"]) is None:
        raise not_found("Commit")
    found: list[Status] = []
    for pipeline in call.project.pipelines:
        if pipeline.sha == call.params["sha"] and call.query.get("ref") in (None, pipeline.ref):
            newest = {one.name: one for one in pipeline.statuses}
            found += pipeline.statuses if call.query.get("all") == "true" else newest.values()
    name = call.query.get("name")
    return call.page([one for one in found if name in (None, one.name)], status)


@routes.on("GET /projects/{id}/pipelines", needs="reporter")
async def pipelines(call: Call) -> Answer:
    sha, ref = call.query.get("sha"), call.query.get("ref")
    found = [one for one in call.project.pipelines if sha in (None, one.sha) and ref in (None, one.ref)]
    return call.page(found[::-1], pipeline_shape)


@routes.on(f"GET {_FILES}/branches")
async def branches(call: Call) -> Answer:
    _check_code(call)
    names = sorted(name.removeprefix("refs/heads/") for name in await call.project.git.refs())
    shown = [await _branch(call, name) for name in names]
    return call.page(shown, lambda _, one: one)


@routes.on(f"GET {_FILES}/branches/{{branch}}")
async def branch(call: Call) -> Answer:
    _check_code(call)
    return Answer(data=await _branch(call, call.params["branch"]))


@routes.on(f"POST {_FILES}/branches", needs="developer")
async def make_branch(call: Call) -> Answer:
    wanted, git = call.read(_Branch), call.project.git
    sha = await git.resolve(wanted.ref)
    if sha is None:
        raise bad_request("Invalid reference name: " + wanted.ref)
    if await git.resolve(wanted.branch) is not None:
        raise bad_request("Branch already exists")
    await git.set_ref(f"refs/heads/{wanted.branch}", sha)
    await branch_moved(call.gitlab, call.project, wanted.branch, None, sha, call.user)
    return Answer(201, await _branch(call, wanted.branch))


@routes.on(f"DELETE {_FILES}/branches/{{branch}}", needs="developer")
async def delete_branch(call: Call) -> Answer:
    name, git = call.params["branch"], call.project.git
    sha = await git.resolve(name)
    if sha is None:
        raise not_found("Branch")
    await git.delete_ref(f"refs/heads/{name}")
    await branch_moved(call.gitlab, call.project, name, sha, None, call.user)
    return Answer(204)


@routes.on("GET /projects/{id}/protected_branches", needs="reporter")
async def protected_branches(call: Call) -> Answer:
    return call.page(sorted(call.project.protected_branches.items()), lambda _, held: _protected(*held))


@routes.on("GET /projects/{id}/protected_branches/{branch}", needs="reporter")
async def protected_branch(call: Call) -> Answer:
    held = call.project.protected_branches.get(call.params["branch"])
    if held is None:
        raise not_found()
    return Answer(data=_protected(call.params["branch"], held))


@routes.on(f"GET {_FILES}/commits/{{sha}}")
async def commit(call: Call) -> Answer:
    _check_code(call)
    return Answer(data=commit_shape(call.gitlab, await _commit(call, call.params["sha"])))


@routes.on(f"POST {_FILES}/commits", needs="developer")
async def make_commit(call: Call) -> Answer:
    wanted, project = call.read(_Commit), call.project
    async with project.pushing:
        before = await project.git.resolve(wanted.branch)
        parent = before
        if before is None or wanted.start_sha:
            parent = await project.git.resolve(wanted.start_sha or wanted.start_branch or project.default_branch)
        changes = {one.file_path: _content(one) for one in wanted.actions}
        after = await project.git.commit(
            wanted.branch, changes, message=wanted.commit_message, author=call.user.username, parent=parent
        )
    await branch_moved(call.gitlab, project, wanted.branch, before, after, call.user)
    return Answer(201, commit_shape(call.gitlab, await project.git.commit_details(after)))


@routes.on(f"GET {_FILES}/compare")
async def compare(call: Call) -> Answer:
    _check_code(call)
    git, query = call.project.git, call.query
    if "from" not in query or "to" not in query:
        raise bad_parameter("from is missing, to is missing")
    start, end = await _commit(call, query["from"]), await _commit(call, query["to"])
    base = start.sha if query.get("straight") == "true" else await git.merge_base(start.sha, end.sha)
    commits = [commit_shape(call.gitlab, one) for one in await git.commits(base, end.sha)]
    shown = [diff_file(call.gitlab, file) for file in (await git.diff(base, end.sha)).files]
    return Answer(data={"commit": commits[-1] if commits else None, "commits": commits, "diffs": shown})


@routes.on(f"GET {_FILES}/files/{{path}}/raw")
async def raw_file(call: Call) -> Answer:
    return Answer(content=(await _file(call))[1], headers={"content-type": "text/plain"})


@routes.on(f"GET {_FILES}/files/{{path}}")
async def file(call: Call) -> Answer:
    sha, content = await _file(call)
    path = call.params["path"]
    return Answer(
        data={
            "file_name": path.rpartition("/")[2],
            "file_path": path,
            "size": len(content),
            "encoding": "base64",
            "content": base64.b64encode(content).decode(),
            "ref": call.query["ref"],
            "commit_id": sha,
        }
    )


def _check_code(call: Call) -> None:
    if call.project.private:
        call.require(Access.REPORTER)


async def _commit(call: Call, name: str) -> Commit:
    sha = await call.project.git.resolve(name)
    if sha is None:
        raise not_found("Commit")
    return await call.project.git.commit_details(sha)


async def _branch(call: Call, name: str) -> Json:
    sha = (await call.project.git.refs()).get(f"refs/heads/{name}")
    if sha is None:
        raise not_found("Branch")
    needed = call.project.protected_branches.get(name)
    role = call.project.role_of(call.viewer.user) if call.viewer.user else Access.NONE
    return {
        "name": name,
        "commit": commit_shape(call.gitlab, await call.project.git.commit_details(sha)),
        "merged": False,
        "protected": needed is not None,
        "developers_can_push": needed is not None and needed <= Access.DEVELOPER,
        "developers_can_merge": needed is not None and needed <= Access.DEVELOPER,
        "can_push": role >= (needed or Access.DEVELOPER),
        "default": name == call.project.default_branch,
        "web_url": f"{call.gitlab.web_url}/{call.project.full_path}/-/tree/{name}",
    }


def _protected(name: str, needed: Access) -> Json:
    levels = [{"access_level": int(needed), "access_level_description": needed.name.title()}]
    return {"name": name, "push_access_levels": levels, "merge_access_levels": levels, "allow_force_push": False}


async def _file(call: Call) -> tuple[str, bytes]:
    _check_code(call)
    ref = call.query.get("ref")
    if ref is None:
        raise bad_parameter("ref is missing")
    found = await _commit(call, call.project.default_branch if ref == "HEAD" else ref)
    content = await call.project.git.read_file(found.sha, call.params["path"])
    if content is None:
        raise not_found("File")
    return found.sha, content


def _content(action: _Action) -> bytes | None:
    if action.action == "delete":
        return None
    return base64.b64decode(action.content) if action.encoding == "base64" else action.content.encode()
