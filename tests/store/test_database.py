"""Reading and writing: durable, all or nothing, and one failure does not become its neighbours'."""

import asyncio
import sqlite3
import stat
import threading
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, select, text
from sqlalchemy.exc import IntegrityError, OperationalError

from app.domain.errors import UserError
from app.store import on_sqlite
from app.store.database import Database, is_away
from app.store.tables import cursors
from app.store.work import Work
from tests.harness.postgres import PostgresServer
from tests.store.conftest import empty
from tests.store.samples import NOW


def add(name: str, *, fail: bool = False) -> Work[str]:
    def work(sql: Connection) -> str:
        sql.execute(cursors.insert().values(name=name, at=NOW))
        if fail:
            raise LookupError(name)
        return name

    return work


async def names(db: Database) -> set[str]:
    return set(await db.read(lambda sql: sql.execute(select(cursors.c.name)).scalars().all()))


async def test_a_failing_work_does_not_fail_its_neighbours(db: Database) -> None:
    works = [db.write(add(f"row-{number}", fail=number % 3 == 0)) for number in range(60)]
    results = await asyncio.gather(*works, return_exceptions=True)
    good = {f"row-{number}" for number in range(60) if number % 3}
    assert {result for result in results if isinstance(result, str)} == good
    assert sum(isinstance(result, LookupError) for result in results) == 20
    assert await names(db) == good


async def test_a_refused_statement_undoes_its_whole_work(db: Database) -> None:
    await db.write(add("taken"))

    def two(sql: Connection) -> None:
        sql.execute(cursors.insert().values(name="first", at=NOW))
        sql.execute(cursors.insert().values(name="taken", at=NOW))

    with pytest.raises(IntegrityError):
        await db.write(two)
    assert await names(db) == {"taken"}


async def test_what_was_written_is_read_at_once(db: Database) -> None:
    for number in range(5):
        await db.write(add(str(number)))
        assert (
            await db.read(lambda sql: sql.execute(select(func.count()).select_from(cursors)).scalar_one()) == number + 1
        )


async def test_a_caller_who_gives_up_leaves_the_others_alone(db: Database) -> None:
    given_up = [asyncio.create_task(db.write(add(f"gone-{number}"))) for number in range(5)]
    kept = [asyncio.create_task(db.write(add(f"kept-{number}"))) for number in range(5)]
    await asyncio.sleep(0)
    for task in given_up:
        task.cancel()
    assert await asyncio.gather(*kept) == [f"kept-{number}" for number in range(5)]
    assert {f"kept-{number}" for number in range(5)} <= await names(db)


async def test_a_lost_transaction_is_nobodys_success(sqlite_file: Path) -> None:
    """SQLite ends the transaction itself when the disk is full; the works before it in the group are gone too."""
    db = await Database.open(f"sqlite:///{sqlite_file}")

    def lose(sql: Connection) -> str:
        sql.exec_driver_sql("ROLLBACK")
        return "lost"

    works = [add("before"), lose, add("after")]
    results = await asyncio.gather(*(db.write(work) for work in works), return_exceptions=True)
    told = {name for name in ("before", "after") if name in results}
    assert await names(db) == told
    await db.write(add("later"))
    assert "later" in await names(db)
    await db.close()


