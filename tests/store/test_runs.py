"""The claim decides what is reviewed once; the row knows how far a run is and how it ended."""

import asyncio
from datetime import timedelta

import pytest

from app.domain.outcomes import Outcome
from app.store.database import Database
from app.store.findings import Findings
from app.store.runs import Runs
from app.store.streams import Streams
from tests.store.samples import (
    HEAD,
    NOW,
    REF,
    StoppedClock,
    finished_run,
    open_run,
    seen_of,
    seen_pull_request,
)

OTHER_HEAD = "d" * 40
LATER = NOW + timedelta(minutes=1)


@pytest.fixture
async def runs(db: Database, clock: StoppedClock) -> Runs:
    await seen_pull_request(db)
    return Runs(db, clock=clock)


async def test_fifty_claims_at_once_make_one_run(runs: Runs, db: Database) -> None:
    opened = await asyncio.gather(*(open_run(db) for _ in range(50)))
    assert {answer.status for answer in opened} == {"started"}
    assert len({answer.run.run_id for answer in opened}) == 1
    assert len(await runs.running(REF)) == 1


async def test_a_claim_is_answered_with_what_became_of_it(runs: Runs, db: Database) -> None:
    first = await open_run(db)
    assert (await open_run(db, now=LATER)) == first
    await runs.complete(first.run.run_id, outcome=Outcome.INCOMPLETE, title="Incomplete", result_key="r", now=LATER)
    again = await open_run(db)
    assert (again.status, again.run.run_id, again.run.outcome) == ("done", first.run.run_id, Outcome.INCOMPLETE)
    asked = await open_run(db, request="act-1")
    assert (asked.status, asked.run.request) == ("started", "act-1")
    assert asked.run.run_id != first.run.run_id


@pytest.mark.parametrize(
    ("outcome", "changes", "status"),
    [
        (Outcome.CLEAN, {}, "carried"),
        (Outcome.OPEN_FINDINGS, {}, "carried"),
        (Outcome.BLOCKING_FINDINGS, {}, "carried"),
        (Outcome.INCOMPLETE, {}, "started"),
        (Outcome.ACCEPTED, {}, "started"),
        (Outcome.NO_MODEL, {}, "started"),
        (Outcome.COULD_NOT_RUN, {}, "started"),
        (Outcome.SUPERSEDED, {}, "started"),
        (Outcome.CLEAN, {"patch_id": "patch-2"}, "started"),
        (Outcome.CLEAN, {"config": "config-2"}, "started"),
        (Outcome.CLEAN, {"request": "act-1"}, "started"),
    ],
)
async def test_only_a_complete_result_of_an_equal_patch_is_carried_over(
    runs: Runs, db: Database, outcome: Outcome, changes: dict[str, str], status: str
) -> None:
    first = await finished_run(db, outcome=outcome)
    request, patch_id, config = (
        changes.get(name, given)
        for name, given in (("request", "auto"), ("patch_id", "patch-1"), ("config", "config-1"))
    )
    opened = await open_run(
        db, head_sha=OTHER_HEAD, request=request, patch_id=patch_id, config_fingerprint=config, now=LATER
    )
    assert opened.status == status
    assert opened.run.carried_from == (first.run_id if status == "carried" else None)
    assert await runs.get(opened.run.run_id) == opened.run


async def test_a_carried_run_stays_carried_after_a_crash(runs: Runs, db: Database) -> None:
    await finished_run(db)
    carried = await open_run(db, head_sha=OTHER_HEAD, now=LATER)
    assert (await open_run(db, head_sha=OTHER_HEAD, now=LATER)) == carried
    assert carried.status == "carried"


async def test_an_empty_patch_id_equals_nothing(runs: Runs, db: Database) -> None:
    await finished_run(db, patch_id="")
    assert (await open_run(db, head_sha=OTHER_HEAD, patch_id="")).status == "started"
    assert await runs.get("none") is None


async def test_another_pull_request_carries_nothing_over(runs: Runs, db: Database) -> None:
    await finished_run(db)
    other = await seen_pull_request(db, REF.model_copy(update={"number": 13}))
    assert (await open_run(db, ref=other)).status == "started"
    assert (await runs.latest(other)) != (await runs.latest(REF))


async def test_keys_are_set_one_by_one(runs: Runs, db: Database) -> None:
    run = (await open_run(db)).run
    await runs.set_keys(run.run_id, config_key="c", diff_key="d")
    await runs.set_keys(run.run_id, check_id="42")
    await runs.set_keys(run.run_id, snapshot_key="s", result_key="r", review_id="43")
    await runs.set_keys(run.run_id)
    expected = {"config_key": "c", "diff_key": "d", "snapshot_key": "s", "result_key": "r"}
    assert await runs.get(run.run_id) == run.model_copy(update={**expected, "check_id": "42", "review_id": "43"})


async def test_reports_of_all_reviewers_are_kept_once(runs: Runs, db: Database) -> None:
    run_id = (await open_run(db)).run.run_id
    names = [f"reviewer-{number}" for number in range(8)]
    await asyncio.gather(*(runs.add_report(run_id, name, f"key of {name}", 0.25, 2) for name in names))
    await runs.add_report(run_id, names[0], "a second attempt", 9.0, 9)
    run = await runs.get(run_id)
    assert run is not None
    assert run.reports == {name: f"key of {name}" for name in names}
    assert (run.dollars, run.model_calls) == (2.0, 16)


