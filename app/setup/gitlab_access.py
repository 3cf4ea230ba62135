"""Who a GitLab token is and where it shall work: looked at before anything is written, each lack in a sentence."""

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from datetime import date

from app.doctor.reach import clock_ahead
from app.domain.errors import ForgeRefused, ForgeUnavailable, Gone, UserError
from app.domain.pull_request import Person
from app.forges.answering import Unauthorized
from app.forges.gitlab.access_token import DEVELOPER, NEEDED_SCOPE, AccessToken, AccessTokens, role_named
from app.forges.gitlab.client import GitLabClient
from app.forges.gitlab.webhooks import Owner, Webhooks

# How many projects are named when one has to be chosen?
_NAMED = 5


@dataclass(frozen=True)
class Bot:
    """Whom the token makes of us."""

    person: Person
    ends_on: date | None

    @property
    def told(self) -> str:
        kind = "bot" if self.person.is_bot else "person"
        ends = f"until {self.ends_on}" if self.ends_on else "without an end"
        return f"{kind} {self.person.login}, scope {NEEDED_SCOPE}, {ends}"


@dataclass(frozen=True)
class Place:
    """The project or group, with the projects in which we have the role for reviewing."""

    owner: Owner
    projects: Sequence[Owner]
    role: str

    @property
    def told(self) -> str:
        if self.owner.kind == "project":
            return f"{self.role} in {self.owner.full_path}"
        count = "1 project" if len(self.projects) == 1 else f"{len(self.projects)} projects"
        return (
            f"{self.role} in {count} of {self.owner.full_path}"
            if self.projects
            else f"no project in {self.owner.full_path} yet"
        )


async def look_at_token(client: GitLabClient) -> Bot:
    """UserError for what GitLab does not accept, and for a token that could not do our work."""
    site = client.connection.web_url
    try:
        await clock_ahead(client.connection)
    except UserError as error:
        raise UserError(f"{error}.") from None
    tokens = AccessTokens(client)
    try:
        token = await tokens.look()
        _require_work(token, site)
        return Bot(await tokens.owner(), token.ends_on)
    except Unauthorized as refusal:
        raise UserError(f"{site} does not accept this token: {refusal.message}. {_make_one(site)}") from None
    except Gone:
        raise UserError(
            f"{client.connection.api_url} is no GitLab. Does it live below a path? --host HOST/PATH"
        ) from None
    except ForgeRefused as refusal:
        raise UserError(f"{site} lets this token do nothing: {refusal.message} {_make_one(site)}") from None
    except ForgeUnavailable as error:
        raise UserError(f"{client.connection.api_url} does not answer as GitLab does ({error}).") from None


async def find_place(client: GitLabClient, bot: Bot, *, project: str, group: str) -> Place:
    """Where nothing is named, the one project that the token reaches."""
    if group:
        return await _find_group(client, group, bot)
    return await _find_project(client, project or await _only_project(client, bot), bot)


async def _find_project(client: GitLabClient, path: str, bot: Bot) -> Place:
    """UserError when it is not there for us, or our role is too low."""
    owner = await _found(Webhooks(client).project(path), "project", path, bot)
    level = await AccessTokens(client).role_in(owner.owner_id, bot.person)
    if level < DEVELOPER:
        raise UserError(
            f"{bot.person.login} has {role_named(level) if level else 'no role'} in {owner.full_path}, and resolving "
            "threads and pushing fixes take Developer. Give it that role, or make a token with it."
        )
    return Place(owner, [owner], role_named(level))


async def _find_group(client: GitLabClient, path: str, bot: Bot) -> Place:
    """A group without a project is fine: they may come."""
    hooks = Webhooks(client)
    owner = await _found(hooks.group(path), "group", path, bot)
    projects = await hooks.projects_in(owner.owner_id)
    if not projects and await hooks.projects_in(owner.owner_id, least_role=0):
        raise UserError(
            f"{bot.person.login} is Developer in no project of {owner.full_path}. Make a group access token with the "
            "role Developer, or give it that role in the group."
        )
    return Place(owner, projects, "Developer")


async def _only_project(client: GitLabClient, bot: Bot) -> str:
    """A project's token reaches one; UserError where there is a choice, or none."""
    reached = await Webhooks(client).reached()
    if len(reached) == 1:
        return reached[0].owner_id
    if not reached:
        raise UserError(f"{bot.person.login} is Developer in no project. Give it that role in a project or group.")
    paths = sorted(one.full_path for one in reached)
    more = f" and {len(paths) - _NAMED} more" if len(paths) > _NAMED else ""
    raise UserError(
        f"This token reaches {', '.join(paths[:_NAMED])}{more}. Say which: --project {paths[0]}, or --group GROUP."
    )


async def _found(asking: Awaitable[Owner], kind: str, path: str, bot: Bot) -> Owner:
    try:
        return await asking
    except (Gone, ValueError):
        raise UserError(
            f"There is no {kind} {path!r}, or it is hidden from {bot.person.login}. Write it as in its address "
            f"(GROUP/PROJECT), and invite {bot.person.login} with the role Developer."
        ) from None


def _require_work(token: AccessToken, site: str) -> None:
    if not token.can_work:
        scopes = ", ".join(token.scopes) or "no scope"
        raise UserError(f"This token has {scopes}, and reviews take {NEEDED_SCOPE}. {_make_one(site)}")


def _make_one(site: str) -> str:
    return (
        f"Make one in the project or group, Settings, Access tokens, with the scope {NEEDED_SCOPE} and the role "
        f"Developer: {site}/GROUP/PROJECT/-/settings/access_tokens"
    )
