"""The schema's number, and bringing a database to it."""

import asyncio
from pathlib import Path

from sqlalchemy import Connection, inspect, text

from app.domain.errors import UserError
from app.store.database import Database
from app.store.on_sqlite import migrating_engine

# The newest migration in migrations/versions.
SCHEMA = 8

# Any number that nobody else locks in our database: "corr" in ASCII.
_MIGRATION_LOCK = 0x636F7272


async def migrate(db: Database) -> int:
    """Bring the database to this version's schema, once when several processes start together; its number."""
    if db.dialect == "sqlite":
        await asyncio.to_thread(_migrate_sqlite, db)
    else:
        await db.write(_migrate_postgresql)
    return await db.read(_number)


async def check(db: Database) -> None:
    """Refuse to work on a schema that is not this version's."""
    number = await db.read(_number)
    if number < SCHEMA:
        raise UserError(f"The database has schema {number}, this version needs {SCHEMA}. Run `corrigent migrate`.")
    _refuse_newer(number)


def _migrate_sqlite(db: Database) -> None:
    # A connection of its own: a table is rebuilt with foreign keys off, which cannot be said inside a transaction.
    # The transaction begins with SQLite's write lock, so a second process waits here and finds nothing left to do.
    engine = migrating_engine(db.url)
    try:
        with engine.begin() as sql:
            _upgrade(sql)
    finally:
        engine.dispose()


def _migrate_postgresql(sql: Connection) -> None:
    sql.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATION_LOCK})
    _upgrade(sql)


def _upgrade(sql: Connection) -> None:
    # Alembic takes 0.2 s to import, and only this needs it.
    from alembic import command
    from alembic.config import Config

    _refuse_newer(_number(sql))
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = sql
    command.upgrade(config, "head")


def _number(sql: Connection) -> int:
    if not inspect(sql).has_table("alembic_version"):
        return 0
    revision = sql.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
    return 0 if revision is None else int(revision)


def _refuse_newer(number: int) -> None:
    if number > SCHEMA:
        raise UserError(
            f"The database has schema {number}, this version knows {SCHEMA}. Start the newer version again, "
            "or restore a backup made before its `corrigent migrate`: migrations only go forward."
        )
