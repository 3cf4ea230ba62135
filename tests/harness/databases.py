"""Databases at this version's schema: SQLite is brought there once in a process and then copied."""

import asyncio
import tempfile
from functools import cache
from pathlib import Path

from app.store.database import Database
from app.store.schema import migrate

_SQLITE = "sqlite:///"


async def bring_to_schema(url: str) -> None:
    """As `corrigent migrate` does; a SQLite file that is not there yet is a copy of one that was."""
    file = Path(url.removeprefix(_SQLITE))
    if url.startswith(_SQLITE) and not file.exists():
        file.write_bytes(await asyncio.to_thread(_empty))
    else:
        await _migrate(url)


@cache
def _empty() -> bytes:
    """An SQLite database with nothing in it."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "empty.db"
        asyncio.run(_migrate(f"{_SQLITE}{file}"))
        return file.read_bytes()


async def _migrate(url: str) -> None:
    db = await Database.open(url)
    try:
        await migrate(db)
    finally:
        await db.close()
