"""The last valid configuration of each repository: what counts while the present file is broken."""

from pydantic import JsonValue
from sqlalchemy import select

from app.domain.pull_request import Repo
from app.store.addresses import asked_repository, in_asked_repository
from app.store.clock import Clock, utc_now
from app.store.database import Database
from app.store.tables import config_files

Values = dict[str, JsonValue]

# Built once: building a statement costs more than running it.
_LAST_VALID = select(config_files.c["values"]).where(in_asked_repository(config_files))


class ConfigFiles:
    """Values by dotted key, as they were taken from a repository's own file."""

    def __init__(self, db: Database, *, clock: Clock = utc_now) -> None:
        self._db = db
        self._clock = clock

    async def remember(self, repo: Repo, values: Values) -> None:
        """These are valid. What is known already costs no write."""
        if await self.last_valid(repo) == values:
            return
        row = {"connection": repo.connection, "repo_id": repo.repo_id, "values": values, "read_at": self._clock()}
        statement = (
            self._db.insert(config_files)
            .values(row)
            .on_conflict_do_update(index_elements=["connection", "repo_id"], set_=row)
        )
        await self._db.write(lambda sql: sql.execute(statement))

    async def last_valid(self, repo: Repo) -> Values:
        """Empty when there never was a valid file."""
        which = asked_repository(repo.connection, repo.repo_id)
        return await self._db.read(lambda sql: sql.execute(_LAST_VALID, which).scalar_one_or_none()) or {}
