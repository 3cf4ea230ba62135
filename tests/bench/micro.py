"""The small parts by themselves: one durable insert, one question to the limiter, one decision of a turn."""

import asyncio
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from app.store.database import Database
from app.store.deliveries import Deliveries
from app.store.limits import LimitBuckets
from app.store.schema import migrate
from tests.bench.figures import Figure, percentile
from workflows import turn
from workflows.messages import Admission, Nudge

BODY = b"x" * 25_000
AT_ONCE = 64
PACE = turn.Pace(quiet=20, at_most=120)


@dataclass(frozen=True)
class Account:
    """Whose limits are asked for."""

    connection: str
    installation_id: str


async def measure(quick: bool) -> Sequence[Figure]:
    size = 10 if quick else 1
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        db = await Database.open(f"sqlite:///{Path(folder) / 'bench.db'}")
        try:
            await migrate(db)
            return [
                *await _inserts(db, 20_000 // size),
                *await _admissions(db, 5_000 // size),
                _decisions(100_000 // size),
            ]
        finally:
            await db.close()


async def _inserts(db: Database, count: int) -> list[Figure]:
    deliveries, waits, numbers = Deliveries(db), list[float](), iter(range(count))

    async def insert() -> None:
        for number in numbers:
            began = time.perf_counter()
            await deliveries.receive(
                connection="github", delivery_id=str(number), event="pull_request", headers={}, body=BODY
            )
            waits.append(time.perf_counter() - began)

    began, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(insert() for _ in range(AT_ONCE)))
    return [
        Figure(f"durable inserts of 25 kB a second, {AT_ONCE} at once", count / (time.perf_counter() - began)),
        Figure("    p99", percentile(waits, 0.99) * 1000, "ms"),
        Figure("    CPU an insert", 1000 * (time.process_time() - cpu) / count, "ms"),
    ]


async def _admissions(db: Database, count: int) -> list[Figure]:
    """Each to an account that has room: the question's own price."""
    limits = LimitBuckets(db)
    began, cpu = time.perf_counter(), time.process_time()
    for number in range(count):
        await limits.admit(Account("github", str(number // 100)), points=1, creates_content=False)
    return [
        Figure("asking the limiter, one after the other", 1000 * (time.perf_counter() - began) / count, "ms"),
        Figure("    CPU", 1000 * (time.process_time() - cpu) / count, "ms"),
    ]


def _decisions(count: int) -> Figure:
    """From a push through its look to the start and the end of a review: four decisions a round."""
    admission = Admission(verdict="review", head_sha="a" * 40)
    began = time.perf_counter()
    for number in range(count // 4):
        state, _ = turn.decide(turn.Turn(), turn.Heard(Nudge(kind="pushed", delivery_id=str(number)), 0.0), PACE)
        want = state.wanted[0]
        state, _ = turn.decide(state, turn.Due(want.due), PACE)
        state, _ = turn.decide(state, turn.Looked(admission, want, want.due), PACE)
        turn.decide(state, turn.Ended(), PACE)
    return Figure("decisions of a turn a second", count / (time.perf_counter() - began))
