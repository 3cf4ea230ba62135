"""Learned rules of each repository, from proposal to force to rest; none is ever forgotten without a trace."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, func, select, update

from app.domain.model import Frozen
from app.domain.pull_request import PullRequestRef
from app.domain.rule_life import Acceptance, EvidenceKind, NextState, Thresholds, next_state, same_rule
from app.domain.rules import LearnedRule, RuleState
from app.store.database import Database
from app.store.rule_tables import rule_evidence
from app.store.rule_tables import rules as rows
from app.store.tables import repositories


class Proposed(Frozen):
    """A rule that was proposed; `is_new` unless something known says the same."""

    rule: LearnedRule
    is_new: bool


class KnownRule(Frozen):
    """A rule as people see it: with its repository and what was said of it over all its life."""

    connection: str
    repo_id: str
    rule: LearnedRule
    acceptance: Acceptance


class Rules:
    def __init__(self, db: Database) -> None:
        self._db = db

    async def propose(
        self, ref: PullRequestRef, *, text: str, by: str, source: str, active: bool, now: datetime
    ) -> Proposed:
        """`source` is the event that it comes from: proposed again by the same event, it is the same rule."""

        def work(sql: Connection) -> Proposed:
            mine = _of(ref.connection, ref.repo_id)
            _lock(sql, ref)
            same = _select(sql, mine & (rows.c.source == source)) or _same(_select(sql, mine), text)
            if same:
                return Proposed(rule=same[0], is_new=False)
            number = sql.execute(select(func.coalesce(func.max(rows.c.number), 0)).where(mine)).scalar_one() + 1
            row = {
                "connection": ref.connection,
                "repo_id": ref.repo_id,
                "number": number,
                "text": text,
                "state": "active" if active else "proposed",
                "source": source,
                "pull_request_number": ref.number,
                "proposed_by": by,
                "proposed_at": now,
                "decided_by": by if active else "",
                "decided_at": now if active else None,
            }
            sql.execute(rows.insert().values(row))
            return Proposed(rule=_select(sql, mine & (rows.c.number == number))[0], is_new=True)

        return await self._db.write(work)

    async def of(self, connection: str, repo_id: str) -> list[LearnedRule]:
        return await self._db.read(lambda sql: _select(sql, _of(connection, repo_id)))

    async def active(self, connection: str, repo_id: str) -> list[LearnedRule]:
        return await self._db.read(lambda sql: _select(sql, _of(connection, repo_id) & (rows.c.state == "active")))

    async def known(self, repos: Sequence[tuple[str, str]]) -> list[KnownRule]:
        """Of these repositories, (connection, repository id) each, in their order."""

        def work(sql: Connection) -> list[KnownRule]:
            return [
                KnownRule(connection=connection, repo_id=repo_id, rule=rule, acceptance=told.get(rule.number, _NOTHING))
                for connection, repo_id in repos
                for told in [_acceptance(sql, connection, repo_id)]
                for rule in _select(sql, _of(connection, repo_id))
            ]

        return await self._db.read(work)

    async def decide(
        self, connection: str, repo_id: str, number: int, state: RuleState, *, by: str, now: datetime
    ) -> None:
        which = _of(connection, repo_id) & (rows.c.number == number)
        statement = update(rows).where(which).values(state=state, decided_by=by, decided_why="", decided_at=now)
        await self._db.write(lambda sql: sql.execute(statement))

    async def weigh(
        self,
        ref: PullRequestRef,
        number: int,
        kind: EvidenceKind,
        *,
        source: str,
        by: str,
        thresholds: Thresholds,
        now: datetime,
    ) -> NextState | None:
        """Write down what speaks for a rule or against it, once for each source; the change that this brings about.

        Only what came after the last decision counts: who puts a rule in force again is not overruled by old evidence.
        """

        def work(sql: Connection) -> NextState | None:
            _lock(sql, ref)
            known = _select(sql, _of(ref.connection, ref.repo_id) & (rows.c.number == number))
            key = {"connection": ref.connection, "repo_id": ref.repo_id, "number": number, "source": source}
            row = self._db.insert(rule_evidence).values({**key, "kind": kind, "given_by": by, "at": now})
            if not known or sql.execute(row.on_conflict_do_nothing()).rowcount == 0:
                return None
            return _apply_evidence(sql, ref, known[0], thresholds, now)

        return await self._db.write(work)


_NOTHING = Acceptance()


def _apply_evidence(
    sql: Connection, ref: PullRequestRef, rule: LearnedRule, thresholds: Thresholds, now: datetime
) -> NextState | None:
    since = _acceptance(sql, ref.connection, ref.repo_id, since_decided=True).get(rule.number, _NOTHING)
    changed = next_state(rule.state, since, thresholds)
    if changed is not None:
        values = {"state": changed.state, "decided_by": "", "decided_why": changed.why, "decided_at": now}
        which = _of(ref.connection, ref.repo_id) & (rows.c.number == rule.number)
        sql.execute(update(rows).where(which).values(values))
    return changed


def _lock(sql: Connection, ref: PullRequestRef) -> None:
    """Of the repository's row: numbers are given out one by one, and evidence is counted one by one."""
    own = (repositories.c.connection == ref.connection) & (repositories.c.repo_id == ref.repo_id)
    sql.execute(select(repositories.c.repo_id).where(own).with_for_update())


def _same(known: Sequence[LearnedRule], text: str) -> list[LearnedRule]:
    found = same_rule(known, text)
    return [] if found is None else [found]


def _acceptance(
    sql: Connection, connection: str, repo_id: str, *, since_decided: bool = False
) -> dict[int, Acceptance]:
    """By the rule's number; over its whole life, or since the last decision about it."""
    here = (rule_evidence.c.connection == connection) & (rule_evidence.c.repo_id == repo_id)
    if since_decided:
        here &= rows.c.decided_at.is_(None) | (rule_evidence.c.at > rows.c.decided_at)
    query = (
        select(rule_evidence.c.number, rule_evidence.c.kind, func.count())
        .select_from(rule_evidence.join(rows))
        .where(here)
        .group_by(rule_evidence.c.number, rule_evidence.c.kind)
    )
    counts: dict[int, dict[str, int]] = {}
    for number, kind, count in sql.execute(query):
        counts.setdefault(number, {})[kind] = count
    return {number: Acceptance.model_validate(of_it) for number, of_it in counts.items()}


def _of(connection: str, repo_id: str) -> ColumnElement[bool]:
    return (rows.c.connection == connection) & (rows.c.repo_id == repo_id)


def _select(sql: Connection, which: ColumnElement[bool]) -> list[LearnedRule]:
    query = select(*(rows.c[name] for name in LearnedRule.model_fields)).where(which).order_by(rows.c.number)
    return [LearnedRule.model_validate(dict(row)) for row in sql.execute(query).mappings()]
