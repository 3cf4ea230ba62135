"""Merge requests: opened, read, changed, approved and merged."""

from typing import Literal

from pydantic import BaseModel, Field

from app.forges.fake.exchange import Answer
from app.forges.fake.gitlab.acts import merge_requests as acts
from app.forges.fake.gitlab.acts.opening import NewMergeRequest, open_merge_request
from app.forges.fake.gitlab.acts.quick import carry_out
from app.forges.fake.gitlab.call import Call, Routes
from app.forges.fake.gitlab.entities import Access, MergeRequest, Version
from app.forges.fake.gitlab.errors import bad_request, conflict, forbidden, not_found
from app.forges.fake.gitlab.positions import diff_of_version
from app.forges.fake.gitlab.rest.repository import commit_shape
from app.forges.fake.gitlab.shapes.merge_requests import (
    diff_file,
    merge_request,
    merge_request_basic,
    pipeline_shape,
    pipelines_of,
    version,
)

routes = Routes()
_ONE = "/projects/{id}/merge_requests/{iid}"


class _New(BaseModel):
    source_branch: str
    target_branch: str
    title: str
    description: str = ""
    target_project_id: int | None = None
    allow_collaboration: bool = False
    squash: bool = False
    remove_source_branch: bool = False
    labels: str | list[str] = ""


class _Change(BaseModel):
    title: str | None = None
    description: str | None = None
    target_branch: str | None = None
    state_event: Literal["close", "reopen"] | None = None
    labels: str | list[str] | None = None
    add_labels: str | list[str] = ""
    remove_labels: str | list[str] = ""
    reviewer_ids: list[int] | None = None
    assignee_ids: list[int] | None = None
    discussion_locked: bool | None = None
    allow_collaboration: bool | None = None


class _Sha(BaseModel):
    sha: str | None = Field(default=None)


@routes.on("GET /projects/{id}/merge_requests")
async def listed(call: Call) -> Answer:
    if call.project.private:
        call.require(Access.REPORTER)
    query = call.query
    found = sorted(call.project.merge_requests.values(), key=lambda item: item.created_at)
    state = query.get("state", "all")
    found = [item for item in found if state in ("all", item.state)]
    for name, value in (("source_branch", query.get("source_branch")), ("target_branch", query.get("target_branch"))):
        found = [item for item in found if value in (None, getattr(item, name))]
    if "author_id" in query:
        found = [item for item in found if str(item.author.user_id) == query["author_id"]]
    if query.get("order_by") == "updated_at":
        found.sort(key=lambda item: item.updated_at)
    return call.page(found if query.get("sort") == "asc" else found[::-1], merge_request_basic)


@routes.on("POST /projects/{id}/merge_requests")
async def opened(call: Call) -> Answer:
    """The project of the path is the source; another target is named."""
    wanted = call.read(_New)
    target = call.project
    if wanted.target_project_id is not None:
        found = call.gitlab.find_project(str(wanted.target_project_id))
        if found is None or not found[0].is_seen_by(call.user):
            raise not_found("Project")
        target = found[0]
    if not call.viewer.may(call.project, Access.DEVELOPER):
        raise forbidden()
    new = NewMergeRequest(
        title=wanted.title,
        description=wanted.description,
        source_project=call.project,
        source_branch=wanted.source_branch,
        target_branch=wanted.target_branch,
        allow_collaboration=wanted.allow_collaboration,
        squash=wanted.squash,
    )
    item = await open_merge_request(call.gitlab, target, call.user, new)
    if wanted.labels:
        acts.set_labels(call.gitlab, item, _names(wanted.labels), call.user)
    return Answer(201, merge_request(call.gitlab, item))


@routes.on(f"GET {_ONE}")
async def one(call: Call) -> Answer:
    item = call.merge_request()
    shown = merge_request(call.gitlab, item)
    if item.unprepared_reads:
        item.unprepared_reads -= 1
    files = len((await diff_of_version(item.project.git, item.version)).files)
    return Answer(data={**shown, "changes_count": str(files) if files else None})


@routes.on(f"PUT {_ONE}")
async def change(call: Call) -> Answer:
    item, wanted = call.merge_request(), call.read(_Change)
    call.require_own(item.author, otherwise=Access.DEVELOPER)
    gitlab, user = call.gitlab, call.user
    description = wanted.description
    if description is not None:
        description = carry_out(gitlab, item, user, description, "description")
    acts.edit(gitlab, item, user, title=wanted.title, description=description)
    if wanted.target_branch is not None and wanted.target_branch != item.target_branch:
        await acts.retarget(gitlab, item, wanted.target_branch, user)
    _change_lists(call, item, wanted)
    if wanted.state_event == "close":
        acts.close(gitlab, item, user)
    elif wanted.state_event == "reopen":
        await acts.reopen(gitlab, item, user)
    return Answer(data=merge_request(gitlab, item))


