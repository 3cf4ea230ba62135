"""What is kept for how long, on both databases, by a clock that the test moves."""

import os
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Table, func, select, update

from app.domain.outcomes import Outcome
from app.domain.pull_request import PullRequestRef
from app.domain.review import ReviewerUsage
from app.store.actions import Actions
from app.store.blobs import Blobs
from app.store.database import Database
from app.store.deliveries import Deliveries
from app.store.effects import Effects
from app.store.findings import Findings
from app.store.repositories import Repositories
from app.store.retention import Keep, Removed, Retention
from app.store.runs import Runs
from app.store.tables import (
    actions,
    config_files,
    deliveries,
    effects,
    findings,
    installations,
    metadata,
    pull_requests,
    repositories,
    runs,
    sightings,
    stream_events,
    usage,
)
from app.store.usage import Usage
from tests.store.samples import NOW, REF, StoppedClock, action_of, open_run, seen_of, seen_pull_request

DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return Blobs(str(tmp_path / "blobs"))


@pytest.fixture
def retention(db: Database, blobs: Blobs) -> Retention:
    return Retention(db, blobs, Keep())


async def count(db: Database, table: Table) -> int:
    query = select(func.count()).select_from(table)
    return await db.read(lambda sql: sql.execute(query).scalar_one())


async def reviewed(
    db: Database, *, at: datetime = NOW, ref: PullRequestRef = REF, head: str = "a", result: str = "f" * 64
) -> str:
    """A finished run with all that hangs on one: a finding seen, an effect, usage and events."""
    await seen_pull_request(db, ref, head_sha=head * 40)
    run = (await open_run(db, ref=ref, head_sha=head * 40, patch_id=f"patch-{head}", now=at)).run
    await Findings(db).track(ref, run.run_id, run.head_sha, [seen_of(head)], at)
    await Usage(db).add(run.run_id, ref, "7", ReviewerUsage(model="m", requests=1, dollars=0.1), at)

    async def write(_: bool) -> str:
        return "check-1"

    await Effects(db, clock=lambda: at).perform(f"check/{run.run_id}", write, run_id=run.run_id)
    await Runs(db).complete(run.run_id, outcome=Outcome.CLEAN, title="Clean", result_key=result, now=at)
    return run.run_id


async def close(db: Database, ref: PullRequestRef = REF) -> None:
    closed = update(pull_requests).where(pull_requests.c.pull_request_number == ref.number).values(state="closed")
    await db.write(lambda sql: sql.execute(closed))


async def test_bodies_go_after_days_and_rows_after_months(
    db: Database, retention: Retention, clock: StoppedClock
) -> None:
    inbox = Deliveries(db, clock=clock)
    for name in [*(f"handled-{number}" for number in range(205)), "failed"]:
        await inbox.receive(connection="github", delivery_id=name, event="push", headers={}, body=b"{}")
    for row in await inbox.claim(limit=300, lease=DAY):
        await inbox.settle(row.row_id, "failed" if row.delivery_id == "failed" else "handled")
    await inbox.receive(connection="github", delivery_id="waiting", event="push", headers={}, body=b"{}")

    async def bodies() -> set[str]:
        query = select(deliveries.c.delivery_id).where(deliveries.c.body != b"")
        return set(await db.read(lambda sql: sql.execute(query).scalars().all()))

    assert (await retention.remove_old(NOW + 3 * DAY)).bodies == 0
    assert (await retention.remove_old(NOW + 3 * DAY + SECOND)).bodies == 205
    assert await bodies() == {"failed", "waiting"}
    assert (await retention.remove_old(NOW + 7 * DAY + SECOND)).bodies == 1
    assert await count(db, deliveries) == 207
    assert (await retention.remove_old(NOW + 90 * DAY + SECOND)).deliveries == 206
    clock.move(91 * DAY)
    [row] = await inbox.claim(limit=1, lease=DAY)
    assert (row.delivery_id, row.body) == ("waiting", b"{}")


async def test_the_operator_s_days_are_honoured(db: Database, blobs: Blobs) -> None:
    await reviewed(db)
    await close(db)
    short = Retention(db, blobs, Keep(runs=timedelta(days=2)))
    assert (await short.remove_old(NOW + 2 * DAY)).runs == 0
    assert (await short.remove_old(NOW + 2 * DAY + SECOND)).runs == 1


async def test_runs_of_closed_pull_requests_go_with_all_that_hangs_on_them(db: Database, retention: Retention) -> None:
    for number in range(45):
        await reviewed(db, ref=REF.model_copy(update={"number": number}))
        await close(db, REF.model_copy(update={"number": number}))
    assert await retention.remove_old(NOW + 180 * DAY) == Removed()
    assert await retention.remove_old(NOW + 180 * DAY + SECOND) == Removed(runs=45, findings=45)
    emptied = (runs, findings, sightings, effects, usage, stream_events)
    assert [await count(db, table) for table in emptied] == [0] * len(emptied)
    # Its number counts on, should somebody open it again.
    assert await count(db, pull_requests) == 45


