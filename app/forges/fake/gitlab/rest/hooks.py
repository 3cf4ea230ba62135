"""Hooks of projects and groups, and tokens that replace themselves."""

from datetime import date
from typing import cast

from pydantic import BaseModel, Field

from app.forges.fake.exchange import Answer
from app.forges.fake.gitlab.acts.tokens import rotate
from app.forges.fake.gitlab.call import Call, Json, Routes
from app.forges.fake.gitlab.entities import Access, Group, Hook, Project
from app.forges.fake.gitlab.errors import forbidden, not_found, says
from app.forges.fake.gitlab.hooks import EVENT_NAMES, Delivery
from app.forges.fake.gitlab.rest.projects import group_of
from app.forges.fake.gitlab.shapes.people import hook as hook_shape
from app.forges.fake.gitlab.shapes.people import token as token_shape
from app.forges.fake.gitlab.state import GitLabState

routes = Routes()
_HOOK = "/projects/{id}/hooks/{hook_id}"
# What a new hook hears when nothing is said.
_DEFAULT_EVENTS = {"push_events": True}


class _Hook(BaseModel, extra="allow"):
    url: str = Field(min_length=1)
    name: str = ""
    token: str = ""
    signing_token: str = ""


class _HookChange(BaseModel, extra="allow"):
    url: str | None = None
    name: str | None = None
    token: str | None = None
    signing_token: str | None = None


class _Rotation(BaseModel):
    expires_at: date | None = None


@routes.on("GET /projects/{id}/hooks", needs="maintainer")
async def hooks(call: Call) -> Answer:
    return call.page(call.project.hooks, hook_shape)


@routes.on("POST /projects/{id}/hooks", needs="maintainer")
async def add_hook(call: Call) -> Answer:
    return _add(call, call.project, None)


@routes.on(f"GET {_HOOK}", needs="maintainer")
async def one_hook(call: Call) -> Answer:
    return Answer(data=hook_shape(call.gitlab, _find(call, call.project.hooks)))


@routes.on(f"PUT {_HOOK}", needs="maintainer")
async def change_hook(call: Call) -> Answer:
    return _change(call, _find(call, call.project.hooks))


@routes.on(f"DELETE {_HOOK}", needs="maintainer")
async def delete_hook(call: Call) -> Answer:
    call.project.hooks.remove(_find(call, call.project.hooks))
    return Answer(204)


@routes.on(f"GET {_HOOK}/events", needs="maintainer")
async def recent(call: Call) -> Answer:
    """What was sent in the last days and answered, the newest first."""
    hook = _find(call, call.project.hooks)
    sent = [one for one in call.gitlab.hooks.deliveries if one.hook is hook and one.delivered_at]
    return call.page(sent[::-1], _delivery)


@routes.on(f"POST {_HOOK}/events/{{event_id}}/resend", needs="maintainer")
async def resend(call: Call) -> Answer:
    number = call.number("event_id")
    found = next((one for one in call.gitlab.hooks.deliveries if one.delivery_id == number), None)
    if found is None or found.hook is not _find(call, call.project.hooks):
        raise not_found()
    again = call.gitlab.hooks.redeliver(found)
    await call.gitlab.hooks.drained()
    return Answer(201, {"response_status": again.status_code})


@routes.on("GET /groups/{id}/hooks")
async def group_hooks(call: Call) -> Answer:
    return call.page(_group(call).hooks, hook_shape)


@routes.on("POST /groups/{id}/hooks")
async def add_group_hook(call: Call) -> Answer:
    return _add(call, None, _group(call))


@routes.on("PUT /groups/{id}/hooks/{hook_id}")
async def change_group_hook(call: Call) -> Answer:
    return _change(call, _find(call, _group(call).hooks))


@routes.on("DELETE /groups/{id}/hooks/{hook_id}")
async def delete_group_hook(call: Call) -> Answer:
    group = _group(call)
    group.hooks.remove(_find(call, group.hooks))
    return Answer(204)


@routes.on("POST /projects/{id}/access_tokens/self/rotate")
async def rotate_project_token(call: Call) -> Answer:
    if call.viewer.token is None or call.viewer.token.project is not call.project:
        raise says(405, "405 Method Not Allowed")
    return _rotate(call)


@routes.on("POST /groups/{id}/access_tokens/self/rotate")
async def rotate_group_token(call: Call) -> Answer:
    if call.viewer.token is None or call.viewer.token.group is not group_of(call):
        raise says(405, "405 Method Not Allowed")
    return _rotate(call)


@routes.on("POST /personal_access_tokens/self/rotate")
async def rotate_personal_token(call: Call) -> Answer:
    return _rotate(call)


def _rotate(call: Call) -> Answer:
    _ = call.user
    wanted = call.read(_Rotation)
    if call.viewer.token is None:
        raise says(405, "405 Method Not Allowed")
    made = rotate(call.gitlab, call.viewer.token, wanted.expires_at)
    return Answer(data={**token_shape(call.gitlab, made), "token": made.text})


def _add(call: Call, project: Project | None, group: Group | None) -> Answer:
    wanted = call.read(_Hook)
    if not wanted.url.startswith(("http://", "https://")):
        raise says(422, "Invalid url given")
    made = Hook(
        hook_id=call.gitlab.new_id(),
        url=wanted.url,
        project=project,
        group=group,
        created_at=call.gitlab.clock.now(),
        token=wanted.token,
        signing_token=wanted.signing_token,
        name=wanted.name,
        events={**_DEFAULT_EVENTS, **_events(wanted)},
    )
    (project or cast("Group", group)).hooks.append(made)
    return Answer(201, hook_shape(call.gitlab, made))


def _change(call: Call, hook: Hook) -> Answer:
    wanted = call.read(_HookChange)
    hook.url = hook.url if wanted.url is None else wanted.url
    hook.name = hook.name if wanted.name is None else wanted.name
    hook.token = hook.token if wanted.token is None else wanted.token
    hook.signing_token = hook.signing_token if wanted.signing_token is None else wanted.signing_token
    hook.events |= _events(wanted)
    return Answer(data=hook_shape(call.gitlab, hook))


def _events(wanted: BaseModel) -> dict[str, bool]:
    given = wanted.model_extra or {}
    return {name: given[name] in (True, "true") for name in EVENT_NAMES if name in given}


def _find(call: Call, hooks: list[Hook]) -> Hook:
    number = call.number("hook_id")
    found = next((hook for hook in hooks if hook.hook_id == number), None)
    if found is None:
        raise not_found()
    return found


def _group(call: Call) -> Group:
    """Hooks of a group are its owners' business."""
    group = group_of(call)
    if group.role_of(call.user) < Access.OWNER:
        raise forbidden()
    return group


def _delivery(_: GitLabState, item: Delivery) -> Json:
    return {
        "id": item.delivery_id,
        "url": item.url,
        "trigger": f"{item.event.removesuffix(' Hook').lower().replace(' ', '_')}_hooks",
        "request_headers": item.headers,
        "request_data": item.payload,
        "response_headers": item.response_headers,
        "response_body": item.response_text,
        "execution_duration": round(item.duration, 2),
        "response_status": str(item.status_code),
    }
