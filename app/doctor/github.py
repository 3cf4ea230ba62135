"""A connection to GitHub: who the App is, what it asks for, what it was given, and on how many repositories."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import Field

from app.doctor.base import Ground, Line
from app.doctor.reach import SET_CLOCK, clock_ahead, skew_told
from app.domain.errors import ForgeRefused, UserError
from app.forges.github import routes
from app.forges.github.answers import Answer
from app.forges.github.app_key import AppKey
from app.forges.github.auth import AppAuth
from app.forges.github.client import GitHubClient
from app.forges.github.manifest import app_parts
from app.forges.github.models import InstallationShape, Shape
from app.forges.github.routes import Route
from app.forges.registry import Connection
from app.one_process_limits import OneProcessLimits
from app.wiring import open_forges

_APP = Route("GET", "/app")
_LEVELS = ("none", "read", "write", "admin")
# GitHub refuses what is signed in its future; ours begins a minute back.
LARGEST_SKEW = timedelta(seconds=60)


class _App(Shape):
    id: int
    slug: str
    html_url: str = ""
    permissions: dict[str, str] = Field(default_factory=dict)
    events: tuple[str, ...] = ()


class _Repositories(Shape):
    total_count: int


@dataclass(frozen=True, kw_only=True)
class Asking:
    """The App's own voice towards its forge."""

    connection: Connection
    client: GitHubClient
    auth: AppAuth

    async def send(self, route: Route, **params: int) -> Answer:
        return await self.client.send(self.auth.app_grant(), route, params=params or None)


@asynccontextmanager
async def asking(ground: Ground, key: str) -> AsyncGenerator[Asking]:
    """UserError when the key cannot sign anything."""
    chosen = tuple(one for one in ground.settings.connections if one.key == key)
    async with open_forges(ground.settings.model_copy(update={"connections": chosen}), OneProcessLimits()) as forges:
        connection = forges.all[key].connection
        client = GitHubClient(connection, OneProcessLimits())
        private_key = AppKey(connection.private_key.get_secret_value())
        auth = AppAuth(client, app_id=connection.app_id or 0, key=private_key, slug=connection.slug)
        try:
            yield Asking(connection=connection, client=client, auth=auth)
        finally:
            await client.close()


async def check_connection(ground: Ground, *, part: str, key: str) -> Line:
    """The first thing that is wrong, or what was found."""
    if (wrong := _unusable_key(ground, part, key)) is not None:
        return wrong
    async with asking(ground, key) as forge:
        skew = await clock_ahead(forge.connection)
        if abs(skew) > LARGEST_SKEW:
            return Line("FAIL", part, f"this clock is {skew_told(skew)} {forge.connection.web_url}'s", SET_CLOCK)
        try:
            app = (await forge.send(_APP)).read(_App)
        except ForgeRefused as refused:
            return _refused(part, forge.connection, refused)
        if (wrong := _wrong_app(part, forge.connection, app)) is not None:
            return wrong
        installations = await forge.auth.installations()
        if (wrong := _wrong_installation(part, app, installations)) is not None:
            return wrong
        return await _found(part, app, forge, installations)


def _unusable_key(ground: Ground, part: str, key: str) -> Line | None:
    """Looked at by itself: what else may be wrong on the way to the forge is mended in other settings."""
    (connection,) = (one for one in ground.settings.connections if one.key == key)
    try:
        AppKey(connection.private_key.get_secret_value())
    except UserError as unusable:
        next_step = f"name the file of one in private_key_file of {key!r}; then: corrigent doctor {part}"
        return Line("FAIL", part, str(unusable), next_step)
    return None


def _refused(part: str, connection: Connection, refused: ForgeRefused) -> Line:
    text = f"{connection.web_url} refuses App id {connection.app_id} with this key: {refused}"
    return Line("FAIL", part, text, f"compare app_id and private_key_file of {connection.key!r} with the App's page")


def _wrong_app(part: str, connection: Connection, app: _App) -> Line | None:
    wanted = app_parts().chosen(fixes=False, merge_queue=False)
    if app.slug != connection.slug:
        text = f"the App with id {app.id} is {app.slug!r}, the settings say {connection.slug!r}"
        return Line("FAIL", part, text, f"write slug = {app.slug!r}, or the other App's id and key")
    if missing := _missing(wanted.default_permissions, app.permissions):
        text = f"App {app.slug} does not ask for {missing}"
        return Line(
            "FAIL", part, text, f"add it under Permissions of {_page(app)}, then accept it where it is installed"
        )
    if events := [event for event in wanted.default_events if event not in app.events]:
        return Line(
            "FAIL", part, f"App {app.slug} does not hear {', '.join(events)}", f"tick it under Events of {_page(app)}"
        )
    return None


def _wrong_installation(part: str, app: _App, installations: Sequence[InstallationShape]) -> Line | None:
    wanted = app_parts().chosen(fixes=False, merge_queue=False).default_permissions
    if not installations:
        return Line(
            "FAIL",
            part,
            f"App {app.slug} is installed nowhere",
            f"choose a repository at {_page(app)}/installations/new",
        )
    for one in installations:
        where = one.account.login if one.account else str(one.id)
        if one.suspended_at is not None:
            text = f"App {app.slug} is suspended on {where} since {one.suspended_at:%Y-%m-%d}"
            return Line("FAIL", part, text, f"let it work again in the installed Apps of {where}")
        if missing := _missing(wanted, one.permissions):
            text = f"{where} has not given App {app.slug} {missing}"
            return Line("FAIL", part, text, f"accept the new permissions in the installed Apps of {where}")
    return None


async def _found(part: str, app: _App, forge: Asking, installations: Sequence[InstallationShape]) -> Line:
    repositories, left = 0, ""
    for one in installations:
        grant = await forge.auth.installation_grant(one, "list")
        answer = await forge.client.send(grant, routes.INSTALLED_REPOS, params={"per_page": 1})
        repositories += answer.read(_Repositories).total_count
        left = _left(answer) or left
    if not repositories:
        return Line("wait", part, f"App {app.slug}, no repository chosen: {_page(app)}/installations/new")
    count = "1 repository" if repositories == 1 else f"{repositories:,} repositories"
    return Line("ok", part, f"App {app.slug}, {count}{left}")


def _left(answer: Answer) -> str:
    """What is left of the hour's requests, where that is little."""
    limit, left = (int(answer.headers.get(f"x-ratelimit-{name}", "0")) for name in ("limit", "remaining"))
    if not limit or left * 5 > limit:
        return ""
    reset = datetime.fromtimestamp(int(answer.headers.get("x-ratelimit-reset", "0"))).astimezone()
    return f", {left:,} of {limit:,} requests left until {reset:%H:%M}"


def _missing(wanted: Mapping[str, str], given: Mapping[str, str]) -> str:
    """Permissions that are not there, or too low: "checks write, issues read"."""
    low = [name for name, level in wanted.items() if _LEVELS.index(given.get(name, "none")) < _LEVELS.index(level)]
    return ", ".join(f"{name.replace('_', ' ')} {wanted[name]}" for name in low)


def _page(app: _App) -> str:
    return app.html_url or f"the App {app.slug}"