async def test_a_file_that_is_locked_for_too_long_costs_only_those_who_waited(
    sqlite_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(on_sqlite, "BUSY_SECONDS", 0.1)
    db = await Database.open(f"sqlite:///{sqlite_file}")
    await db.write(add("before"))
    with closing(sqlite3.connect(sqlite_file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(OperationalError, match="locked") as refused:
            await db.write(add("meanwhile"))
        other.execute("ROLLBACK")
    assert is_away(refused.value)
    await db.write(add("after"))
    assert await names(db) == {"before", "after"}
    await db.close()


async def test_a_server_that_cut_us_off_costs_nobody_an_error(emptied_postgres_url: str) -> None:
    db, other = [await Database.open(emptied_postgres_url) for _ in range(2)]
    await asyncio.gather(*(db.write(add(f"before-{number}")) for number in range(5)))
    others = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() "
    ended = await other.read(lambda sql: sql.execute(text(others + "AND pid <> pg_backend_pid()")).scalar_one())
    assert ended >= 5
    assert await db.write(add("after")) == "after"
    assert "after" in await names(db)
    await db.write(empty)
    await db.close()
    await other.close()


async def test_reading_cannot_write(sqlite_file: Path) -> None:
    db = await Database.open(f"sqlite:///{sqlite_file}")
    with pytest.raises(OperationalError, match="readonly"):
        await db.read(add("no"))
    await db.close()


async def test_closing_finishes_what_was_handed_in(sqlite_file: Path) -> None:
    db = await Database.open(f"sqlite:///{sqlite_file}")
    writes = [asyncio.create_task(db.write(add(str(number)))) for number in range(100)]
    await asyncio.sleep(0)
    await db.close()
    assert len(await asyncio.gather(*writes)) == 100
    with pytest.raises(RuntimeError, match="closed"):
        await db.write(add("late"))
    again = await Database.open(f"sqlite:///{sqlite_file}")
    assert len(await names(again)) == 100
    await again.close()


async def test_a_loop_that_ends_while_it_waits_holds_up_nobody(sqlite_file: Path) -> None:
    """The door's, when the process stops: what it handed in last is settled for nobody."""
    began, may_end = threading.Event(), threading.Event()

    def slow(_sql: Connection) -> None:
        began.set()
        assert may_end.wait(60)

    db = await Database.open(f"sqlite:///{sqlite_file}")

    async def give_up() -> None:
        waiting = asyncio.create_task(db.write(slow))
        await asyncio.to_thread(began.wait, 60)
        waiting.cancel()
        await asyncio.wait([waiting])

    try:
        await asyncio.to_thread(asyncio.run, give_up())
        may_end.set()
        assert await asyncio.wait_for(db.write(lambda sql: sql.execute(text("SELECT 1")).scalar_one()), 60) == 1
    finally:
        await db.close()


async def test_two_processes_may_write_to_one_file(sqlite_file: Path) -> None:
    first, second = [await Database.open(f"sqlite:///{sqlite_file}") for _ in range(2)]
    await asyncio.gather(*(db.write(add(f"{db is first}-{number}")) for number in range(50) for db in (first, second)))
    assert len(await names(first)) == 100
    await first.close()
    await second.close()


async def test_a_new_file_is_its_owners_alone(tmp_path: Path) -> None:
    db = await Database.open(f"sqlite:///{tmp_path / 'deep' / 'x.db'}")
    await db.write(lambda sql: sql.exec_driver_sql("CREATE TABLE t (a)"))
    modes = {stat.S_IMODE(file.stat().st_mode) for file in (tmp_path / "deep").iterdir()}
    assert modes == {0o600}
    await db.close()


async def test_a_server_that_refuses_us_is_quoted(postgres_server: PostgresServer) -> None:
    with pytest.raises(UserError, match='database "absent" does not exist'):
        await Database.open(postgres_server.url("absent") + "&sslmode=disable")


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("mysql://x/y", "Unknown database 'mysql'"),
        ("sqlite://", "names no file"),
        ("nonsense", "cannot be read"),
        ("postgresql://ada:hunter2@localhost:1/x", "Cannot open the database postgresql"),
        ("sqlite:////proc/none/x.db", "Cannot open the database"),
        ("sqlite:////etc/hostname", "file is not a database. Put a backup in its place, or move it away"),
    ],
)
async def test_a_wrong_address_is_explained(url: str, says: str) -> None:
    with pytest.raises(UserError, match=says) as raised:
        await Database.open(url)
    assert "hunter2" not in str(raised.value)
