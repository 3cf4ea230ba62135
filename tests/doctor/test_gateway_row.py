"""The gateway between machines: what is wrong with its folder, its certificate or its address is named."""

import asyncio
import shutil
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.doctor.gateway import SOON
from app.doctor.registry import checks_of
from app.sandboxes.gateway_trust import Papers
from app.settings import Settings, load_settings
from app.setup.gateway_certificates import LASTS, issue
from tests.doctor.conftest import Look

MACHINE = "127.0.0.1"


def settings(home: Path, **more: str) -> Settings:
    return load_settings({"home": str(home), **more}, environ={})


def certify(home: Path, name: str, *, left: timedelta = LASTS) -> Papers:
    folder = home / "secrets" / "gateway"
    issue(home / "authority", folder, name, now=datetime.now(UTC) - LASTS + left)
    return Papers(folder)


@asynccontextmanager
async def listening(papers: Papers) -> AsyncGenerator[str]:
    server = await asyncio.start_server(lambda _, writer: writer.close(), MACHINE, 0, ssl=papers.serving())
    async with server:
        yield f"{MACHINE}:{server.sockets[0].getsockname()[1]}"


def test_one_machine_alone_has_no_such_line(tmp_path: Path) -> None:
    assert "gateway" not in {check.part for check in checks_of(settings(tmp_path))}


@pytest.mark.parametrize(
    ("left", "state", "text", "step"),
    [
        (LASTS, "ok", "answers, certificate good for 729 days", ""),
        (SOON, "wait", "answers, certificate good for 29 days", "nothing has to start again"),
        (timedelta(days=-3), "FAIL", "ended 3 days ago", "corrigent setup gateway"),
    ],
)
async def test_a_gateway_that_answers_says_how_long_it_will(
    tmp_path: Path, look: Look, left: timedelta, state: str, text: str, step: str
) -> None:
    async with listening(certify(tmp_path, MACHINE, left=left)) as address:
        line = await look(settings(tmp_path, gateway_listen=address), "gateway")
    assert (line.state, text in line.text, step in line.next_step) == (state, True, True), line


async def test_a_machine_that_only_enters_has_its_certificate_looked_at(tmp_path: Path, look: Look) -> None:
    certify(tmp_path, "llm")
    line = await look(settings(tmp_path), "gateway")
    assert (line.state, line.text) == ("ok", "certificate good for 729 days"), line


@pytest.mark.parametrize(
    ("missing", "text"),
    [("", "is not there"), ("key.pem", "lacks key.pem"), ("authority.pem", "lacks authority.pem")],
)
async def test_what_is_missing_is_named(tmp_path: Path, look: Look, missing: str, text: str) -> None:
    folder = certify(tmp_path, MACHINE).folder
    if missing:
        (folder / missing).unlink()
    else:
        shutil.rmtree(folder)
    line = await look(settings(tmp_path, gateway_listen=f"{MACHINE}:9"), "gateway")
    assert line.state == "FAIL"
    assert line.text == f"the folder {folder} {text}"
    assert "corrigent setup gateway" in line.next_step


async def test_a_key_that_others_may_read_is_named(tmp_path: Path, look: Look) -> None:
    (certify(tmp_path, "llm").folder / "key.pem").chmod(0o640)
    line = await look(settings(tmp_path), "gateway")
    assert (line.state, "chmod 600" in line.text) == ("FAIL", True), line


@pytest.mark.parametrize(
    ("listen", "address", "state", "text", "step"),
    [
        ("0.0.0.0:8378", "", "FAIL", "no name for other machines", "doctor gateway"),
        ("127.0.0.1:8378", "nobody.invalid:8378", "FAIL", "no host of the name 'nobody.invalid'", "gateway_address"),
        ("127.0.0.1:9", "", "wait", "nobody listens at 127.0.0.1:9", "corrigent work --queue sandbox"),
    ],
)
async def test_an_address_that_leads_nowhere_is_named(
    tmp_path: Path, look: Look, listen: str, address: str, state: str, text: str, step: str
) -> None:
    certify(tmp_path, MACHINE)
    line = await look(settings(tmp_path, gateway_listen=listen, gateway_address=address), "gateway")
    assert (line.state, text in line.text, step in line.next_step) == (state, True, True), line


async def test_a_gateway_under_another_s_name_is_named(tmp_path: Path, look: Look) -> None:
    async with listening(certify(tmp_path, "sandbox-2.example.com")) as address:
        line = await look(settings(tmp_path, gateway_listen=address), "gateway")
    assert (line.state, "not its own" in line.text) == ("FAIL", True), line
