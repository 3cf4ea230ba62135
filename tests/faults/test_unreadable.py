"""A delivery that nobody foresaw ends as failed, with the others handled as if it had never come."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from time import monotonic
from typing import Literal

import pytest
from sqlalchemy import select
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, OperationalError, StatementError
from temporalio.client import Client
from typing_extensions import override

from app.dispatcher import PACE, Dispatcher
from app.domain.actions import Delivery
from app.domain.events import Event, Ignored
from app.forges.base import RawDelivery, SignedBy
from app.process import open_routing
from app.settings import load_settings
from app.store.database import Database, is_away
from app.store.deliveries import Deliveries
from app.store.tables import deliveries
from app.wiring import Store, open_store
from tests.harness.temporal import TemporalServer
from workflows.client import Turns


class Surprised:
    """An inbox that meets what it was not written for."""

    def verify(self, headers: Mapping[str, str], body: bytes) -> SignedBy:
        return "current"

    def delivery_id(self, headers: Mapping[str, str], body: bytes) -> str:
        return headers["id"]

    def parse(self, headers: Mapping[str, str], body: bytes) -> Event:
        if body == b"surprise":
            raise KeyError("a field nobody thought of")
        return Ignored(reason="plain")

    async def missed(self, since: datetime, known: set[str]) -> Sequence[RawDelivery]:
        return []


class Wake(asyncio.Event):
    """Tells when it is waited for."""

    def __init__(self) -> None:
        super().__init__()
        self.awaited = asyncio.Event()

    async def wait(self) -> Literal[True]:
        self.awaited.set()
        return await super().wait()


async def dispatcher(store: Store, temporal: TemporalServer) -> Dispatcher:
    return Dispatcher(
        deliveries=store.deliveries,
        inboxes={"x": Surprised()},
        routing=open_routing(store, {}),
        turns=Turns(await Client.connect(temporal.address)),
        dispatched=lambda _seconds: None,
    )


async def test_one_unreadable_delivery_does_not_stop_the_others(temporal: TemporalServer, tmp_path: Path) -> None:
    settings = load_settings({"home": str(tmp_path)}, environ={})
    async with open_store(settings, may_migrate=True) as store:
        for name, body in {"a": b"plain", "b": b"surprise", "c": b"plain"}.items():
            await store.deliveries.receive(connection="x", delivery_id=name, event="e", headers={"id": name}, body=body)
        running = asyncio.create_task((await dispatcher(store, temporal)).run())
        deadline = monotonic() + 30
        while (await store.deliveries.backlog())[0] and monotonic() < deadline:
            await asyncio.sleep(0.02)
        rows = await store.db.read(lambda sql: sql.execute(select(deliveries)).mappings().all())
        assert not running.done()
        running.cancel()
        await asyncio.wait([running])
    became = {row["delivery_id"]: (row["status"], row["reason"]) for row in rows}
    assert became == {"a": ("ignored", "plain"), "b": ("failed", "KeyError"), "c": ("ignored", "plain")}


class Counted(Deliveries):
    """Notes when it was asked for rows."""

    def __init__(self, db: Database) -> None:
        super().__init__(db)
        self.asked: list[float] = []

    @override
    async def claim(self, *, limit: int, lease: timedelta) -> list[Delivery]:
        self.asked.append(monotonic())
        return await super().claim(limit=limit, lease=lease)


async def test_what_comes_in_a_burst_is_claimed_together(temporal: TemporalServer, tmp_path: Path) -> None:
    settings = load_settings({"home": str(tmp_path)}, environ={})
    async with open_store(settings, may_migrate=True) as store:
        paced = await dispatcher(store, temporal)
        paced.deliveries = counted = Counted(store.db)
        running = asyncio.create_task(paced.run())
        for number in range(20):
            await counted.receive(
                connection="x", delivery_id=f"{number}", event="e", headers={"id": f"{number}"}, body=b"plain"
            )
            paced.wake.set()
        while (await counted.backlog())[0]:
            await asyncio.sleep(0.02)
        running.cancel()
        await asyncio.wait([running])
    gaps = [later - earlier for earlier, later in pairwise(counted.asked)]
    assert gaps
    assert min(gaps) >= PACE.total_seconds() * 0.9


class Refused(Exception):
    sqlstate = "22003"


@pytest.mark.parametrize(
    ("error", "away"),
    [
        (OperationalError("x", {}, OSError("connection refused")), True),
        (DBAPIError("x", {}, Exception("the server is starting up")), True),
        (DBAPIError("x", {}, Refused()), False),
        (DataError("x", {}, Exception("out of range")), False),
        (IntegrityError("x", {}, Exception("no such row")), False),
        (StatementError("a value of the wrong kind", "x", {}, TypeError()), False),
        (ValueError("ours"), False),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_database_that_is_away_is_told_from_one_that_refuses(error: Exception, away: bool) -> None:
    assert is_away(error) is away


@pytest.mark.parametrize("turns", range(6))
async def test_who_is_told_to_stop_just_when_something_comes_stops(
    temporal: TemporalServer, tmp_path: Path, turns: int
) -> None:
    settings = load_settings({"home": str(tmp_path)}, environ={})
    async with open_store(settings, may_migrate=True) as store:
        stopped, wake = await dispatcher(store, temporal), Wake()
        stopped.wake = wake
        running = asyncio.create_task(stopped.run())
        await wake.awaited.wait()
        wake.set()
        for _ in range(turns):
            await asyncio.sleep(0)
        running.cancel()
        _, late = await asyncio.wait([running], timeout=5)
        running.cancel()
        await asyncio.wait([running])
    assert not late
