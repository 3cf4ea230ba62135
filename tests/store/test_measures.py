"""How reviews went, in the store: written once for each end, whoever measures and however often."""

from datetime import timedelta

from app.domain.findings import Category, Severity
from app.domain.measures import Escape, Fate, Judged, Measure
from app.domain.outcomes import Outcome
from app.store.database import Database
from app.store.measures import Measures
from app.store.pull_requests import PullRequests
from app.store.runs import Runs
from tests.store.samples import HEAD, NOW, REF, open_run, pull_request_of, seen_pull_request

MINE = (REF.connection, REF.repo_id)


def judged(number: int, fate: Fate) -> Judged:
    return Judged(
        finding_id=f"id-{number}",
        number=number,
        severity=Severity.HIGH,
        category=Category.CORRECTNESS,
        reviewer="bug_hunter",
        posted=True,
        fate=fate,
    )


def measure(head_sha: str = HEAD, *commits: str) -> Measure:
    return Measure(ref=REF, state="merged", head_sha=head_sha, closed_at=NOW, reviews=1, commits=commits)


async def closed(db: Database, head_sha: str = HEAD) -> None:
    state = pull_request_of(head_sha=head_sha).model_copy(update={"state": "merged"})
    await PullRequests(db).see(state)


async def test_only_what_was_reviewed_and_ended_waits_to_be_measured(db: Database) -> None:
    await seen_pull_request(db)
    measures = Measures(db)
    run = (await open_run(db)).run
    await closed(db)
    assert await measures.unmeasured(limit=5) == [], "its review came to no result"
    await Runs(db).complete(run.run_id, outcome=Outcome.CLEAN, title="", result_key="r", now=NOW)
    (waiting,) = await measures.unmeasured(limit=5)
    assert (waiting.ref, waiting.state, waiting.head_sha) == (REF, "merged", HEAD)
    await measures.put(measure(), [])
    assert await measures.unmeasured(limit=5) == []
    await closed(db, "e" * 40)
    assert len(await measures.unmeasured(limit=5)) == 1, "opened again, and closed with another head"


async def test_measuring_twice_replaces_what_was_said(db: Database) -> None:
    await seen_pull_request(db)
    measures = Measures(db)
    await measures.put(measure(), [judged(1, "unknown"), judged(2, "ignored")])
    await measures.put(measure(), [judged(1, "acted_on")])
    assert await measures.since(NOW, None) == [(measure(), (judged(1, "acted_on"),))]
    assert await measures.since(NOW + timedelta(seconds=1), None) == []
    assert await measures.since(NOW, [("github", "other")]) == []


async def test_an_escape_is_written_once_and_the_search_goes_on_from_there(db: Database) -> None:
    await seen_pull_request(db)
    measures = Measures(db)
    await measures.put(measure(HEAD, "c1", "c2"), [])
    assert await measures.commits_of(*MINE, limit=5) == {"c1": REF, "c2": REF}
    assert await measures.looked_sha(*MINE) == ""
    escape = Escape(ref=REF, fix_sha="f" * 40, subject="Fix it", lines=3, fixed_at=NOW)
    for tip in ("a1", "a2"):
        await measures.put_escapes(*MINE, [escape], looked_sha=tip)
    assert await measures.looked_sha(*MINE) == "a2"
    assert await measures.escapes_since(NOW, [MINE]) == [escape]
