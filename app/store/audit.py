"""The audit log: rows chained by their digests, so that a changed or missing one is noticed."""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime

from sqlalchemy import Connection, RowMapping, func, select

from app.domain.pull_request import PullRequestRef
from app.store.columns import storable
from app.store.cursors import set_cursor
from app.store.database import Database
from app.store.tables import audit, cursors, effects

# Any number that nobody else locks in our database: "audi" in ASCII.
_AUDIT_LOCK = 0x61756469
# The time of the last row is kept apart: a chain alone does not notice that its end was cut off.
_LAST = "audit"
_PORTION = 1000


class Audit:
    """Who did what, to what, when."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def append(
        self, kind: str, actor: str, ref: PullRequestRef | None, detail: Mapping[str, str], now: datetime
    ) -> None:
        """`kind` is a dotted name ("finding.dismissed"), `actor` a login, or empty when nobody asked."""

        row = _row(kind, actor, ref, detail, now)
        await self._db.write(lambda sql: self._append(sql, row, now))

    async def append_once(
        self, key: str, kind: str, actor: str, ref: PullRequestRef | None, detail: Mapping[str, str], now: datetime
    ) -> None:
        """As `append`; of all rows with this key only the first is written, whatever crashed in between."""
        row = _row(kind, actor, ref, detail, now)
        claim = (
            self._db.insert(effects)
            .values(effect_key=f"audit/{key}", run_id="", intent_at=now, settled_at=now)
            .on_conflict_do_nothing()
        )

        def work(sql: Connection) -> None:
            if sql.execute(claim).rowcount == 1:
                self._append(sql, row, now)

        await self._db.write(work)

    def _append(self, sql: Connection, given: Mapping[str, object], now: datetime) -> None:
        if sql.dialect.name == "postgresql":
            sql.execute(select(func.pg_advisory_xact_lock(_AUDIT_LOCK)))
        last = sql.execute(select(audit).order_by(audit.c.seq.desc()).limit(1)).mappings().one_or_none()
        row = {
            **given,
            "seq": 1 if last is None else last["seq"] + 1,
            "previous_digest": "" if last is None else last["digest"],
        }
        sql.execute(audit.insert().values({**row, "digest": _digest(row)}))
        set_cursor(self._db, sql, _LAST, now)

    async def verify(self) -> int | None:
        """None when the log is whole, else the number of the first row that was changed or is missing."""
        expected, previous = 1, ""
        while rows := await self._portion(expected):
            for row in rows:
                if row["seq"] != expected or row["previous_digest"] != previous or row["digest"] != _digest(row):
                    return expected
                expected, previous = expected + 1, row["digest"]
        return None if await self._db.read(_end_is_whole) else expected

    async def _portion(self, first: int) -> list[RowMapping]:
        query = select(audit).where(audit.c.seq >= first).order_by(audit.c.seq).limit(_PORTION)
        return list(await self._db.read(lambda sql: sql.execute(query).mappings().all()))


def _row(
    kind: str, actor: str, ref: PullRequestRef | None, detail: Mapping[str, str], now: datetime
) -> dict[str, object]:
    """All but its place in the chain."""
    return {
        "at": now.astimezone(UTC),
        "kind": storable(kind),
        "actor": storable(actor),
        "ref": "" if ref is None else str(ref),
        "detail": dict(detail),
    }


def _end_is_whole(sql: Connection) -> bool:
    # One statement, so that a row appended meanwhile is in both or in neither.
    newest = select(audit.c.at).order_by(audit.c.seq.desc()).limit(1).scalar_subquery()
    kept_apart = select(cursors.c.at).where(cursors.c.name == _LAST).scalar_subquery()
    row = sql.execute(select(newest, kept_apart)).one()
    return row[0] == row[1]


def _digest(row: Mapping[str, object] | RowMapping) -> str:
    at = row["at"]
    content = [row["seq"], at.isoformat() if isinstance(at, datetime) else "", row["kind"], row["actor"]]
    content += [row["ref"], row["detail"], row["previous_digest"]]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
