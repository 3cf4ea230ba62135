"""The inbox: a delivery is acknowledged when its row is committed, and handled at least once after that."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal

import zstandard
from sqlalchemy import Connection, RowMapping, bindparam, func, select, update

from app.domain.actions import Delivery
from app.domain.model import Frozen
from app.store.clock import Clock, utc_now
from app.store.database import Database
from app.store.tables import deliveries

Settled = Literal["handled", "ignored", "malformed", "rejected", "failed"]

# From which size on does compressing leave the event loop? 256 kB take about a millisecond.
_LARGE_BODY = 256 * 1024

_KEPT_PREFIXES = ("x-github-", "x-gitlab-", "webhook-")
_KEPT_NAMES = ("content-type", "idempotency-key")
# GitLab's X-Gitlab-Token is the secret itself, and a signature is of no use to anyone but a forger.
_SECRET_WORDS = ("token", "signature", "secret")

# Built once: building a statement costs more than running it. What is set is said when it runs.
_DUE = (
    select(deliveries.c.row_id)
    .where(deliveries.c.status == "waiting", deliveries.c.due_at <= bindparam("now"))
    .order_by(deliveries.c.row_id)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
)
_SET = update(deliveries).where(deliveries.c.row_id == bindparam("of_row"))


class Ended(Frozen):
    """How a delivery ended; `ref` names the pull request it was about."""

    row_id: int
    status: Settled
    reason: str = ""
    ref: str = ""


class Deliveries:
    """Rows wait, are claimed under a lease, and end in one of the settled states."""

    def __init__(self, db: Database, *, clock: Clock = utc_now) -> None:
        self._db = db
        self._clock = clock
        self._insert = db.insert(deliveries).on_conflict_do_nothing(index_elements=["connection", "delivery_id"])

    async def receive(
        self, *, connection: str, delivery_id: str, event: str, headers: Mapping[str, str], body: bytes
    ) -> bool:
        """Durable when this returns; False when the delivery was here before."""
        now = self._clock()
        row = {
            "connection": connection,
            "delivery_id": delivery_id,
            "event": event,
            "headers": kept_headers(headers),
            "body": await _compress(body),
            "received_at": now,
            "status": "waiting",
            "due_at": now,
            "attempts": 0,
            "reason": "",
            "ref": "",
        }
        return await self._db.write(lambda sql: sql.execute(self._insert, row).rowcount == 1)

    async def claim(self, *, limit: int, lease: timedelta) -> list[Delivery]:
        """The oldest that are due, ours until the lease ends; after it they are due again, for whoever asks."""
        now = self._clock()

        def work(sql: Connection) -> list[RowMapping]:
            ids = sql.execute(_DUE, {"now": now, "most": limit}).scalars().all()
            if not ids:
                return []
            lease_them = (
                update(deliveries)
                .where(deliveries.c.row_id.in_(ids))
                .values(due_at=now + lease, attempts=deliveries.c.attempts + 1)
                .returning(deliveries)
            )
            return list(sql.execute(lease_them).mappings())

        rows = await self._db.write(work)
        return [_delivery(row) for row in sorted(rows, key=lambda row: row["row_id"])]

    async def settle(self, row_id: int, status: Settled, reason: str = "", ref: str = "") -> None:
        """It is done with, whatever came of it."""
        await self.settle_all([Ended(row_id=row_id, status=status, reason=reason, ref=ref)])

    async def settle_all(self, ended: Sequence[Ended]) -> None:
        """The same for several, in one transaction."""
        now = self._clock()
        values = [
            {"of_row": one.row_id, "status": one.status, "reason": one.reason, "ref": one.ref, "settled_at": now}
            for one in ended
        ]
        if values:
            await self._db.write(lambda sql: sql.execute(_SET, values))

    async def retry(self, row_id: int, *, at: datetime, reason: str) -> None:
        await self._db.write(lambda sql: sql.execute(_SET, {"of_row": row_id, "due_at": at, "reason": reason}))

    async def known(self, connection: str, since: datetime) -> set[str]:
        """Ids of the deliveries that arrived since then."""
        query = select(deliveries.c.delivery_id).where(
            deliveries.c.connection == connection, deliveries.c.received_at >= since
        )
        return set(await self._db.read(lambda sql: sql.execute(query).scalars().all()))

    async def latest(self, connection: str) -> datetime | None:
        """When the newest delivery arrived."""
        query = select(func.max(deliveries.c.received_at)).where(deliveries.c.connection == connection)
        return await self._db.read(lambda sql: sql.execute(query).scalar_one())

    async def backlog(self) -> tuple[int, float]:
        """How many rows wait, and the age of the oldest in seconds."""
        query = select(func.count(), func.min(deliveries.c.received_at)).where(deliveries.c.status == "waiting")
        count, oldest = await self._db.read(lambda sql: sql.execute(query).one())
        return count, 0.0 if oldest is None else max(0.0, (self._clock() - oldest).total_seconds())


def kept_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """What a forge's adapter needs to read the delivery, in lower case."""
    named = {name.lower(): value for name, value in headers.items()}
    return {name: value for name, value in named.items() if _is_kept(name)}


def _is_kept(name: str) -> bool:
    wanted = name in _KEPT_NAMES or name.startswith(_KEPT_PREFIXES)
    return wanted and not any(word in name for word in _SECRET_WORDS)


async def _compress(body: bytes) -> bytes:
    if len(body) < _LARGE_BODY:
        return zstandard.compress(body)
    return await asyncio.to_thread(zstandard.compress, body)


def _delivery(row: RowMapping) -> Delivery:
    fields = Delivery.model_fields.keys()
    return Delivery.model_validate(
        {name: row[name] for name in fields} | {"body": zstandard.decompress(row["body"]) if row["body"] else b""}
    )