async def test_stages_are_on_the_row_and_in_the_stream(runs: Runs, db: Database) -> None:
    run_id = (await open_run(db)).run.run_id
    await runs.set_stage(run_id, "checkout", now=NOW)
    await runs.set_stage(run_id, "checkout", now=NOW)
    await runs.set_stage(run_id, "model", detail="1 of 2", now=NOW + timedelta(seconds=3))
    assert await runs.complete(run_id, outcome=Outcome.CLEAN, title="No findings", result_key="r", now=LATER)
    await runs.set_stage(run_id, "post", now=LATER)
    run = await runs.get(run_id)
    assert run is not None
    assert [(stage.stage, stage.seconds) for stage in run.stages] == [("checkout", 3.0), ("model", 57.0)]
    assert (run.outcome, run.title, run.result_key, run.finished_at) == (Outcome.CLEAN, "No findings", "r", LATER)
    events = await Streams(db).read(f"run/{run_id}", 0)
    assert [event.kind for event in events] == ["stage", "stage", "end"]
    assert '"detail":"1 of 2"' in events[1].data


async def test_the_first_end_stands(runs: Runs, db: Database) -> None:
    run_id = (await open_run(db)).run.run_id
    ends = await asyncio.gather(
        *(
            runs.complete(run_id, outcome=outcome, title=outcome, result_key="", now=NOW)
            for outcome in (Outcome.CLEAN, Outcome.SUPERSEDED, Outcome.COULD_NOT_RUN)
        )
    )
    assert sorted(ends) == [False, False, True]
    run = await runs.get(run_id)
    assert run is not None
    assert run.title == run.outcome


async def test_running_latest_and_last_reviewed(runs: Runs, db: Database) -> None:
    assert await runs.latest(REF) is None
    assert await runs.last_reviewed(REF) is None
    first = await finished_run(db)
    second = (await open_run(db, head_sha=OTHER_HEAD, patch_id="p2", now=LATER)).run
    assert [run.run_id for run in await runs.running(REF)] == [second.run_id]
    assert await runs.latest(REF) == second
    reviewed = await runs.last_reviewed(REF)
    assert reviewed is not None
    assert reviewed.run_id == first.run_id
    await runs.complete(second.run_id, outcome=Outcome.SUPERSEDED, title="Superseded", result_key="", now=LATER)
    assert await runs.last_reviewed(REF) == reviewed
    assert await runs.running(REF) == []


async def test_heads_with_findings(runs: Runs, db: Database) -> None:
    for head_sha, names in ((HEAD, ["a", "b"]), (OTHER_HEAD, []), ("e" * 40, ["a"])):
        run = (await open_run(db, head_sha=head_sha)).run
        await Findings(db).track(REF, run.run_id, head_sha, [seen_of(name) for name in names], NOW)
    assert await runs.heads_with_findings(REF) == 2


async def test_the_janitor_asks_after_late_runs_but_not_after_waiting_ones(
    runs: Runs, db: Database, clock: StoppedClock
) -> None:
    late = (await open_run(db)).run
    waiting = (await open_run(db, request="act-1")).run
    await runs.set_waiting(waiting.run_id, NOW + timedelta(hours=1))
    await finished_run(db, head_sha=OTHER_HEAD)
    await open_run(db, request="act-2", now=LATER)
    assert [run.run_id for run in await runs.unfinished(LATER)] == [late.run_id]
    clock.move(timedelta(hours=1))
    assert {run.run_id for run in await runs.unfinished(LATER)} == {late.run_id, waiting.run_id}
    await runs.set_waiting(waiting.run_id, None)
    run = await runs.get(waiting.run_id)
    assert run == waiting


async def test_pages_show_only_what_the_viewer_may_see(runs: Runs, db: Database) -> None:
    other = await seen_pull_request(db, REF.model_copy(update={"repo_id": "2002"}))
    ids = [
        (await open_run(db, ref=ref, request=f"act-{number}", now=NOW + timedelta(seconds=number))).run.run_id
        for number, ref in enumerate([REF, other, REF, other, REF])
    ]
    everything = await runs.page(repos=None)
    assert [row.run.run_id for row in everything] == ids[::-1]
    mine = await runs.page(repos=[("github", "1001"), ("gitlab", "2002")], limit=2)
    assert [row.run.run_id for row in mine] == [ids[4], ids[2]]
    older = await runs.page(repos=[("github", "1001")], before=ids[2])
    assert [row.run.run_id for row in older] == [ids[0]]
    assert await runs.page(repos=[]) == []
    row = await runs.row(ids[1], [("github", "2002")])
    assert row is not None
    assert (row.full_name, row.title, row.number, row.author) == ("acme/shop-2002", "Refund on retry", 12, "ada")
    assert row.url == "https://github.com/acme/shop/pull/12"
    assert await runs.row(ids[1], [("github", "1001")]) is None
    assert await runs.row(ids[1], None) == row
