"""👍 and 👎 of people, beside the finding they are about: who, what and since when."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, RowMapping, and_, delete, select

from app.domain.feedback import Feedback
from app.domain.past_verdicts import VotedFinding
from app.domain.pull_request import Person, PullRequestRef
from app.store.addresses import address_of, is_at
from app.store.database import Database
from app.store.feedback_tables import feedback as rows
from app.store.findings import called_wrong, text_of_row
from app.store.tables import findings


class Votes:
    """Safe to repeat: what stands stands once."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def give(self, ref: PullRequestRef, finding_id: str, given: Feedback, now: datetime) -> None:
        await self._db.write(lambda sql: self._give(sql, ref, finding_id, given, now))

    async def take_back(self, finding_id: str, given: Feedback) -> None:
        which = and_(rows.c.finding_id == finding_id, rows.c.user_id == given.person.user_id, rows.c.vote == given.vote)
        await self._db.write(lambda sql: sql.execute(delete(rows).where(which)))

    async def replace(self, ref: PullRequestRef, read: Mapping[str, Sequence[Feedback]], now: datetime) -> None:
        """All that stands for these findings, as it was read; costs a write only where something changed."""
        known = await self.of(ref)
        changed = {one: given for one, given in read.items() if set(given) != set(known.get(one, ()))}
        if changed:
            await self._db.write(lambda sql: self._replace(sql, ref, changed, now))

    async def of(self, ref: PullRequestRef) -> dict[str, list[Feedback]]:
        """By finding, oldest first."""
        query = select(rows).where(is_at(rows, ref)).order_by(rows.c.given_at, rows.c.login, rows.c.vote)
        found = await self._db.read(lambda sql: sql.execute(query).mappings().all())
        given: defaultdict[str, list[Feedback]] = defaultdict(list)
        for row in found:
            given[row["finding_id"]].append(_feedback(row))
        return dict(given)

    async def elsewhere(self, ref: PullRequestRef, *, limit: int) -> list[VotedFinding]:
        """Findings of other pull requests of the repository, the newest thumb first; not those called wrong anyway."""
        here = and_(rows.c.connection == ref.connection, rows.c.repo_id == ref.repo_id)
        query = (
            select(rows, findings.c.finding)
            .select_from(rows.join(findings, rows.c.finding_id == findings.c.finding_id))
            .where(here, rows.c.pull_request_number != ref.number, ~called_wrong())
            .order_by(rows.c.given_at.desc(), rows.c.finding_id, rows.c.login, rows.c.vote)
            .limit(limit)
        )
        found = await self._db.read(lambda sql: sql.execute(query).mappings().all())
        by_finding: defaultdict[str, list[RowMapping]] = defaultdict(list)
        for row in found:
            by_finding[row["finding_id"]].append(row)
        return [
            VotedFinding(
                text=text_of_row(given[0]["finding"]),
                pull_request_number=given[0]["pull_request_number"],
                feedback=tuple(map(_feedback, given)),
            )
            for given in by_finding.values()
        ]

    def _replace(
        self, sql: Connection, ref: PullRequestRef, changed: Mapping[str, Sequence[Feedback]], now: datetime
    ) -> None:
        for finding_id, given in changed.items():
            standing = [(one.person.user_id, one.vote) for one in given]
            for row in sql.execute(select(rows.c.user_id, rows.c.vote).where(rows.c.finding_id == finding_id)).all():
                if tuple(row) not in standing:
                    gone = and_(rows.c.finding_id == finding_id, rows.c.user_id == row[0], rows.c.vote == row[1])
                    sql.execute(delete(rows).where(gone))
            for one in given:
                self._give(sql, ref, finding_id, one, now)

    def _give(self, sql: Connection, ref: PullRequestRef, finding_id: str, given: Feedback, now: datetime) -> None:
        row = {
            **address_of(ref),
            "finding_id": finding_id,
            "user_id": given.person.user_id,
            "login": given.person.login,
            "vote": given.vote,
            "given_at": now,
        }
        sql.execute(self._db.insert(rows).values(row).on_conflict_do_nothing())


def _feedback(row: RowMapping) -> Feedback:
    return Feedback(person=Person(user_id=row["user_id"], login=row["login"]), vote=row["vote"])
