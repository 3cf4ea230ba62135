"""Migrations end where the tables are, and a wrong schema is refused."""

import asyncio

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text

from app.domain.errors import UserError
from app.store.all_tables import metadata
from app.store.database import Database
from app.store.schema import SCHEMA, check, migrate


async def test_migrations_make_the_tables_of_the_code(db: Database) -> None:
    def differences(sql: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(sql, opts={"compare_type": True}), metadata))

    assert await db.read(differences) == []


async def test_processes_that_start_together_migrate_once(empty_url: str) -> None:
    databases = [await Database.open(empty_url) for _ in range(3)]
    assert await asyncio.gather(*(migrate(db) for db in databases)) == [SCHEMA] * 3
    await check(databases[0])
    for db in databases:
        await db.close()


async def test_a_database_without_schema_names_the_command(empty_url: str) -> None:
    db = await Database.open(empty_url)
    with pytest.raises(UserError, match=r"has schema 0, .* Run `corrigent migrate`"):
        await check(db)
    await db.close()


async def test_a_newer_schema_is_neither_used_nor_migrated(empty_url: str) -> None:
    db = await Database.open(empty_url)
    await migrate(db)
    await db.write(lambda sql: sql.execute(text("UPDATE alembic_version SET version_num = '0099'")))
    with pytest.raises(UserError, match="has schema 99"):
        await check(db)
    with pytest.raises(UserError, match="migrations only go forward"):
        await migrate(db)
    await db.close()
