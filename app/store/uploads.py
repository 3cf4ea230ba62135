"""What repositories' own CI said of a head: the newest upload of each tool."""

from collections.abc import Sequence
from datetime import datetime

from pydantic import TypeAdapter
from sqlalchemy import select

from app.domain.model import Frozen
from app.domain.sarif_upload import Upload, UploadedResult
from app.store.database import Database
from app.store.tables import uploads as rows

_RESULTS = TypeAdapter(tuple[UploadedResult, ...])
# How many tools of one head are kept? Names of tools are made up by whoever sends.
MOST_TOOLS = 20


class KeptUpload(Frozen):
    upload: Upload
    received_at: datetime


class Uploads:
    def __init__(self, db: Database) -> None:
        self._db = db

    async def keep(
        self, connection: str, repo_id: str, head_sha: str, uploads: Sequence[Upload], now: datetime
    ) -> None:
        """Each in place of what the same tool said before of the same head."""
        for one in uploads:
            values = {"results": _RESULTS.dump_python(one.results), "left_out": one.left_out, "received_at": now}
            key = {"connection": connection, "repo_id": repo_id, "head_sha": head_sha, "tool": one.tool}
            statement = (
                self._db.insert(rows)
                .values({**key, **values})
                .on_conflict_do_update(index_elements=list(key), set_=values)
            )
            await self._db.write(lambda sql, statement=statement: sql.execute(statement))

    async def of(self, connection: str, repo_id: str, head_sha: str) -> list[KeptUpload]:
        """By tool."""
        mine = (rows.c.connection == connection) & (rows.c.repo_id == repo_id) & (rows.c.head_sha == head_sha)
        query = select(rows).where(mine).order_by(rows.c.tool).limit(MOST_TOOLS)
        found = await self._db.read(lambda sql: sql.execute(query).mappings().all())
        return [
            KeptUpload(
                upload=Upload(
                    tool=row["tool"], results=_RESULTS.validate_python(row["results"]), left_out=row["left_out"]
                ),
                received_at=row["received_at"],
            )
            for row in found
        ]
