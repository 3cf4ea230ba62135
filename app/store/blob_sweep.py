"""Blobs that no row names any more: marked from the tables, swept by age."""

import re
from datetime import datetime

from sqlalchemy import Column, RowMapping, Select, select

from app.store.blobs import KEY_LENGTH, Blobs
from app.store.database import Database
from app.store.tables import agents, effects, runs

_PORTION = 500
_KEY = re.compile(rf"\b[0-9a-f]{{{KEY_LENGTH}}}\b")
_RUN_KEYS = ("config_key", "diff_key", "snapshot_key", "result_key")
_AGENT_KEYS = ("prompt_key", "snapshot_key", "task_key", "fix_key", "conversation")
# These name blobs of their own: the code, the workspace, the patch and its evidence; a conversation's messages name
# each other.
_NAMING = ("task_key", "snapshot_key", "fix_key", "conversation")


async def sweep_blobs(db: Database, blobs: Blobs, *, before: datetime) -> int:
    """Remove what was put before then and is named by no row; how many.

    A blob that is put again is written again: it is young from then on, so that a row may name it at any later time.
    """
    marked = await _marked(db)
    marked |= await _marked_by_agents(db, blobs)
    removed = 0
    async for keys in blobs.put_before(before):
        unnamed = [key for key in keys if _mark(key) not in marked]
        await blobs.remove(unnamed)
        removed += len(unnamed)
    return removed


async def _marked(db: Database) -> set[int]:
    """A quarter of each key is enough: where two are alike there, a blob is kept for nothing."""
    marked: set[int] = set()
    for query, column in (
        (select(runs.c.run_id, *(runs.c[name] for name in _RUN_KEYS), runs.c.reports), runs.c.run_id),
        (select(effects.c.effect_key, effects.c.result).where(effects.c.settled_at.is_not(None)), effects.c.effect_key),
    ):
        last = ""
        while rows := await _portion(db, query, column, last):
            marked.update(_mark(key) for row in rows for key in _keys_in(row))
            last = rows[-1][column.name]
    return marked


async def _marked_by_agents(db: Database, blobs: Blobs) -> set[int]:
    marked: set[int] = set()
    query = select(agents.c.agent_id, *(agents.c[name] for name in _AGENT_KEYS))
    last = ""
    while rows := await _portion(db, query, agents.c.agent_id, last):
        for row in rows:
            marked.update(_mark(key) for key in _keys_in(row))
            for name in _NAMING:
                await _follow(row[name], blobs, marked, further=name == "conversation")
        last = rows[-1]["agent_id"]
    return marked


async def _follow(key: str, blobs: Blobs, marked: set[int], *, further: bool) -> None:
    """Mark what this blob names; `further` does the same with what those name."""
    waiting = [key] if key else []
    while waiting:
        try:
            text = (await blobs.get(waiting.pop())).decode("utf-8", "replace")
        except (FileNotFoundError, ValueError):
            # Swept before, or damaged: it names nothing.
            continue
        new = {named for named in _KEY.findall(text) if _mark(named) not in marked}
        marked.update(_mark(named) for named in new)
        waiting += new if further else ()


async def _portion(
    db: Database, query: Select[*tuple[object, ...]], column: Column[str], last: str
) -> list[RowMapping]:
    page = query.where(column > last).order_by(column).limit(_PORTION)
    return list(await db.read(lambda sql: sql.execute(page).mappings().all()))


def _keys_in(row: RowMapping) -> list[str]:
    """Wherever they stand: in a column, or in the names and values of a JSON column."""
    return _KEY.findall(" ".join(str(value) for value in row.values()))


def _mark(key: str) -> int:
    return int(key[: KEY_LENGTH // 4], 16)
