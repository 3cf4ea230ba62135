"""A GitLab that is wrong in one thing: it is named with what to do, and never as if it were a GitHub."""

import asyncio
import re
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from pydantic import SecretStr

from app.doctor.base import Ground
from app.doctor.registry import checks_of
from app.doctor.run import examine
from app.domain.pull_request import Permission
from app.forges.fake.errors import Refusal
from app.forges.fake.faults import Refuse
from app.forges.fake.gitlab.entities import Access
from app.forges.fake.gitlab.hooks import FAILURES_UNTIL_OFF
from app.forges.fake.gitlab.repo_scenario import FakeProject
from app.forges.fake.gitlab.scenario import BotCredentials, FakeGitLab
from app.settings import Settings, load_settings
from app.store.database import Database
from app.store.deliveries import Deliveries
from app.store.schema import migrate
from tests.doctor.conftest import Look

PUBLIC = "https://bot.acme.com"
HOOK = f"{PUBLIC}/hooks/gitlab"


@dataclass
class Site:
    """What an operator has."""

    fake: FakeGitLab
    project: FakeProject
    bot: BotCredentials
    home: Path

    def settings(self, public_url: str = PUBLIC, /, **changes: object) -> Settings:
        connection: dict[str, object] = {
            "key": "gitlab",
            "kind": "gitlab",
            "web_url": self.fake.url,
            "slug": self.bot.username,
            "user_id": self.bot.user_id,
            "token": self.bot.token,
            "webhook_secret": self.bot.webhook_secret,
        }
        given = {"home": str(self.home), "public_url": public_url}
        settings = load_settings({**given, "connections": [connection]}, {})  # pyright: ignore[reportArgumentType] - plain values
        (loaded,) = settings.connections
        return settings.model_copy(update={"connections": (loaded.model_copy(update=changes),)})

    def role(self, role: Access) -> None:
        self.project.project.members[self.bot.user_id] = role

    async def delivered(self, *, answered: int) -> None:
        """One delivery to a door that answers this; afterwards they go to us."""

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(f"HTTP/1.1 {answered} Said\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".encode())
            await writer.drain()
            writer.close()

        async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
            self.fake.webhook_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
            await self.project.open_pull_request(changes={"a.txt": "a\n"})
            await self.fake.deliveries_answered()
        self.fake.webhook_url = HOOK

    async def taken(self) -> None:
        """We have taken a delivery."""
        self.home.mkdir(exist_ok=True)
        db = await Database.open(self.settings().database_url.get_secret_value())
        await migrate(db)
        await Deliveries(db).receive(connection="gitlab", delivery_id="one", event="Note Hook", headers={}, body=b"{}")
        await db.close()


@pytest.fixture
async def site(tmp_path: Path) -> AsyncGenerator[Site]:
    async with FakeGitLab.start(prefix="/git") as fake:
        fake.webhook_url = HOOK
        project = await fake.create_repo("acme/backend/shop")
        bot = await fake.install_bot("project_7_bot_3f", repos=[project], role=Access.MAINTAINER)
        yield Site(fake, project, bot, tmp_path / "home")


async def test_a_right_connection_says_who_where_and_for_how_long(site: Site, look: Look) -> None:
    line = await look(site.settings(), "GitLab")
    assert (line.state, line.text) == ("ok", "bot project_7_bot_3f, 1 project, token ends in 90 days, renewed before")


def revoked(site: Site) -> None:
    site.fake.token(site.bot.token).revoked = True


def expired(site: Site) -> None:
    site.fake.token(site.bot.token).expires_at = site.fake.gitlab.today


def ending(site: Site) -> None:
    site.fake.token(site.bot.token).expires_at = site.fake.gitlab.today + timedelta(days=3)


def reading_only(site: Site) -> None:
    site.fake.token(site.bot.token).scopes = frozenset({"read_api"})


def behind(site: Site) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(minutes=12), usegmt=True)
    site.fake.fault(Refuse(Refusal(404, "Not Found", headers={"date": date})), path="/api/v4")


NEW_TOKEN = "setup gitlab --key gitlab --token-file"
WRONG: dict[str, tuple[Callable[[Site], None], str, str, str]] = {
    "token revoked": (revoked, "FAIL", "refuses the token: .*revoked", NEW_TOKEN),
    "token expired": (expired, "FAIL", "refuses the token: .*expired", NEW_TOKEN),
    "token ends soon": (ending, "FAIL", "token ends in 3 days", NEW_TOKEN),
    "token that only reads": (reading_only, "FAIL", "has read_api, and reviews take api", NEW_TOKEN),
    "role too low": (lambda site: site.role(Access.REPORTER), "FAIL", "less than Developer in 1 of 1 project", "role"),
    "no project": (lambda site: site.role(Access.NONE), "wait", "is in no project: invite it", ""),
}


@pytest.mark.parametrize(("spoil", "state", "thing", "wish"), WRONG.values(), ids=WRONG)
async def test_what_is_wrong_at_the_forge_is_named(
    site: Site, look: Look, spoil: Callable[[Site], None], state: str, thing: str, wish: str
) -> None:
    spoil(site)
    line = await look(site.settings(), "GitLab")
    assert (line.state, bool(re.search(thing, line.text)), wish in line.next_step) == (state, True, True), line


