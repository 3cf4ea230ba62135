"""A process that serves pages and nothing else: no forge, no worker, no Temporal."""

import asyncio
import os
import shutil
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from pydantic import JsonValue

from app.process import Running, running
from app.settings import Settings
from app.store.database import Database
from app.store.schema import migrate
from app.wiring import Store
from tests.harness.temporal import temporal_server
from tests.web.browser import PROGRAMS, find_chromium
from tests.web.filling import dashboard_only, fill


@dataclass(frozen=True)
class Desk:
    """The dashboard as a browser and a test reach it; `client` is signed in, `stranger` is not."""

    state: Running
    settings: Settings
    client: httpx.AsyncClient
    stranger: httpx.AsyncClient

    @property
    def store(self) -> Store:
        return self.state.store

    def link(self) -> str:
        assert self.state.new_link is not None
        return self.state.new_link()

    async def text(self, path: str) -> str:
        answer = await self.client.get(path)
        assert answer.status_code == 200, answer.text
        return answer.text


@asynccontextmanager
async def serving_desk(home: Path, **more: JsonValue) -> AsyncGenerator[Desk]:
    settings = dashboard_only(home, **more)
    async with running(settings, parts=frozenset({"serve"})) as state:
        address = f"http://127.0.0.1:{state.port}"
        async with httpx.AsyncClient(base_url=address) as client, httpx.AsyncClient(base_url=address) as stranger:
            desk = Desk(state=state, settings=settings, client=client, stranger=stranger)
            await client.get(desk.link())
            yield desk


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """At this version's schema, to copy: bringing a new one there takes longer than most tests."""
    file = tmp_path_factory.mktemp("empty") / "corrigent.db"

    async def make() -> None:
        db = await Database.open(f"sqlite:///{file}")
        await migrate(db)
        await db.close()

    asyncio.run(make())
    return file


@pytest.fixture
async def desk(tmp_path: Path, empty_database: Path) -> AsyncGenerator[Desk]:
    (tmp_path / "home").mkdir()
    shutil.copy(empty_database, tmp_path / "home" / "corrigent.db")
    async with serving_desk(tmp_path / "home") as served:
        yield served


@pytest.fixture(scope="session")
def day(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home folder after a day of real reviews; everything that made them is down."""
    folder = tmp_path_factory.mktemp("day")
    with temporal_server(folder / "temporal") as temporal:
        asyncio.run(fill(folder / "home", temporal))
    return folder / "home"


@pytest.fixture(scope="session")
def chromium() -> str:
    found = find_chromium()
    if found is None:
        reason = f"needs one of {', '.join(PROGRAMS)}"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return found
