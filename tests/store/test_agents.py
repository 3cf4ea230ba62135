"""Agents are begun once for what they are for, end once, and go when their time is over; on both databases."""

from datetime import timedelta
from pathlib import Path

from sqlalchemy import func, select, update

from app.domain.agents import Agent, AgentBudget, Spending
from app.domain.pull_request import Person, PullRequestRef
from app.store.agents import Agents, stream_of
from app.store.blobs import Blobs
from app.store.database import Database
from app.store.effects import Effects
from app.store.environment_problems import EnvironmentProblems
from app.store.repositories import Repositories
from app.store.retention import Keep, Retention
from app.store.streams import Streams
from app.store.tables import agents, effects, pull_requests, stream_events
from tests.store.samples import HEAD, NOW, REF, repo_of, seen_pull_request

ADA = Person(user_id="5", login="ada")
DAY = timedelta(days=1)


async def begun(
    db: Database, claim: str = "act-1", *, ref: PullRequestRef = REF, action_key: str = "act-1", thread: str = ""
) -> Agent:
    await seen_pull_request(db, ref)
    return await Agents(db).begin(
        ref=ref,
        claim=claim,
        kind="fix",
        numbers=(2, 3),
        asked_by=ADA,
        delivery="suggest",
        head_sha=HEAD,
        now=NOW,
        action_key=action_key,
        thread_comment_id=thread,
        budget=AgentBudget(steps=7),
    )


async def test_the_same_claim_is_the_same_agent(db: Database) -> None:
    first, again, other = await begun(db), await begun(db), await begun(db, "act-2")
    assert first == again
    assert other.agent_id != first.agent_id
    assert await Agents(db).get(first.agent_id) == first
    assert (first.numbers, first.asked_by, first.budget.steps, first.state) == ((2, 3), ADA, 7, "queued")


async def test_what_changes_is_kept_and_compared_with_the_state(db: Database) -> None:
    store, agent = Agents(db), await begun(db)
    changed = await store.change(
        agent.agent_id, while_in=("queued",), state="working", conversation="c" * 64, spent=Spending(steps=3)
    )
    assert changed is not None
    assert (changed.state, changed.conversation, changed.spent.steps) == ("working", "c" * 64, 3)
    assert await store.change(agent.agent_id, while_in=("queued",), state="asking") is None
    assert await store.get(agent.agent_id) == changed


async def test_an_end_stands_and_is_said_to_those_who_watch(db: Database) -> None:
    store, agent = Agents(db), await begun(db)
    await store.enter(agent.agent_id, "working", NOW)
    await store.enter(agent.agent_id, "working", NOW)
    assert await store.end(agent.agent_id, "done", "proved", NOW)
    assert not await store.end(agent.agent_id, "failed", "late", NOW)
    await store.enter(agent.agent_id, "working", NOW)
    ended = await store.get(agent.agent_id)
    assert ended is not None
    assert (ended.state, ended.ending, ended.finished_at) == ("done", "proved", NOW)
    said = [(event.kind, event.data) for event in await Streams(db).read(stream_of(agent.agent_id), 0)]
    assert said == [("state", "working"), ("end", "done")]
    assert await store.running(REF) == []


async def test_a_conversation_goes_on_at_its_head_only(db: Database) -> None:
    store, agent = Agents(db), await begun(db)
    first, second = "1" * 64, "2" * 64
    assert await store.advance(agent.agent_id, after="", head=first, spent=Spending(steps=1)) == "advanced"
    assert await store.advance(agent.agent_id, after="", head=first, spent=Spending(steps=1)) == "advanced"
    assert await store.advance(agent.agent_id, after="", head=second, spent=Spending(steps=1)) == "moved"
    assert await store.advance(agent.agent_id, after=first, head=second, spent=Spending(steps=2)) == "advanced"
    kept = await store.get(agent.agent_id)
    assert kept is not None
    assert (kept.conversation, kept.spent.steps) == (second, 2)
    await store.end(agent.agent_id, "stopped", "", NOW)
    assert await store.advance(agent.agent_id, after=second, head=first, spent=Spending()) == "ended"


async def test_a_new_word_opens_an_agent_again(db: Database) -> None:
    store, agent = Agents(db), await begun(db)
    await store.end(agent.agent_id, "done", "proved", NOW)
    again = await store.reopen(agent.agent_id, NOW, attempt=2)
    assert again is not None
    assert (again.state, again.attempt, again.finished_at) == ("working", 2, None)
    assert [one.agent_id for one in await store.running(REF)] == [agent.agent_id]