CONNECTIONS: dict[str, tuple[dict[str, object], str, str]] = {
    "token of nobody": ({"token": SecretStr("glpat-s3cret")}, "refuses the token: 401", NEW_TOKEN),
    "another user": ({"user_id": 999_999}, "the settings say project_7_bot_3f, user 999999", "writes the right ones"),
    "another name": ({"slug": "other"}, "the settings say other", "writes the right ones"),
    "nobody there": ({"api_url": "http://127.0.0.1:9"}, "127.0.0.1:9 cannot be reached", "web_url"),
    "no such host": ({"api_url": "https://git.corrigent.invalid/api/v4"}, "no host of that name", "web_url"),
    "certificate's authority not there": ({"ca_file": Path("/no/ca.pem")}, "'/no/ca.pem'", "ca_file"),
    "proxy gone": ({"proxy": SecretStr("http://u:s3cret@127.0.0.1:9")}, "through the proxy 127.0.0.1:9", "proxy"),
}


@pytest.mark.parametrize(("changes", "thing", "wish"), CONNECTIONS.values(), ids=CONNECTIONS)
async def test_what_is_wrong_in_the_connection_is_named(
    site: Site, look: Look, changes: dict[str, object], thing: str, wish: str
) -> None:
    line = await look(site.settings(**changes), "GitLab")
    assert (line.state, thing in line.text, wish in line.next_step) == ("FAIL", True, True), line
    assert "s3cret" not in line.text + line.next_step


async def test_a_wrong_clock_matters_where_deliveries_are_signed(site: Site, look: Look) -> None:
    behind(site)
    signed = site.settings(signing_token=SecretStr("whsec_" + "QUFB" * 11))
    line = await look(signed, "GitLab")
    assert (line.state, "12 min behind" in line.text, "timedatectl" in line.next_step) == ("FAIL", True, True), line


@pytest.mark.parametrize(
    ("answered", "state", "thing", "wish"),
    [
        (202, "ok", "1 webhook, no delivery yet", ""),
        (401, "FAIL", "another secret than ours", "--project acme/backend/shop writes ours"),
        (404, "FAIL", "answered 404", "path included"),
        (502, "FAIL", "did not arrive: 502", "can be reached"),
    ],
)
async def test_the_last_delivery_is_told(
    site: Site, look: Look, answered: int, state: str, thing: str, wish: str
) -> None:
    await site.delivered(answered=answered)
    line = await look(site.settings(), "webhooks")
    assert (line.state, thing in line.text, wish in line.next_step) == (state, True, True), line


def switched_off(site: Site) -> None:
    site.fake.hooks[0].failures = FAILURES_UNTIL_OFF


def paused(site: Site) -> None:
    site.fake.hooks[0].disabled_until = datetime.now(UTC) + timedelta(hours=1)


def deaf(site: Site) -> None:
    site.fake.hooks[0].events["note_events"] = False


def elsewhere(site: Site) -> None:
    site.fake.webhook_url = "https://old.acme.com/hooks/gitlab"


HOOKS: dict[str, tuple[Callable[[Site], None], str, str, str]] = {
    "switched off": (switched_off, "FAIL", "switched off the webhook of acme/backend/shop", "test it there"),
    "switched off for a while": (paused, "FAIL", "switched off", "public_url can be reached"),
    "deaf": (deaf, "FAIL", "does not hear", "setup gitlab"),
    "elsewhere": (elsewhere, "FAIL", f"no webhook of acme/backend/shop leads to {HOOK}", "--project acme/backend/shop"),
    "not shown to a developer": (lambda site: site.role(Access.DEVELOPER), "wait", "maintainers only", ""),
}


@pytest.mark.parametrize(("spoil", "state", "thing", "wish"), HOOKS.values(), ids=HOOKS)
async def test_what_is_wrong_with_the_webhook_is_named(
    site: Site, look: Look, spoil: Callable[[Site], None], state: str, thing: str, wish: str
) -> None:
    spoil(site)
    line = await look(site.settings(), "webhooks")
    assert (line.state, thing in line.text, wish in line.next_step) == (state, True, True), line


async def test_what_arrived_counts_where_webhooks_are_hidden(site: Site, look: Look) -> None:
    site.role(Access.DEVELOPER)
    await site.taken()
    line = await look(site.settings(), "webhooks")
    assert (line.state, line.text) == ("ok", "last delivery just now; shown to maintainers only")


async def test_a_new_project_of_the_group_without_its_webhook_is_named(site: Site, look: Look) -> None:
    other = await site.fake.create_repo("acme/backend/api")
    other.set_role(site.bot.username, Permission.MAINTAIN)
    await site.taken()
    line = await look(site.settings(), "webhooks")
    # One webhook is enough, unless each project is meant to have its own: a group's is not shown.
    assert line.state == "ok"
    line = await look(site.settings(group="acme"), "webhooks")
    assert (line.state, "no webhook of acme/backend/api" in line.text) == ("FAIL", True), line


async def test_without_an_address_it_says_what_is_lost(site: Site, look: Look) -> None:
    line = await look(site.settings(""), "webhooks")
    assert (line.state, "every 10 min, commands are not heard" in line.text) == ("wait", True), line


async def test_nothing_of_a_gitlab_is_called_github(site: Site) -> None:
    settings = site.settings()
    checks = [one for one in checks_of(settings) if one.part in ("GitLab", "webhooks", "first day")]
    lines = await examine(checks, Ground(settings, asked=True))
    site.fake.token(site.bot.token).revoked = True
    lines += await examine(checks, Ground(settings, asked=True))
    assert len(lines) == 6
    assert not [line for line in lines if re.search(r"GitHub|\bApp\b", f"{line.part} {line.text} {line.next_step}")]
