"""Actions, what reviews cost, and the audit log."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import Delete, Update, delete, select, update

from app.domain.review import ReviewerUsage
from app.store.actions import Actions
from app.store.audit import Audit
from app.store.database import Database
from app.store.tables import audit, cursors
from app.store.usage import Spent, Usage
from tests.store.samples import NOW, REF, action_of


async def test_an_action_is_recorded_once(db: Database) -> None:
    actions = Actions(db)
    recorded = await asyncio.gather(*(actions.record(action_of()) for _ in range(10)))
    assert sorted(recorded) == [False] * 9 + [True]
    assert await actions.get("act-1") == action_of()
    assert await actions.get("act-2") is None


async def test_the_first_result_of_an_action_stands(db: Database) -> None:
    actions = Actions(db)
    await actions.record(action_of())
    await actions.settle("act-1", "dismissed 1")
    await actions.settle("act-1", "dismissed again")
    assert await actions.get("act-1") == action_of().model_copy(update={"result": "dismissed 1"})


async def test_pending_actions_are_those_that_wait_too_long(db: Database) -> None:
    actions = Actions(db)
    for minute, key in enumerate(["settled", "old", "new"]):
        await actions.record(action_of(key, received_at=NOW + timedelta(minutes=minute)))
    await actions.settle("settled", "ok")
    assert await actions.pending(NOW + timedelta(minutes=2)) == [
        action_of("old", received_at=NOW + timedelta(minutes=1))
    ]


async def test_spending_is_counted_once_a_run_and_reviewer(db: Database) -> None:
    usage = Usage(db)
    model = ReviewerUsage(model="openai:gpt-5", requests=3, input_tokens=3_000_000_000, output_tokens=7, dollars=0.25)
    for reviewer in ("bug_hunter", "bug_hunter", "repo_rules"):
        await usage.add("run-1", REF, "7", model, NOW, reviewer=reviewer)
    await usage.add("run-1", REF, "7", ReviewerUsage(model="local", dollars=None), NOW)
    other = REF.model_copy(update={"number": 13})
    await usage.add("run-2", other, "7", model, NOW + timedelta(days=1))
    assert await usage.spent(REF, NOW) == Spent(pull_request=0.5, repository=0.75)
    written = await usage.written("run-1")
    assert {model: (one.requests, one.dollars) for model, one in written.items()} == {
        "openai:gpt-5": (6, 0.5),
        "local": (0, None),
    }
    assert await usage.spent(other, NOW + timedelta(hours=1)) == Spent(pull_request=0.25, repository=0.25)
    elsewhere = REF.model_copy(update={"repo_id": "1002"})
    assert await usage.spent(elsewhere, NOW) == Spent(pull_request=0.0, repository=0.0)
    assert await usage.spent_everywhere(NOW) == 0.75
    assert await usage.spent_everywhere(NOW + timedelta(hours=1)) == 0.25


@pytest.fixture
async def log(db: Database) -> Audit:
    log = Audit(db)
    for number in range(5):
        await log.append("finding.dismissed", "ada\x00", REF, {"number": str(number), "why": "é"}, NOW)
    return log


async def test_a_whole_log_is_whole(log: Audit) -> None:
    assert await log.verify() is None
    await asyncio.gather(*(log.append("kill.switch", "", None, {}, NOW) for _ in range(20)))
    assert await log.verify() is None


async def test_what_is_done_again_after_a_crash_is_in_the_log_once(log: Audit, db: Database) -> None:
    again = [log.append_once("act-1", "command", "ada", REF, {"word": "stop"}, NOW) for _ in range(5)]
    await asyncio.gather(*again)
    await log.append_once("act-2", "command", "ada", REF, {"word": "stop"}, NOW)
    rows = await db.read(lambda sql: sql.execute(select(audit.c.seq).where(audit.c.kind == "command")).scalars().all())
    assert sorted(rows) == [6, 7]
    assert await log.verify() is None


async def test_an_empty_log_is_whole(db: Database) -> None:
    assert await Audit(db).verify() is None


@pytest.mark.parametrize(
    ("tampering", "first_bad"),
    [
        (update(audit).where(audit.c.seq == 3).values(actor="eve"), 3),
        (update(audit).where(audit.c.seq == 2).values(detail={"number": "7"}), 2),
        (update(audit).where(audit.c.seq == 4).values(at=NOW + timedelta(seconds=1)), 4),
        (delete(audit).where(audit.c.seq == 3), 3),
        (delete(audit).where(audit.c.seq == 1), 1),
        (delete(audit), 1),
    ],
)
async def test_tampering_is_noticed(log: Audit, db: Database, tampering: Update | Delete, first_bad: int) -> None:
    await db.write(lambda sql: sql.execute(tampering))
    assert await log.verify() == first_bad


async def test_a_cut_off_end_is_noticed(log: Audit, db: Database) -> None:
    await log.append("kill.switch", "ada", None, {}, NOW + timedelta(seconds=1))
    await db.write(lambda sql: sql.execute(delete(audit).where(audit.c.seq == 6)))
    assert await log.verify() == 6
    await db.write(lambda sql: sql.execute(delete(cursors)))
    assert await log.verify() == 6
