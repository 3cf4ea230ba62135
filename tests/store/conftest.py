"""Every test of the store runs on SQLite and on PostgreSQL."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import Connection

from app.store.all_tables import metadata
from app.store.database import Database
from app.store.schema import migrate
from tests.harness.postgres import PostgresServer, postgres_server, postgres_url
from tests.store.samples import StoppedClock

__all__ = ["postgres_server", "postgres_url"]


async def _migrate(url: str) -> None:
    db = await Database.open(url)
    await migrate(db)
    await db.close()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database to copy: migrating takes longer than most tests."""
    file = tmp_path_factory.mktemp("sqlite") / "template.db"
    asyncio.run(_migrate(f"sqlite:///{file}"))
    return file


@pytest.fixture
def sqlite_file(sqlite_template: Path, tmp_path: Path) -> Path:
    """A migrated database of this test's own."""
    return Path(shutil.copy(sqlite_template, tmp_path / "corrigent.db"))


@pytest.fixture(scope="session")
def emptied_postgres_url(postgres_server: PostgresServer) -> str:
    """One migrated database for all tests: making one takes longer than emptying it."""
    url = postgres_server.create()
    asyncio.run(_migrate(url))
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def migrated_url(request: pytest.FixtureRequest) -> str:
    name = "emptied_postgres_url" if request.param == "postgresql" else "sqlite_file"
    found = request.getfixturevalue(name)
    return found if request.param == "postgresql" else f"sqlite:///{found}"


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database without tables."""
    if request.param == "postgresql":
        return request.getfixturevalue("postgres_url")
    return f"sqlite:///{tmp_path / 'empty.db'}"


@pytest.fixture
async def db(migrated_url: str) -> AsyncIterator[Database]:
    database = await Database.open(migrated_url)
    if database.dialect == "postgresql":
        await database.write(empty)
    yield database
    await database.close()


def empty(sql: Connection) -> None:
    sql.exec_driver_sql(f"TRUNCATE {', '.join(metadata.tables)}")


@pytest.fixture
def clock() -> StoppedClock:
    return StoppedClock()