async def test_a_thread_belongs_to_the_agent_that_spoke_there_last(db: Database) -> None:
    store = Agents(db)
    await begun(db, "silent", thread="70")
    older, newer = await begun(db, "a", thread="70"), await begun(db, "b", thread="70")
    for agent in (older, newer):
        await store.change(agent.agent_id, comment_id=f"said-{agent.agent_id}")
    found = await store.in_thread(REF, "70")
    assert found is not None
    assert found.agent_id == newer.agent_id
    assert await store.in_thread(REF, "71") is None


async def test_only_what_nobody_asked_for_counts_as_such(db: Database) -> None:
    await begun(db, "asked")
    await begun(db, "auto/run/finding", action_key="")
    assert await Agents(db).unasked(REF) == 1


async def test_the_janitor_finds_what_did_not_end(db: Database) -> None:
    store, agent = Agents(db), await begun(db)
    assert [one.agent_id for one in await store.unfinished(NOW + DAY)] == [agent.agent_id]
    assert await store.unfinished(NOW) == []


async def test_a_viewer_sees_agents_of_own_repositories_only(db: Database) -> None:
    mine = await begun(db)
    await begun(db, ref=REF.model_copy(update={"repo_id": "2002"}))
    found = await Agents(db).page(repos=[(REF.connection, REF.repo_id)])
    assert [one.agent.agent_id for one in found] == [mine.agent_id]
    assert len(await Agents(db).page(repos=None)) == 2


async def test_agents_of_closed_pull_requests_go_with_what_they_wrote(db: Database, tmp_path: Path) -> None:
    store, agent = Agents(db), await begun(db)
    await store.end(agent.agent_id, "done", "proved", NOW)

    async def write(_: bool) -> str:
        return "1"

    await Effects(db).perform(f"fix/{agent.agent_id}", write, run_id=agent.agent_id)
    retention = Retention(db, Blobs(str(tmp_path)), Keep())
    assert (await retention.remove_old(NOW + 200 * DAY)).agents == 0
    await db.write(lambda sql: sql.execute(update(pull_requests).values(state="closed")))
    assert (await retention.remove_old(NOW + 200 * DAY)).agents == 1
    for table in (agents, effects, stream_events):
        query = select(func.count()).select_from(table)
        assert await db.read(lambda sql, query=query: sql.execute(query).scalar_one()) == 0


async def test_blobs_that_an_agent_names_are_kept_along_its_whole_conversation(db: Database, tmp_path: Path) -> None:
    blobs, store, agent = Blobs(str(tmp_path)), Agents(db), await begun(db)
    first = await blobs.put(b'{"says": "hello"}')
    last = await blobs.put(f'{{"parent": "{first}"}}'.encode())
    patch = await blobs.put(b"diff --git a/x b/x")
    fix = await blobs.put(f'{{"patch_key": "{patch}"}}'.encode())
    files = await blobs.put(b"a tar")
    workspace = await blobs.put(f'{{"files_key": "{files}"}}'.encode())
    nobody_s = await blobs.put(b"nobody's")
    await store.change(agent.agent_id, conversation=last, fix_key=fix, snapshot_key=workspace)
    removed = await Retention(db, blobs, Keep()).remove_old(NOW + 3650 * DAY)
    assert removed.blobs == 1
    assert [len(await blobs.get(key)) > 0 for key in (first, last, patch, fix, files, workspace)] == [True] * 6
    assert not list(tmp_path.rglob(f"{nobody_s}*"))


async def test_the_same_problem_is_told_once_and_counted(db: Database) -> None:
    await Repositories(db).ensure(repo_of())
    store = EnvironmentProblems(db)

    async def report(text: str, fingerprint: str) -> str:
        made = await store.report("github", "1001", fingerprint=fingerprint, text=text, agent_id="A", now=NOW)
        return made.problem_id

    first = await report("pytest is not installed", "pytest")
    assert await report("pytest is still not installed", "pytest") == first
    await report("npm is not installed", "npm")
    found = {one.fingerprint: (one.text, one.count) for one in await store.open(None)}
    assert found == {"pytest": ("pytest is still not installed", 2), "npm": ("npm is not installed", 1)}
    await store.solve(first, NOW)
    assert [one.fingerprint for one in await store.open([("github", "1001")])] == ["npm"]
    await report("pytest again", "pytest")
    assert len(await store.open(None)) == 2
