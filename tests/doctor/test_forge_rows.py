"""Connections that are wrong in one thing: each is named with what to do."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pydantic import SecretStr

from app.forges.fake.errors import Refusal
from app.forges.fake.faults import Refuse
from app.forges.fake.scenario import REVIEW_EVENTS, REVIEW_PERMISSIONS
from tests.doctor.conftest import Look, Office
from tests.harness.tls import own_certificate

PUBLIC = "https://bot.acme.com"


def other_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()


def without_checks(office: Office) -> None:
    app = office.forge.app(office.credentials.app_id)
    app.permissions = {name: level for name, level in app.permissions.items() if name != "checks"}


def only_reading_pulls(office: Office) -> None:
    office.forge.accept_permissions(office.credentials.installation_id, {**REVIEW_PERMISSIONS, "pull_requests": "read"})


def without_comments(office: Office) -> None:
    office.forge.app(office.credentials.app_id).events = tuple(one for one in REVIEW_EVENTS if one != "issue_comment")


def behind(office: Office) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(minutes=12), usegmt=True)
    office.forge.fault(Refuse(Refusal(404, "Not Found", headers={"date": date})), path="/")


WRONG: dict[str, tuple[Callable[[Office], None], str, str, str]] = {
    "permission not asked for": (without_checks, "FAIL", "does not ask for checks write", "Permissions"),
    "permission not given": (only_reading_pulls, "FAIL", "acme has not given", "accept the new permissions"),
    "event not heard": (without_comments, "FAIL", "does not hear issue_comment", "Events"),
    "uninstalled": (
        lambda office: office.forge.uninstall(office.credentials.installation_id),
        "FAIL",
        "installed nowhere",
        "/installations/new",
    ),
    "suspended": (
        lambda office: office.forge.suspend(office.credentials.installation_id),
        "FAIL",
        "suspended on acme",
        "let it work again",
    ),
    "clock behind": (behind, "FAIL", "12 min behind", "timedatectl"),
}


@pytest.mark.parametrize(("spoil", "state", "thing", "wish"), WRONG.values(), ids=WRONG)
async def test_what_is_wrong_at_the_forge_is_named(
    office: Office, look: Look, spoil: Callable[[Office], None], state: str, thing: str, wish: str
) -> None:
    spoil(office)
    line = await look(office.settings(), "GitHub")
    assert (line.state, thing in line.text, wish in line.next_step) == (state, True, True), line


CONNECTIONS: dict[str, tuple[dict[str, object], str, str]] = {
    "key that is none": ({"private_key": SecretStr("s3cret")}, "not in PEM form", "private_key_file"),
    "key of another App": ({"private_key": SecretStr(other_key())}, "401", "private_key_file"),
    "id of another App": ({"app_id": 999_999}, "refuses App id 999999", "app_id"),
    "name of another App": ({"slug": "other"}, "settings say 'other'", "write slug = 'corrigent'"),
    "nobody there": ({"api_url": "http://127.0.0.1:9"}, "127.0.0.1:9 cannot be reached", "web_url"),
    "no such host": ({"api_url": "https://ghe.corrigent.invalid"}, "there is no host of that name", "web_url"),
    "certificate's authority not there": ({"ca_file": Path("/no/ca.pem")}, "'/no/ca.pem'", "ca_file"),
    "authority's file of something else": ({"ca_file": Path(__file__)}, "no certificate in PEM form", "ca_file"),
    "proxy gone": ({"proxy": SecretStr("http://u:s3cret@127.0.0.1:9")}, "through the proxy 127.0.0.1:9", "proxy"),
}


@pytest.mark.parametrize(("changes", "thing", "wish"), CONNECTIONS.values(), ids=CONNECTIONS)
async def test_what_is_wrong_in_the_connection_is_named(
    office: Office, look: Look, changes: dict[str, object], thing: str, wish: str
) -> None:
    line = await look(office.with_connection(**changes), "GitHub")
    assert (line.state, thing in line.text, wish in line.next_step) == ("FAIL", True, True), line
    assert "s3cret" not in line.text + line.next_step


@dataclass(frozen=True)
class OwnServer:
    """An Enterprise Server whose certificate nobody else signed."""

    url: str
    certificate: Path


@pytest.fixture
async def own_server(tmp_path: Path) -> AsyncGenerator[OwnServer]:
    file = tmp_path / "own.pem"
    context = own_certificate(file)

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(refuse, "localhost", 0, ssl=context)
    async with server:
        yield OwnServer(f"https://localhost:{server.sockets[0].getsockname()[1]}", file)


async def test_a_certificate_of_one_s_own_authority_is_named(office: Office, look: Look, own_server: OwnServer) -> None:
    line = await look(office.with_connection(api_url=own_server.url), "GitHub")
    assert (line.state, "not trusted here: `ca_file`" in line.text) == ("FAIL", True), line
    # With its file the next thing is told.
    line = await look(office.with_connection(api_url=own_server.url, ca_file=own_server.certificate), "GitHub")
    assert "refuses App id" in line.text, line


async def test_a_right_connection_says_who_and_on_how_many(office: Office, look: Look) -> None:
    line = await look(office.settings(), "GitHub")
    assert (line.state, line.text) == ("ok", "App corrigent, 1 repository")


async def test_no_repository_chosen_is_waited_for(office: Office, look: Look) -> None:
    office.forge.change_repositories(office.credentials.installation_id, remove=[office.repo])
    line = await look(office.settings(), "GitHub")
    assert (line.state, "no repository chosen: http" in line.text) == ("wait", True), line


async def test_a_delivery_that_another_secret_signed_is_named(office: Office, look: Look) -> None:
    await deliver(office, answered=401)
    line = await look(office.settings(public_url=PUBLIC), "webhooks")
    assert (line.state, "another secret" in line.text, "webhook_secret" in line.next_step) == ("FAIL", True, True), line


@pytest.mark.parametrize(
    ("answered", "state", "thing"),
    [
        (202, "ok", "last delivery just now: 202"),
        (404, "FAIL", "404"),
        (502, "FAIL", "did not arrive: Invalid HTTP Response: 502"),
        (0, "wait", "no delivery"),
    ],
)
async def test_the_last_delivery_is_told(office: Office, look: Look, answered: int, state: str, thing: str) -> None:
    await deliver(office, answered=answered)
    line = await look(office.settings(public_url=PUBLIC), "webhooks")
    assert (line.state, thing in line.text) == (state, True), line


async def test_deliveries_that_go_elsewhere_are_named(office: Office, look: Look) -> None:
    line = await look(office.settings(public_url=PUBLIC), "webhooks")
    assert (line.state, "https://corrigent.invalid/hooks/github, and https://bot" in line.text) == ("FAIL", True), line


async def test_an_app_without_a_webhook_cannot_be_polled(office: Office, look: Look) -> None:
    assert (await look(office.settings(), "webhooks")).text == "none: polling every 15 s"
    office.forge.app(office.credentials.app_id).webhook_url = ""
    line = await look(office.settings(), "webhooks")
    assert (line.state, "keeps no list" in line.text) == ("FAIL", True), line


async def deliver(office: Office, *, answered: int) -> None:
    """One delivery to a door that answers this; 0: none at all. Afterwards the App's deliveries go to us."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 {answered} Said\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        if answered:
            office.forge.webhook_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
            await office.repo.open_pull_request(author="maria", title="A change", changes={"a.txt": "a\n"})
            await office.forge.deliveries_answered()
    office.forge.webhook_url = f"{PUBLIC}/hooks/github"
