"""Thumbs on findings teach later reviews, on every forge: those of people who may write when it is read."""

from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path

import pytest

from app.domain.events import FeedbackGiven
from app.domain.findings import Category
from app.domain.markers import finding_marker
from app.domain.past_verdicts import PastVerdict
from app.domain.pull_request import Permission, PullRequestRef
from app.store.database import Database
from app.store.feedback import Votes
from app.store.findings import Findings, Seen
from app.store.pull_requests import PullRequests
from app.store.repositories import Repositories
from reviewers.stages.precedents import held_back
from tests.contracts.worlds import KINDS, RUN_ID, AnyPull, World, a_world, comment_on, thumb
from tests.store.samples import NOW, a_run, seen_of
from workflows.activities.precedents import Precedents
from workflows.activities.settled import SettledThreads

SAID = seen_of("pay").finding.model_copy(update={"category": Category.CORRECTNESS})


@pytest.fixture(params=KINDS)
async def world(request: pytest.FixtureRequest) -> AsyncGenerator[World]:
    async with a_world(request.param, files={"pay.py": "pay()\n"}) as made:
        made.repo.set_role("maria", Permission.WRITE)
        made.repo.set_role("sam", Permission.READ)
        yield made


@pytest.fixture
async def db(sqlite_file: Path) -> AsyncIterator[Database]:
    """What a forge's people do is the same on every database."""
    database = await Database.open(f"sqlite:///{sqlite_file}")
    yield database
    await database.close()


def precedents(world: World, db: Database) -> Precedents:
    return Precedents(
        readers={world.kind: world.ours.reader},
        findings=Findings(db),
        votes=Votes(db),
        repositories=Repositories(db),
    )


async def posted(world: World, db: Database, number: int) -> AnyPull:
    """A pull request with our finding on it, in the store and on the forge."""
    pull = await world.open(changes={"pay.py": f"pay({number})\n"})
    known = await world.ours.reader.pull_request(world.ref_of(pull))
    await Repositories(db).ensure(known.repo)
    await PullRequests(db).see(known)
    text = SAID.model_copy(update={"body": f"{SAID.body} Case {number}."})
    seen = Seen(finding=text, keys=("anchor:pay",), known_id=None)
    run_id = await a_run(db, known.head_sha, ref=known.ref)
    (tracked,) = await Findings(db).track(known.ref, run_id, known.head_sha, [seen], NOW)
    body = f"**High · 1 · Pays twice**\n\n{finding_marker(tracked.finding_id, RUN_ID)}"
    await world.post(pull, comment_on(1, "pay.py", 1, finding_id=tracked.finding_id, body=body))
    (thread,) = await world.ours.reader.threads(known.ref)
    await Findings(db).set_comments([(tracked.finding_id, thread.root_comment_id)])
    return pull


async def heard(world: World, db: Database, pull: AnyPull) -> None:
    """What stands on the threads is read along, and what deliveries tell is written down."""
    settled = SettledThreads(
        readers={world.kind: world.ours.reader}, findings=Findings(db), votes=Votes(db), clock=lambda: NOW
    )
    ref = world.ref_of(pull)
    await settled.found(await world.ours.reader.pull_request(ref))
    for event in await world.new_events():
        if isinstance(event, FeedbackGiven):
            finding = await Findings(db).by_comment(event.ref, event.root_comment_id)
            assert finding is not None
            await Votes(db).give(event.ref, finding.finding_id, event.feedback, NOW)


async def test_three_thumbs_down_of_writers_hold_the_next_one_back(world: World, db: Database) -> None:
    after: list[str] = []
    later = PullRequestRef(connection=world.kind, repo_id=world.repo.repo_id, number=99)
    for number in (1, 2, 3):
        pull = await posted(world, db, number)
        thumb(pull, 0, up=False)
        thumb(pull, 0, up=True, by="sam")
        await heard(world, db, pull)
        past = await precedents(world, db).of(later)
        after.extend(held_back([SAID], past).values() or [f"{len(past)} {past[0].verdict}"])
    assert after[:2] == ["1 rejected", "2 rejected"]
    assert after[2].startswith("like 3 that were rejected here, in pull requests ")
    assert held_back([SAID.model_copy(update={"category": Category.SECURITY})], past) == {}

    world.repo.set_role("maria", Permission.READ)
    assert await precedents(world, db).of(later) == (), "her right is gone, and his was never there"
    world.repo.set_role("sam", Permission.WRITE)
    found: tuple[PastVerdict, ...] = await precedents(world, db).of(later)
    assert [one.verdict for one in found] == ["upvoted"] * 3
