"""Webhooks of projects and groups: found by their address, made when missing, changed only where they differ."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import JsonValue, SecretStr

from app.domain.names import NAME
from app.forges.gitlab import routes
from app.forges.gitlab.access_token import DEVELOPER
from app.forges.gitlab.calls import Calls
from app.forges.gitlab.client import GitLabClient
from app.forges.gitlab.models import GroupShape, HookEventShape, HookShape, ProjectShape
from app.forges.gitlab.routes import Route
from app.forges.registry import Connection

Done = Literal["made", "changed", "as it was"]

# A new hook hears pushes unless told not to, and what is confidential is never to leave GitLab.
HEARD: Mapping[str, bool] = {
    "merge_requests_events": True,
    "note_events": True,
    "emoji_events": True,
    "push_events": False,
    "confidential_note_events": False,
}
# Our answer to a delivery that proves nothing, as GitLab keeps it.
DOOR_CLOSED = "401"
_LIVING: Mapping[str, str | int] = {"archived": "false", "order_by": "id", "sort": "asc"}


@dataclass(frozen=True)
class Owner:
    """Whose webhook: a project's or a group's, by its number."""

    kind: Literal["project", "group"]
    owner_id: str
    full_path: str

    def pick(self, of_project: Route, of_group: Route) -> Route:
        return of_project if self.kind == "project" else of_group


@dataclass(frozen=True, kw_only=True)
class HookWish:
    """What a webhook shall be."""

    url: str
    # "token" is sent along as it is; with "signing_token" GitLab signs.
    secret_kind: Literal["token", "signing_token"]
    secret: SecretStr
    # The address it had before, when ours has changed.
    old_url: str = ""
    # GitLab does not tell a hook's secret: a new one is written without asking whether it differs.
    is_new_secret: bool = False


def wish_of(connection: Connection) -> HookWish:
    """As the connection has it: signed where there is a signing token."""
    signing = connection.signing_tokens
    return HookWish(
        url=connection.hook_url,
        secret_kind="signing_token" if signing else "token",
        secret=(signing or connection.webhook_secrets)[0],
    )


class Webhooks:
    """The webhooks that lead to us, with whoever's token may see them."""

    def __init__(self, client: GitLabClient) -> None:
        self._calls = Calls(client, routes.HOOK_ROUTES)

    async def group(self, path: str) -> Owner:
        shape = (await self._calls.send(routes.GROUP, group=path)).read(GroupShape)
        return Owner("group", str(shape.id), shape.full_path)

    async def project(self, path: str) -> Owner:
        return _of((await self._calls.send(routes.PROJECT, repo=path)).read(ProjectShape))

    async def projects_in(self, group: str, *, least_role: int = DEVELOPER) -> Sequence[Owner]:
        """The living projects of a group and its subgroups in which we have this role."""
        wanted = {**_LIVING, "include_subgroups": "true", "min_access_level": least_role}
        return [_of(one) for one in await self._calls.all(routes.GROUP_PROJECTS, ProjectShape, wanted, group=group)]

    async def reached(self, *, least_role: int = DEVELOPER) -> Sequence[Owner]:
        """The living projects in which we have this role, wherever they are."""
        wanted = {**_LIVING, "membership": "true", "min_access_level": least_role}
        return [_of(one) for one in await self._calls.all(routes.PROJECTS, ProjectShape, wanted)]

    async def find(self, owner: Owner, *urls: str) -> HookShape | None:
        """The hook with one of these addresses, the first one named first."""
        route = owner.pick(routes.PROJECT_HOOKS, routes.GROUP_HOOKS)
        hooks = await self._calls.all(route, HookShape, owner=owner.owner_id)
        return next((hook for url in urls for hook in hooks if url and hook.url == url), None)

    async def ensure(self, owner: Owner, wish: HookWish) -> Done:
        """One hook of ours, hearing what we need; what GitLab refuses is raised as it says it."""
        found = await self.find(owner, wish.url, wish.old_url)
        if found is None:
            await self._calls.send(
                owner.pick(routes.ADD_PROJECT_HOOK, routes.ADD_GROUP_HOOK),
                json={**_fields(wish), "name": NAME, "enable_ssl_verification": True},
                owner=owner.owner_id,
            )
            return "made"
        is_right = found.url == wish.url and _hears_all(found) and not wish.is_new_secret
        if is_right and not await self._has_another_secret(owner, found):
            return "as it was"
        await self._calls.send(
            owner.pick(routes.CHANGE_PROJECT_HOOK, routes.CHANGE_GROUP_HOOK),
            json=_fields(wish),
            hook=found.id,
            owner=owner.owner_id,
        )
        return "changed"

    async def _has_another_secret(self, owner: Owner, hook: HookShape) -> bool:
        """What we answered last tells: GitLab never does."""
        last = await self.last_event(owner, hook)
        return last is not None and last.response_status == DOOR_CLOSED

    async def last_event(self, owner: Owner, hook: HookShape) -> HookEventShape | None:
        """The newest delivery that GitLab remembers."""
        route = owner.pick(routes.PROJECT_HOOK_EVENTS, routes.GROUP_HOOK_EVENTS)
        answer = await self._calls.send(route, params={"per_page": 1}, hook=hook.id, owner=owner.owner_id)
        return next(iter(answer.read_list(HookEventShape)), None)


def _of(shape: ProjectShape) -> Owner:
    return Owner("project", str(shape.id), shape.path_with_namespace)


def _fields(wish: HookWish) -> dict[str, JsonValue]:
    return {"url": wish.url, wish.secret_kind: wish.secret.get_secret_value(), **HEARD}


def _hears_all(hook: HookShape) -> bool:
    """Servers before 16.2 know no events of emoji, and do not show them."""
    return all(getattr(hook, event) in (wanted, None) for event, wanted in HEARD.items())
