"""Which repositories are under our care, by installation."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, RowMapping, and_, select, update

from app.domain.pull_request import Repo
from app.store.addresses import asked_repository, in_asked_repository
from app.store.clock import Clock, utc_now
from app.store.database import Database
from app.store.tables import connections, installations, repositories

_DESCRIPTION = tuple(name for name in Repo.model_fields if name not in {"connection", "repo_id"})
# Built once: building a statement costs more than running it.
_UNDER_OUR_CARE = (
    select(*(repositories.c[name] for name in Repo.model_fields))
    .select_from(repositories.join(installations))
    .where(repositories.c.removed_at.is_(None))
)
_ONE = _UNDER_OUR_CARE.where(in_asked_repository(repositories))


class Repositories:
    """Rows are never deleted here: a repository that left keeps its history until its retention ends."""

    def __init__(self, db: Database, *, clock: Clock = utc_now) -> None:
        self._db = db
        self._clock = clock

    async def ensure(self, repo: Repo) -> bool:
        """Remember the repository as it is now; True when it came under our care by this call, new or again."""
        if await self.get(repo.connection, repo.repo_id) == repo:
            # What nearly every delivery finds, without waiting for the disk.
            return False
        return await self._db.write(lambda sql: self._ensure(sql, repo))

    def _ensure(self, sql: Connection, repo: Repo) -> bool:
        now = self._clock()
        self._ensure_installation(sql, repo.connection, repo.installation_id, {"removed_at": None})
        values = repo.model_dump()
        new = self._db.insert(repositories).values({**values, "enabled_at": now}).on_conflict_do_nothing()
        if sql.execute(new).rowcount == 1:
            return True
        known = and_(repositories.c.connection == repo.connection, repositories.c.repo_id == repo.repo_id)
        again = update(repositories).where(known, repositories.c.removed_at.is_not(None))
        enabled_again = sql.execute(again.values(enabled_at=now, removed_at=None)).rowcount == 1
        sql.execute(update(repositories).where(known).values({name: values[name] for name in _DESCRIPTION}))
        return enabled_again

    def _ensure_installation(
        self, sql: Connection, connection: str, installation_id: str, changes: Mapping[str, object]
    ) -> None:
        now = self._clock()
        sql.execute(
            self._db.insert(connections).values(connection=connection, first_seen_at=now).on_conflict_do_nothing()
        )
        row = {"connection": connection, "installation_id": installation_id, "first_seen_at": now, **changes}
        sql.execute(
            self._db.insert(installations)
            .values(row)
            .on_conflict_do_update(index_elements=["connection", "installation_id"], set_=dict(changes))
        )

    async def get(self, connection: str, repo_id: str) -> Repo | None:
        """None when we never had it, or when it left."""
        which = asked_repository(connection, repo_id)
        row = await self._db.read(lambda sql: sql.execute(_ONE, which).mappings().one_or_none())
        return None if row is None else _repo(row)

    async def enabled_at(self, connection: str, repo_id: str) -> datetime | None:
        """When it came under our care, the last time."""
        mine = (repositories.c.connection == connection) & (repositories.c.repo_id == repo_id)
        return await self._db.read(
            lambda sql: sql.execute(select(repositories.c.enabled_at).where(mine)).scalar_one_or_none()
        )

    async def all(self, connection: str | None = None) -> list[Repo]:
        """Those that may be worked on now: neither gone nor suspended."""
        query = _UNDER_OUR_CARE.where(installations.c.suspended_at.is_(None))
        if connection is not None:
            query = query.where(repositories.c.connection == connection)
        query = query.order_by(repositories.c.connection, repositories.c.full_name)
        rows = await self._db.read(lambda sql: sql.execute(query).mappings().all())
        return [_repo(row) for row in rows]

    async def remove(self, connection: str, installation_id: str, repo_ids: Sequence[str] | None) -> int:
        """They left our care (None: all of the installation); how many."""
        return await self._db.write(lambda sql: self._remove(sql, connection, installation_id, repo_ids))

    def _remove(self, sql: Connection, connection: str, installation_id: str, repo_ids: Sequence[str] | None) -> int:
        now = self._clock()
        mine = and_(repositories.c.connection == connection, repositories.c.installation_id == installation_id)
        leaving = update(repositories).where(mine, repositories.c.removed_at.is_(None)).values(removed_at=now)
        if repo_ids is None:
            self._ensure_installation(sql, connection, installation_id, {"removed_at": now})
        else:
            leaving = leaving.where(repositories.c.repo_id.in_(repo_ids))
        return sql.execute(leaving).rowcount

    async def set_suspended(self, connection: str, installation_id: str, suspended: bool) -> None:
        changes = {"suspended_at": self._clock() if suspended else None}
        await self._db.write(lambda sql: self._ensure_installation(sql, connection, installation_id, changes))


def _repo(row: RowMapping) -> Repo:
    return Repo.model_validate(dict(row))
