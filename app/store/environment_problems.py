"""What kept agents from working and only an operator can change: each told once, and counted."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select, tuple_, update

from app.domain.agents import EnvironmentProblem
from app.store.database import Database
from app.store.ids import new_id
from app.store.tables import environment_problems as rows


class EnvironmentProblems:
    def __init__(self, db: Database) -> None:
        self._db = db

    async def report(
        self, connection: str, repo_id: str, *, fingerprint: str, text: str, agent_id: str, now: datetime
    ) -> EnvironmentProblem:
        """One that was solved and comes back is open again."""
        problem = EnvironmentProblem(
            problem_id=new_id(now),
            connection=connection,
            repo_id=repo_id,
            fingerprint=fingerprint,
            text=text,
            agent_id=agent_id,
            first_seen_at=now,
            last_seen_at=now,
        )
        again = {"count": rows.c.count + 1, "last_seen_at": now, "agent_id": agent_id, "text": text, "solved_at": None}
        statement = (
            self._db.insert(rows)
            .values(problem.model_dump())
            .on_conflict_do_update(index_elements=["connection", "repo_id", "fingerprint"], set_=again)
            .returning(rows)
        )
        row = await self._db.write(lambda sql: sql.execute(statement).mappings().one())
        return EnvironmentProblem.model_validate(dict(row))

    async def open(self, repos: Sequence[tuple[str, str]] | None) -> list[EnvironmentProblem]:
        """Newest first, of repositories the viewer may see (None: all)."""
        query = select(rows).where(rows.c.solved_at.is_(None)).order_by(rows.c.last_seen_at.desc())
        if repos is not None:
            query = query.where(tuple_(rows.c.connection, rows.c.repo_id).in_(repos))
        found = await self._db.read(lambda sql: sql.execute(query).mappings().all())
        return [EnvironmentProblem.model_validate(dict(row)) for row in found]

    async def solve(self, problem_id: str, now: datetime) -> EnvironmentProblem | None:
        """As it was; None when there is none that is open. It is open again when it is reported again."""
        mine = (rows.c.problem_id == problem_id) & rows.c.solved_at.is_(None)
        statement = update(rows).where(mine).values(solved_at=now).returning(rows)
        row = await self._db.write(lambda sql: sql.execute(statement).mappings().one_or_none())
        return None if row is None else EnvironmentProblem.model_validate(dict(row))