@routes.on(f"PUT {_ONE}/merge")
async def merged(call: Call) -> Answer:
    item, wanted = call.merge_request(), call.read(_Sha)
    call.require(Access.DEVELOPER)
    if wanted.sha is not None and wanted.sha != item.head_sha:
        raise conflict("SHA does not match HEAD of source branch")
    await acts.merge(call.gitlab, item, call.user)
    return Answer(data=merge_request(call.gitlab, item))


@routes.on(f"POST {_ONE}/approve")
async def approved(call: Call) -> Answer:
    item, wanted = call.merge_request(), call.read(_Sha)
    call.require(Access.DEVELOPER)
    if wanted.sha is not None and wanted.sha != item.head_sha:
        raise conflict("SHA does not match HEAD of source branch")
    acts.approve(call.gitlab, item, call.user, approved=True)
    return Answer(201, _approvals(item))


@routes.on(f"POST {_ONE}/unapprove")
async def unapproved(call: Call) -> Answer:
    acts.approve(call.gitlab, call.merge_request(), call.user, approved=False)
    return Answer(201, _approvals(call.merge_request()))


@routes.on(f"GET {_ONE}/approvals")
async def approvals(call: Call) -> Answer:
    return Answer(data=_approvals(call.merge_request()))


@routes.on(f"GET {_ONE}/versions")
async def versions(call: Call) -> Answer:
    item = call.merge_request()
    return call.page([] if item.unprepared_reads else item.versions[::-1], version)


@routes.on(f"GET {_ONE}/versions/{{version_id}}")
async def one_version(call: Call) -> Answer:
    item = call.merge_request()
    found = next((one for one in item.versions if one.version_id == call.number("version_id")), None)
    if found is None:
        raise not_found()
    return Answer(data={**version(call.gitlab, found), **await _contents(call, item, found)})


@routes.on(f"GET {_ONE}/diffs")
async def diffs(call: Call) -> Answer:
    item = call.merge_request()
    return call.page((await diff_of_version(item.project.git, item.version)).files, diff_file)


@routes.on(f"GET {_ONE}/changes")
async def changes(call: Call) -> Answer:
    item = call.merge_request()
    files = (await diff_of_version(item.project.git, item.version)).files
    shown = [diff_file(call.gitlab, file) for file in files]
    return Answer(data={**merge_request(call.gitlab, item), "changes": shown, "overflow": False})


@routes.on(f"GET {_ONE}/raw_diffs")
async def raw_diffs(call: Call) -> Answer:
    item = call.merge_request()
    text = (await diff_of_version(item.project.git, item.version)).text
    return Answer(content=text, headers={"content-type": "text/plain"})


@routes.on(f"GET {_ONE}/commits")
async def commits(call: Call) -> Answer:
    item = call.merge_request()
    found = await item.project.git.commits(item.version.base_sha, item.head_sha)
    return call.page(found[::-1], commit_shape)


@routes.on(f"GET {_ONE}/pipelines")
async def pipelines(call: Call) -> Answer:
    return call.page(pipelines_of(call.merge_request())[::-1], pipeline_shape)


def _change_lists(call: Call, item: MergeRequest, wanted: _Change) -> None:
    gitlab, user = call.gitlab, call.user
    labels = [label.name for label in item.labels] if wanted.labels is None else _names(wanted.labels)
    removed = _names(wanted.remove_labels)
    kept = [label for label in labels if label not in removed]
    acts.set_labels(gitlab, item, [*kept, *_names(wanted.add_labels)], user)
    if wanted.reviewer_ids is not None:
        people = [found for one in wanted.reviewer_ids if (found := gitlab.user_by_id(one))]
        acts.set_reviewers(gitlab, item, people, user)
    if wanted.assignee_ids is not None:
        people = [found for one in wanted.assignee_ids if (found := gitlab.user_by_id(one))]
        acts.set_assignees(gitlab, item, people, user)
    if wanted.discussion_locked is not None:
        item.locked = wanted.discussion_locked
    if wanted.allow_collaboration is not None:
        if user is not item.author:
            raise bad_request("Only the author may let others commit")
        item.allow_collaboration = wanted.allow_collaboration


async def _contents(call: Call, item: MergeRequest, found: Version) -> dict[str, object]:
    git = item.project.git
    files = (await diff_of_version(git, found)).files
    held = await git.commits(found.base_sha, found.head_sha)
    return {
        "commits": [commit_shape(call.gitlab, commit) for commit in held],
        "diffs": [diff_file(call.gitlab, file) for file in files],
    }


def _approvals(item: MergeRequest) -> dict[str, object]:
    who = [{"user": {"id": user.user_id, "username": user.username}} for user in item.approved_by]
    return {"user_has_approved": bool(who), "approved": bool(who), "approved_by": who}


def _names(given: str | list[str]) -> list[str]:
    return [name.strip() for name in (given.split(",") if isinstance(given, str) else given) if name.strip()]
