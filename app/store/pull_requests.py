"""What we remember of each pull request between turns."""

from sqlalchemy import RowMapping, and_, exists, select, update

from app.domain.pull_request import PullRequest, PullRequestRef
from app.domain.runs import PullRequestState
from app.store.addresses import ADDRESS, address_of, is_at, ref_of
from app.store.clock import Clock, utc_now
from app.store.database import Database
from app.store.tables import pull_requests, runs

_STATE = tuple(name for name in PullRequestState.model_fields if name != "ref")

_FIRST = {"paused": False, "watermark_sha": "", "last_finding_number": 0}


class PullRequests:
    """One row per pull request; its repository must be known (Repositories.ensure)."""

    def __init__(self, db: Database, *, clock: Clock = utc_now) -> None:
        self._db = db
        self._clock = clock

    async def see(self, pull_request: PullRequest) -> PullRequestState:
        """Remember what was read from the forge just now."""
        return await self._upsert(pull_request, {})

    async def set_watermark(self, pull_request: PullRequest) -> None:
        """This head was there before us: it is not reviewed unless somebody asks."""
        await self._upsert(pull_request, {"watermark_sha": pull_request.head_sha})

    async def take_over(self, ref: PullRequestRef) -> None:
        """It was there before us, and somebody asked for it: from now on it is like any other."""
        statement = update(pull_requests).where(is_at(pull_requests, ref)).values(watermark_sha="")
        await self._db.write(lambda sql: sql.execute(statement))

    async def opened(self, ref: PullRequestRef, head_sha: str) -> None:
        """We were told that it was opened, so it was not there before us, whoever reads it first."""
        values = {"title": "", "author": "", "url": "", "head_sha": head_sha, "state": "open", "seen_at": self._clock()}
        statement = (
            self._db.insert(pull_requests)
            .values({**address_of(ref), **_FIRST, **values})
            .on_conflict_do_update(index_elements=ADDRESS, set_={"watermark_sha": ""})
        )
        await self._db.write(lambda sql: sql.execute(statement))

    async def _upsert(self, pull_request: PullRequest, more: dict[str, str]) -> PullRequestState:
        seen = {
            "title": pull_request.title,
            "author": pull_request.author.login if pull_request.author is not None else "",
            "url": pull_request.url,
            "head_sha": pull_request.head_sha,
            "state": pull_request.state,
            "seen_at": self._clock(),
            **more,
        }
        statement = (
            self._db.insert(pull_requests)
            .values({**address_of(pull_request.ref), **_FIRST, **seen})
            .on_conflict_do_update(index_elements=ADDRESS, set_=seen)
            .returning(pull_requests)
        )
        return _state(await self._db.write(lambda sql: sql.execute(statement).mappings().one()))

    async def get(self, ref: PullRequestRef) -> PullRequestState | None:
        query = select(pull_requests).where(is_at(pull_requests, ref))
        row = await self._db.read(lambda sql: sql.execute(query).mappings().one_or_none())
        return None if row is None else _state(row)

    async def set_paused(self, ref: PullRequestRef, paused: bool) -> None:
        statement = update(pull_requests).where(is_at(pull_requests, ref)).values(paused=paused)
        await self._db.write(lambda sql: sql.execute(statement))

    async def open_without_run(self, connection: str, repo_id: str) -> list[PullRequestState]:
        """Open ones whose head is ours to review and has no run: something was missed."""
        same = and_(*(runs.c[name] == pull_requests.c[name] for name in ADDRESS))
        query = (
            select(pull_requests)
            .where(
                pull_requests.c.connection == connection,
                pull_requests.c.repo_id == repo_id,
                pull_requests.c.state == "open",
                pull_requests.c.paused.is_(False),
                pull_requests.c.head_sha != pull_requests.c.watermark_sha,
                ~exists().where(same, runs.c.head_sha == pull_requests.c.head_sha),
            )
            .order_by(pull_requests.c.pull_request_number)
        )
        rows = await self._db.read(lambda sql: sql.execute(query).mappings().all())
        return [_state(row) for row in rows]


def _state(row: RowMapping) -> PullRequestState:
    return PullRequestState.model_validate({"ref": ref_of(row), **{name: row[name] for name in _STATE}})
