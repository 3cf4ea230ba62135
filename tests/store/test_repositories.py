"""Repositories come under our care and leave it; pull requests are remembered between turns."""

from datetime import timedelta

from sqlalchemy import select

from app.domain.runs import PullRequestState
from app.store.cursors import Cursors
from app.store.database import Database
from app.store.pull_requests import PullRequests
from app.store.repositories import Repositories
from app.store.tables import repositories
from tests.store.samples import HEAD, NOW, REF, StoppedClock, open_run, pull_request_of, repo_of, seen_pull_request


async def test_a_repository_is_new_once(db: Database) -> None:
    care = Repositories(db)
    assert await care.ensure(repo_of())
    assert not await care.ensure(repo_of())
    renamed = repo_of().model_copy(update={"full_name": "acme/store", "archived": True, "installation_id": "8"})
    assert not await care.ensure(renamed)
    assert await care.get("github", "1001") == renamed
    assert await care.get("github", "none") is None


async def test_a_removed_repository_is_new_when_it_comes_back(db: Database, clock: StoppedClock) -> None:
    care = Repositories(db, clock=clock)
    for repo_id in ("1", "2", "3"):
        await care.ensure(repo_of(repo_id))
    assert await care.remove("github", "7", ["1", "unknown"]) == 1
    assert await care.get("github", "1") is None
    assert [repo.repo_id for repo in await care.all()] == ["2", "3"]
    assert await care.remove("github", "7", None) == 2
    assert await care.all() == []
    later = clock.move(timedelta(days=1))
    assert await care.ensure(repo_of("1"))
    query = select(repositories.c.enabled_at).where(repositories.c.repo_id == "1")
    assert await db.read(lambda sql: sql.execute(query).scalar_one()) == later


async def test_a_late_removal_spares_a_repository_of_the_new_installation(db: Database) -> None:
    care = Repositories(db)
    await care.ensure(repo_of(installation_id="7"))
    await care.ensure(repo_of(installation_id="8"))
    assert await care.remove("github", "7", None) == 0
    assert len(await care.all("github")) == 1


async def test_a_suspended_installation_is_not_worked_on(db: Database) -> None:
    care = Repositories(db)
    await care.ensure(repo_of("1", installation_id="7"))
    await care.ensure(repo_of("2", installation_id="8"))
    await care.ensure(repo_of("3", connection="gitlab", installation_id="7"))
    await care.set_suspended("github", "7", True)
    await care.set_suspended("github", "not seen yet", True)
    assert [repo.repo_id for repo in await care.all()] == ["2", "3"]
    assert [repo.repo_id for repo in await care.all("github")] == ["2"]
    assert await care.get("github", "1") is not None
    await care.set_suspended("github", "7", False)
    assert [repo.repo_id for repo in await care.all("github")] == ["1", "2"]


async def test_a_pull_request_is_remembered_as_last_seen(db: Database) -> None:
    await seen_pull_request(db)
    known = PullRequests(db)
    await known.set_paused(REF, True)
    title = "Refund \x00 on \ud800 retry \U0001f4b6"
    state = await known.see(pull_request_of(head_sha="d" * 40, title=title))
    assert state == PullRequestState(
        ref=REF,
        title="Refund \ufffd on \ufffd retry \U0001f4b6",
        author="ada",
        url="https://github.com/acme/shop/pull/12",
        head_sha="d" * 40,
        state="open",
        paused=True,
    )
    assert await known.get(REF) == state
    assert await known.get(REF.model_copy(update={"number": 13})) is None


async def test_what_was_missed_is_found(db: Database) -> None:
    known = PullRequests(db)

    async def see(number: int, **changes: object) -> None:
        pull_request = pull_request_of(REF.model_copy(update={"number": number}))
        await known.see(pull_request.model_copy(update=changes))

    await seen_pull_request(db)
    await open_run(db)
    for number in (13, 14, 15, 17):
        await see(number)
    await see(16, state="closed")
    await known.set_paused(REF.model_copy(update={"number": 14}), True)
    await known.set_watermark(pull_request_of(REF.model_copy(update={"number": 15})))
    assert [state.ref.number for state in await known.open_without_run("github", "1001")] == [13, 17]
    await see(12, head_sha="e" * 40)
    await see(15, head_sha="f" * 40)
    assert [state.ref.number for state in await known.open_without_run("github", "1001")] == [12, 13, 15, 17]
    assert await known.open_without_run("github", "1002") == []


async def test_what_we_are_told_was_opened_was_not_there_before_us(db: Database) -> None:
    await Repositories(db).ensure(repo_of())
    known = PullRequests(db)
    await known.opened(REF, HEAD)
    state = await known.get(REF)
    assert state is not None
    assert not state.watermark_sha
    await known.set_watermark(pull_request_of())
    await known.opened(REF, HEAD)
    state = await known.see(pull_request_of())
    assert state.watermark_sha == ""


async def test_a_watermark_may_be_the_first_we_see(db: Database) -> None:
    await Repositories(db).ensure(repo_of())
    await PullRequests(db).set_watermark(pull_request_of())
    state = await PullRequests(db).get(REF)
    assert state is not None
    assert state.watermark_sha == HEAD


async def test_a_cursor_moves(db: Database) -> None:
    cursors = Cursors(db)
    assert await cursors.get("sweep/github") is None
    for at in (NOW, NOW + timedelta(microseconds=1)):
        await cursors.set("sweep/github", at)
        assert await cursors.get("sweep/github") == at
