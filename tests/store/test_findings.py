"""Findings keep their id and number, whoever asks and however often."""

import asyncio
from datetime import timedelta

import pytest

from app.domain.findings import TrackedFinding
from app.store.database import Database
from app.store.findings import Findings
from tests.store.samples import HEAD, NOW, REF, a_run, open_run, seen_of, seen_pull_request

LATER = NOW + timedelta(hours=1)
NEXT_HEAD = "d" * 40


@pytest.fixture
async def findings(db: Database) -> Findings:
    await seen_pull_request(db)
    return Findings(db)


async def test_findings_get_numbers_in_the_order_seen(findings: Findings, db: Database) -> None:
    tracked = await findings.track(REF, await a_run(db), HEAD, [seen_of("b"), seen_of("a")], NOW)
    assert [(one.number, one.finding) for one in tracked] == [(1, seen_of("b").finding), (2, seen_of("a").finding)]
    assert tracked[0] == TrackedFinding(
        finding_id=tracked[0].finding_id,
        number=1,
        finding=seen_of("b").finding,
        first_seen_sha=HEAD,
        keys=("analyser:b", "anchor:b"),
        first_seen_at=NOW,
    )
    assert await findings.of(REF) == tracked
    assert await findings.by_number(REF, 2) == tracked[1]
    assert await findings.by_number(REF, 3) is None


async def test_the_same_run_again_gives_the_same_ids(findings: Findings, db: Database) -> None:
    run_id = await a_run(db)
    seen = [seen_of("a"), seen_of("b"), seen_of("b")]
    first = await findings.track(REF, run_id, HEAD, seen, NOW)
    assert [one.number for one in first] == [1, 2, 3]
    assert await findings.track(REF, run_id, HEAD, seen, LATER) == first
    assert await findings.track(REF, run_id, HEAD, [], LATER) == []
    assert await findings.of(REF) == first


async def test_a_retry_that_knows_some_of_them_keeps_the_rest(findings: Findings, db: Database) -> None:
    [old] = await findings.track(REF, await a_run(db), HEAD, [seen_of("a")], NOW)
    run_id = await a_run(db, NEXT_HEAD)
    seen = [seen_of("a", known_id=old.finding_id, line=9), seen_of("a", line=20)]
    first = await findings.track(REF, run_id, NEXT_HEAD, seen, LATER)
    assert [one.number for one in first] == [1, 2]
    assert await findings.track(REF, run_id, NEXT_HEAD, seen, LATER) == first


async def test_a_known_finding_moves_and_keeps_its_life(findings: Findings, db: Database) -> None:
    [old] = await findings.track(REF, await a_run(db), HEAD, [seen_of("a")], NOW)
    await findings.set_comments([(old.finding_id, "901")])
    await findings.set_state(old.finding_id, "dismissed", by="ada", why="by design", now=NOW)
    moved = seen_of("renamed", known_id=old.finding_id, line=9)
    [tracked] = await findings.track(REF, await a_run(db, NEXT_HEAD), NEXT_HEAD, [moved], LATER)
    kept = {"state": "dismissed", "dismissed_by": "ada", "dismissed_why": "by design", "comment_id": "901"}
    assert tracked == old.model_copy(update={**kept, "finding": moved.finding, "keys": moved.keys})
    assert tracked.where == "src/renamed.py:9"


async def test_a_stranger_is_refused_and_nothing_is_kept(findings: Findings, db: Database) -> None:
    run_id = await a_run(db)
    with pytest.raises(LookupError, match="has no finding 'nobody'"):
        await findings.track(REF, run_id, HEAD, [seen_of("a"), seen_of("b", known_id="nobody")], NOW)
    assert await findings.of(REF) == []


async def test_numbers_are_given_once_when_runs_race(findings: Findings, db: Database) -> None:
    run_ids = [(await open_run(db, request=f"act-{number}")).run.run_id for number in range(10)]
    tracked = await asyncio.gather(
        *(findings.track(REF, run_id, HEAD, [seen_of(f"{run_id}-{n}") for n in range(3)], NOW) for run_id in run_ids)
    )
    assert sorted(one.number for row in tracked for one in row) == list(range(1, 31))
    assert [one.number for one in await findings.of(REF)] == list(range(1, 31))


async def test_states_are_set_and_taken_back(findings: Findings, db: Database) -> None:
    [one] = await findings.track(REF, await a_run(db), HEAD, [seen_of("a")], NOW)
    await findings.set_state(one.finding_id, "dismissed", by="ada", why="known", now=NOW)
    dismissed = await findings.by_number(REF, 1)
    assert dismissed is not None
    assert (dismissed.state, dismissed.dismissed_by, dismissed.dismissed_why) == ("dismissed", "ada", "known")
    await findings.set_state(one.finding_id, "open", now=LATER)
    assert await findings.by_number(REF, 1) == one


async def test_a_thread_leads_to_its_finding(findings: Findings, db: Database) -> None:
    first, second = await findings.track(REF, await a_run(db), HEAD, [seen_of("a"), seen_of("b")], NOW)
    await findings.set_comments([(first.finding_id, "901"), (second.finding_id, "902")])
    found = await findings.by_comment(REF, "902")
    assert found is not None
    assert found.finding_id == second.finding_id
    assert await findings.by_comment(REF, "903") is None
    assert await findings.by_comment(REF.model_copy(update={"number": 13}), "902") is None


async def test_numbers_belong_to_their_pull_request(findings: Findings, db: Database) -> None:
    other = await seen_pull_request(db, REF.model_copy(update={"number": 13}))
    await findings.track(REF, await a_run(db), HEAD, [seen_of("a")], NOW)
    other_run = (await open_run(db, ref=other)).run
    [one] = await findings.track(other, other_run.run_id, HEAD, [seen_of("a")], NOW)
    assert one.number == 1
    with pytest.raises(LookupError):
        await findings.track(REF, await a_run(db), HEAD, [seen_of("a", known_id=one.finding_id)], NOW)


async def test_only_what_writers_called_wrong_elsewhere_is_a_verdict(findings: Findings, db: Database) -> None:
    other = await seen_pull_request(db, REF.model_copy(update={"number": 13}))
    seen = [seen_of(name) for name in ("a", "b", "c", "d")]
    tracked = await findings.track(REF, await a_run(db), HEAD, seen, NOW)
    whys = ("wrong: it is checked", "wrong", "other: wrongly raised")
    for minutes, (one, why) in enumerate(zip(tracked, whys, strict=False)):
        await findings.set_state(one.finding_id, "dismissed", by="ada", why=why, now=NOW + timedelta(minutes=minutes))
    await findings.set_state(tracked[3].finding_id, "withdrawn", now=LATER)
    found = await findings.verdicts(other, limit=10)
    assert [(one.text.split("\n")[0], one.pull_request_number) for one in found] == [
        (tracked[1].finding.title, REF.number),
        (tracked[0].finding.title, REF.number),
    ]
    assert len(await findings.verdicts(other, limit=1)) == 1
    assert await findings.verdicts(REF, limit=10) == [], "its own are known to it by their numbers"
