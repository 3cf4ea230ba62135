"""The small parts by themselves: one durable insert, one question to the limiter, one decision of a turn."""

import asyncio
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from app.domain.pull_request import PullRequestRef
from app.domain.runs import Run
from app.domain.secrets import Redactor
from app.store.database import Database
from app.store.deliveries import Deliveries
from app.store.ids import new_id
from app.store.limits import LimitBuckets
from app.store.run_rows import RunRow
from app.store.schema import migrate
from app.web.pages.parts.lists import listed
from app.web.pages.parts.rendering import Templates
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
                _listing(),
                _redacting(100_000 // size),
            ]
        finally:
            await db.close()


def _redacting(count: int) -> Figure:
    """Ordinary lines, with nothing in them to hide."""
    redactor = Redactor(["a value we hold", "another value"])
    lines = [f"2026-01-01T00:00:{n % 60:02d}Z INFO review.posted run through file item {n} ms" for n in range(count)]
    began = time.process_time()
    for line in lines:
        redactor.redact(line)
    return Figure("log lines redacted a second", count / (time.process_time() - began))


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


def _listing() -> Figure:
    """The quickest of some tries, as a person sees it who looks at a busy day."""
    now = datetime.now(UTC)
    ref = PullRequestRef(connection="github", repo_id="1", number=1)
    run = Run(
        run_id=new_id(now), ref=ref, head_sha="a" * 40, merge_base_sha="b" * 40, base_ref="main", base_sha="b" * 40,
        request="auto", patch_id="", config_fingerprint="", started_at=now,
    )  # fmt: skip
    row = RunRow(run=run, full_name="acme/shop", title="Refunds", number=1, author="maria", url="https://github.com")
    templates, seconds = Templates(lambda: now), list[float]()
    for _ in range(10):
        began = time.process_time()
        templates.page("_rows.html", runs=[listed(row, now) for _ in range(500)])
        seconds.append(time.process_time() - began)
    return Figure("a list of 500 runs as a page", 1000 * min(seconds), "ms", 50)
