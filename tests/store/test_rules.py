"""Learned rules in the store: numbers, evidence once for each source, and what it makes of them."""

from datetime import timedelta

from app.domain.rule_life import Acceptance, NextState, Thresholds
from app.store.database import Database
from app.store.rules import Rules
from tests.store.samples import NOW, REF, seen_pull_request

THRESHOLDS = Thresholds(activate_after=2, disable_after=2)
MINE = (REF.connection, REF.repo_id)


async def proposed(db: Database, text: str = "Money is in cents", *, active: bool = False) -> Rules:
    await seen_pull_request(db)
    rules = Rules(db)
    await rules.propose(REF, text=text, by="maria", source="action-1", active=active, now=NOW)
    return rules


async def test_an_event_proposes_one_rule_and_the_same_words_are_the_same_rule(db: Database) -> None:
    rules = await proposed(db)
    again = await rules.propose(REF, text="Other", by="maria", source="action-1", active=False, now=NOW)
    alike = await rules.propose(REF, text="money is in cents.", by="ada", source="action-2", active=False, now=NOW)
    other = await rules.propose(REF, text="Times are UTC", by="ada", source="action-3", active=False, now=NOW)
    assert [(one.rule.number, one.is_new) for one in (again, alike, other)] == [(1, False), (1, False), (2, True)]


async def test_evidence_counts_once_for_each_source_and_decides(db: Database) -> None:
    rules = await proposed(db)

    async def weigh(source: str, kind: str, minutes: int) -> NextState | None:
        at = NOW + timedelta(minutes=minutes)
        said = "supported" if kind == "supported" else "dismissed"
        return await rules.weigh(REF, 1, said, source=source, by="ada", thresholds=THRESHOLDS, now=at)

    assert await weigh("a", "supported", 1) is None
    assert await weigh("a", "supported", 2) is None, "the same source again"
    assert await weigh("b", "supported", 3) == NextState(state="active", why="2 times said or acted on")
    assert await weigh("c", "dismissed", 4) is None
    assert await weigh("d", "dismissed", 5) == NextState(state="disabled", why="2 of its findings were dismissed")
    (known,) = await rules.known([MINE])
    assert known.acceptance == Acceptance(supported=2, dismissed=2)
    assert (known.rule.state, known.rule.decided_by, known.rule.decided_why) == (
        "disabled",
        "",
        "2 of its findings were dismissed",
    )

    await rules.decide(*MINE, 1, "active", by="ada", now=NOW + timedelta(minutes=6))
    assert await weigh("e", "dismissed", 7) is None, "old evidence does not overrule a person"
    assert await weigh("f", "dismissed", 8) is not None
    assert await rules.weigh(REF, 99, "dismissed", source="x", by="", thresholds=THRESHOLDS, now=NOW) is None
