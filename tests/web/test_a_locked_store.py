"""While the database cannot take a row the door says so in time, and loses nothing that it acknowledged."""

import asyncio
import sqlite3
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, closing
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import NullPool, text
from sqlalchemy.ext.asyncio import create_async_engine

from app.store.database import parse_url
from app.store.on_postgresql import CONNECTIONS
from tests.harness.hooks import guid, signed
from tests.harness.postgres import postgres_server, postgres_url
from tests.web.test_hooks import BODY, SECRET, Door, door_of

__all__ = ["postgres_server", "postgres_url"]

WITHIN = timedelta(seconds=0.5)
# More than there are connections: whoever waits for one is told as well.
AT_ONCE = 2 * CONNECTIONS


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgresql":
        return request.getfixturevalue("postgres_url")
    return f"sqlite:///{tmp_path / 'corrigent.db'}"


@asynccontextmanager
async def held(url: str) -> AsyncGenerator[None]:
    """Somebody else keeps everybody from writing."""
    address = parse_url(url)
    if address.get_backend_name() == "sqlite":
        with closing(sqlite3.connect(str(address.database), isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield
            connection.execute("ROLLBACK")
        return
    engine = create_async_engine(address, poolclass=NullPool)
    async with engine.connect() as sql:
        await sql.execute(text("LOCK TABLE deliveries IN ACCESS EXCLUSIVE MODE"))
        yield
    await engine.dispose()


async def send(door: Door, number: int) -> int:
    return await door.send(BODY, signed(BODY, SECRET, number=number))


async def taken(door: Door, number: int) -> None:
    """Sent until it is taken: a machine that stands still for half a second is told like a lock."""
    async with asyncio.timeout(30):
        while await send(door, number) != 202:
            await asyncio.sleep(0.1)


async def test_a_locked_store_is_told_in_time_and_afterwards_all_is_well(url: str, tmp_path: Path) -> None:
    async with door_of(tmp_path, store_within=WITHIN, database_url=url) as door:
        await taken(door, 0)
        async with held(url):
            answers = await asyncio.gather(*(send(door, number) for number in range(1, AT_ONCE)))
            assert set(answers) == {503}
        for number in range(AT_ONCE):
            await taken(door, number)
        assert sorted(await door.stored()) == [guid(number) for number in range(AT_ONCE)]