async def test_an_open_pull_request_keeps_what_the_next_review_needs(db: Database, retention: Retention) -> None:
    await reviewed(db, head="a")
    last_with_result = await reviewed(db, head="b", at=NOW + DAY)
    newest = await reviewed(db, head="c", at=NOW + 2 * DAY, result="")
    [dismissed, *_] = await Findings(db).of(REF)
    await Findings(db).set_state(dismissed.finding_id, "dismissed", by="ada", why="known", now=NOW)
    assert (await retention.remove_old(NOW + 400 * DAY)).runs == 1
    latest, reviewed_last = await Runs(db).latest(REF), await Runs(db).last_reviewed(REF)
    assert latest is not None
    assert reviewed_last is not None
    assert (latest.run_id, reviewed_last.run_id) == (newest, last_with_result)
    # What somebody dismissed never returns.
    assert [one.state for one in await Findings(db).of(REF)] == ["dismissed", "open", "open"]


async def test_a_run_at_work_is_never_removed(db: Database, retention: Retention) -> None:
    await seen_pull_request(db)
    await open_run(db)
    await close(db)
    assert (await retention.remove_old(NOW + 400 * DAY)).runs == 0


async def test_a_result_that_is_being_carried_over_stays(db: Database, retention: Retention) -> None:
    earlier = await reviewed(db, head="a")
    carried = (await open_run(db, head_sha="b" * 40, patch_id="patch-a", now=NOW + DAY)).run
    assert carried.carried_from == earlier
    await close(db)
    assert (await retention.remove_old(NOW + 400 * DAY)).runs == 0


async def test_commands_go_with_the_runs(db: Database, retention: Retention) -> None:
    await seen_pull_request(db)
    await Actions(db).record(action_of())

    async def answer(_: bool) -> str:
        return "comment-1"

    await Effects(db, clock=lambda: NOW).perform("answer/act-1", answer)
    assert (await retention.remove_old(NOW + 180 * DAY)).actions == 0
    assert (await retention.remove_old(NOW + 180 * DAY + SECOND)).actions == 2


async def test_a_repository_that_left_leaves_nothing_after_its_time(
    db: Database, retention: Retention, clock: StoppedClock
) -> None:
    stays = PullRequestRef(connection="github", repo_id="10011", number=12)
    await reviewed(db)
    await reviewed(db, ref=stays, head="b")
    await Actions(db).record(action_of())
    inbox = Deliveries(db, clock=clock)
    for name, ref in (("mine", REF), ("other", stays)):
        await inbox.receive(connection="github", delivery_id=name, event="push", headers={}, body=b"{}")
        [row] = await inbox.claim(limit=1, lease=DAY)
        await inbox.settle(row.row_id, "handled", ref=str(ref))
    await Repositories(db, clock=clock).remove("github", "7", [REF.repo_id])
    assert await retention.remove_old(NOW + DAY * 2) == Removed()
    assert (await retention.remove_old(NOW + 30 * DAY + SECOND)).repositories == 1
    for table in (repositories, pull_requests, runs, findings, usage):
        query = select(table.c.repo_id).distinct()
        assert await db.read(lambda sql, query=query: sql.execute(query).scalars().all()) == ["10011"], table.name
    assert [await count(db, table) for table in (actions, deliveries, installations)] == [0, 1, 1]


async def test_an_installation_that_left_is_forgotten(db: Database, retention: Retention, clock: StoppedClock) -> None:
    await reviewed(db)
    await Repositories(db, clock=clock).remove("github", "7", None)
    assert (await retention.remove_old(NOW + 30 * DAY + SECOND)).repositories == 1
    names = ("connections", "cursors", "audit", "secrets")
    left = [table.name for table in metadata.sorted_tables if await count(db, table) and table.name not in names]
    assert left == []
    assert await count(db, config_files) == 0


async def test_blobs_that_nobody_names_are_swept_when_they_are_old(
    db: Database, blobs: Blobs, retention: Retention, tmp_path: Path
) -> None:
    result, report, answer, stray, young = [
        await blobs.put(name) for name in (b"result", b"report", b"answer", b"stray", b"young")
    ]
    run_id = await reviewed(db, result=result)
    await Runs(db).add_report(run_id, "linters", report, 0.0, 0)

    async def pay(_: bool) -> str:
        return answer

    await Effects(db).perform(f"answer/{run_id}/x", pay, run_id=run_id)
    for key in (result, report, answer, stray, young):
        put_at = (NOW - (DAY if key == young else 8 * DAY)).timestamp()
        os.utime(tmp_path / "blobs" / key[:2] / f"{key}.zst", (put_at, put_at))
    assert (await retention.remove_old(NOW)).blobs == 1
    assert [await _is_there(blobs, key) for key in (result, report, answer, young, stray)] == [True] * 4 + [False]
    # Once its run is gone, so are its blobs; and the young one has grown old.
    await close(db)
    assert (await retention.remove_old(NOW + 181 * DAY)).blobs == 4


async def _is_there(blobs: Blobs, key: str) -> bool:
    try:
        await blobs.get(key)
    except FileNotFoundError:
        return False
    return True
