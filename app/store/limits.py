"""The limiter: one row per account, asked before every request and shared by all processes."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Literal, Protocol

from sqlalchemy import Connection, and_, bindparam, select, update

from app.domain.errors import RateLimited
from app.store.budgets import AccountBudget, Notice
from app.store.clock import Clock, utc_now
from app.store.database import Database
from app.store.tables import limit_buckets

# Up to here a request simply waits; a longer wait is the caller's to plan.
SHORT_WAIT = timedelta(seconds=2)


# Built once: every request of every review runs them, and building them cost as much as running them.
_ROW = and_(
    limit_buckets.c.connection == bindparam("of_connection"),
    limit_buckets.c.installation_id == bindparam("of_installation"),
)
_READ = select(limit_buckets.c.state).where(_ROW).with_for_update()
_WRITE = update(limit_buckets).where(_ROW).values(state=bindparam("new_state"))


class Spender(Protocol):
    """Whose limits a request spends."""

    @property
    def connection(self) -> str: ...

    @property
    def installation_id(self) -> str: ...


class Answer(Protocol):
    """What a forge's answer said about its limits."""

    @property
    def kind(self) -> Literal["primary", "secondary", "headers"]: ...

    @property
    def until(self) -> datetime | None: ...

    @property
    def remaining(self) -> int | None: ...


class Watch(Protocol):
    """Who counts waits and refusals; `limit` is "ours", or which one of the forge's it was."""

    def waited(self, limit: str, seconds: float) -> None: ...

    def refused(self, limit: str) -> None: ...


class LimitBuckets:
    """One short transaction per request; what headers say rides along with the next one."""

    def __init__(
        self,
        db: Database,
        *,
        clock: Clock = utc_now,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        watch: Watch | None = None,
    ) -> None:
        self._db = db
        self._clock = clock
        self._sleep = sleep
        self._watch = watch
        # A write per answer would double the cost, and a count that is lost in a crash comes with the next answer.
        self._heard: dict[tuple[str, str], Notice] = {}

    async def admit(self, account: Spender, *, points: int, creates_content: bool) -> None:
        """Return when the request may be sent; RateLimited when that is not soon."""
        key = (account.connection, account.installation_id)
        heard = self._heard.pop(key, None)
        now = self._clock()

        def work(sql: Connection) -> datetime:
            budget = self._locked(sql, key)
            if heard is not None:
                budget = budget.learn(heard, now)
            at = budget.free_at(points=points, creates_content=creates_content, now=now)
            if at - now < SHORT_WAIT:
                # Its turn is taken now, so that those who come while it waits stand behind it.
                budget = budget.spend(points=points, creates_content=creates_content, at=at, now=now)
            _keep(sql, key, budget)
            return at

        at = await self._db.write(work)
        if at - now >= SHORT_WAIT:
            if self._watch is not None:
                self._watch.refused("ours")
            raise RateLimited(at, "ours")
        if at > now:
            await self._wait((at - now).total_seconds())

    async def _wait(self, seconds: float) -> None:
        if self._watch is not None:
            self._watch.waited("ours", seconds)
        await self._sleep(seconds)

    async def learn(self, account: Spender, notice: Answer) -> None:
        """Remember what the forge said; a refusal stops all processes at once."""
        key = (account.connection, account.installation_id)
        heard = Notice(kind=notice.kind, until=notice.until, remaining=notice.remaining)
        if heard.kind == "headers":
            self._heard[key] = heard
            return
        if self._watch is not None:
            self._watch.refused(heard.kind)
        now = self._clock()
        await self._db.write(lambda sql: _keep(sql, key, self._locked(sql, key).learn(heard, now)))

    def _locked(self, sql: Connection, key: tuple[str, str]) -> AccountBudget:
        state = sql.execute(_READ, _named(key)).scalar_one_or_none()
        if state is None:
            first = {"connection": key[0], "installation_id": key[1], "state": AccountBudget().model_dump(mode="json")}
            sql.execute(self._db.insert(limit_buckets).values(first).on_conflict_do_nothing())
            state = sql.execute(_READ, _named(key)).scalar_one()
        return AccountBudget.model_validate(state)


def _keep(sql: Connection, key: tuple[str, str], budget: AccountBudget) -> None:
    sql.execute(_WRITE, {**_named(key), "new_state": budget.model_dump(mode="json")})


def _named(key: tuple[str, str]) -> dict[str, str]:
    return {"of_connection": key[0], "of_installation": key[1]}
