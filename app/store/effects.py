"""External writes that happen once: an intent before, the result after."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

from pydantic import JsonValue
from sqlalchemy import bindparam, delete, select

from app.domain.errors import ForgeRefused, RateLimited, Refused, Unanswered, UserError
from app.domain.model import Frozen
from app.store.clock import Clock, utc_now
from app.store.database import Database
from app.store.tables import effects

Write = Callable[[bool], Awaitable[JsonValue]]

# GitHub gives up on a request after this long: what cannot be seen by then was not done. After a crash Temporal waits
# as long by itself, before it gives the work to anybody else (`LIVES`).
SETTLED_BY = timedelta(seconds=10)

# Built once: building a statement costs more than running it.
_SETTLED = select(effects.c.effect_key, effects.c.result).where(effects.c.settled_at.is_not(None))
_KNOWN = _SETTLED.where(effects.c.effect_key == bindparam("key"))
_KNOWN_OF_RUN = _SETTLED.where(effects.c.run_id == bindparam("of_run"))
_BEGUN_OF_RUN = select(effects.c.effect_key).where(effects.c.run_id == bindparam("of_run"))


class Effects:
    """An intent without a result means that an earlier try may have gone through: then, and only then, look first.

    A look finds what is there. So tries of one process follow each other, and one that got no answer is given
    `settled_by` to be done or not.
    """

    def __init__(
        self,
        db: Database,
        *,
        clock: Clock = utc_now,
        adopted: Callable[[str], None] = lambda _kind: None,
        settled_by: timedelta = SETTLED_BY,
    ) -> None:
        self._db = db
        self._clock = clock
        self._settled_by = settled_by.total_seconds()
        self._trying = dict[str, asyncio.Lock]()
        self._tries = Counter[str]()
        # By the loop's clock: when is the forge over with a try that got no answer?
        self._settled_at = dict[str, float]()
        # Told the kind of each effect whose earlier try has no known end.
        self._adopted = adopted
        self._insert = db.insert(effects).on_conflict_do_nothing()
        upsert = db.insert(effects)
        # The row is there, unless another try that was refused has just taken it back.
        self._upsert = upsert.on_conflict_do_update(
            index_elements=["effect_key"],
            set_={"settled_at": upsert.excluded.settled_at, "result": upsert.excluded.result},
        )

    async def perform(self, key: str, do: Write, *, run_id: str = "") -> JsonValue:
        """The result of `do(look_first)`, called unless it is known already; `do` may look first or simply write."""
        async with self._alone(key):
            return await self._perform(key, do, run_id)

    async def _perform(self, key: str, do: Write, run_id: str) -> JsonValue:
        ours = await self._intend(key, run_id)
        if not ours and (known := await self._known(key)) is not None:
            return known.result
        if not ours:
            self._adopted(key.partition("/")[0])
            await self._settled(key)
        began = asyncio.get_running_loop().time()
        try:
            result = await do(not ours)
        except (ForgeRefused, UserError, Refused, RateLimited):
            # Definitely not done. That takes back our own intent, never that of a try that may have gone through.
            if ours:
                await self._db.write(lambda sql: sql.execute(delete(effects).where(effects.c.effect_key == key)))
            raise
        except (Unanswered, asyncio.CancelledError):
            now = asyncio.get_running_loop().time()
            self._settled_at = {other: at for other, at in self._settled_at.items() if at > now}
            self._settled_at[key] = began + self._settled_by
            raise
        await self._settle(key, run_id, result)
        return result

    @asynccontextmanager
    async def _alone(self, key: str) -> AsyncGenerator[None]:
        """A worker that stood still is not rid of its first try when it is given the second."""
        self._tries[key] += 1
        try:
            async with self._trying.setdefault(key, asyncio.Lock()):
                yield
        finally:
            self._tries[key] -= 1
            if not self._tries[key]:
                del self._tries[key], self._trying[key]

    async def _settled(self, key: str) -> None:
        """When the forge is over with the try before, whatever became of it."""
        left = self._settled_at.get(key, 0.0) - asyncio.get_running_loop().time()
        await asyncio.sleep(max(0.0, left))
        self._settled_at.pop(key, None)

    async def keep(self, key: str, result: JsonValue, *, run_id: str) -> None:
        """The result of something that changes nothing outside: whoever finds none may do it again, without a look."""
        await self._settle(key, run_id, result)

    async def kept(self, run_id: str, *, kind: str) -> dict[str, JsonValue]:
        """The results of a run whose keys begin with `kind`, by key."""
        rows = await self._db.read(lambda sql: sql.execute(_KNOWN_OF_RUN, {"of_run": run_id}).all())
        return {row.effect_key: row.result for row in rows if row.effect_key.startswith(f"{kind}/")}

    async def begun(self, run_id: str, *, kind: str) -> Sequence[str]:
        """Keys of a run that begin with `kind`, those of tries whose end is not known among them."""
        found = await self._db.read(lambda sql: sql.execute(_BEGUN_OF_RUN, {"of_run": run_id}).scalars().all())
        return [key for key in found if key.startswith(f"{kind}/")]

    async def _intend(self, key: str, run_id: str) -> bool:
        row = {"effect_key": key, "run_id": run_id, "intent_at": self._clock()}
        return await self._db.write(lambda sql: sql.execute(self._insert, row).rowcount == 1)

    async def _known(self, key: str) -> "_Known | None":
        row = await self._db.read(lambda sql: sql.execute(_KNOWN, {"key": key}).one_or_none())
        return None if row is None else _Known(result=row.result)

    async def _settle(self, key: str, run_id: str, result: JsonValue) -> None:
        now = self._clock()
        row = {"effect_key": key, "run_id": run_id, "intent_at": now, "settled_at": now, "result": result}
        await self._db.write(lambda sql: sql.execute(self._upsert, row))


class _Known(Frozen):
    result: JsonValue
