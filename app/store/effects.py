"""External writes that happen once: an intent before, the result after."""

from collections.abc import Awaitable, Callable, Sequence

from pydantic import JsonValue
from sqlalchemy import bindparam, delete, select

from app.domain.errors import ForgeRefused, RateLimited, Refused, UserError
from app.domain.model import Frozen
from app.store.clock import Clock, utc_now
from app.store.database import Database
from app.store.tables import effects

Write = Callable[[bool], Awaitable[JsonValue]]

# Built once: building a statement costs more than running it.
_SETTLED = select(effects.c.effect_key, effects.c.result).where(effects.c.settled_at.is_not(None))
_KNOWN = _SETTLED.where(effects.c.effect_key == bindparam("key"))
_KNOWN_OF_RUN = _SETTLED.where(effects.c.run_id == bindparam("of_run"))
_BEGUN_OF_RUN = select(effects.c.effect_key).where(effects.c.run_id == bindparam("of_run"))


class Effects:
    """An intent without a result means that an earlier try may have gone through: then, and only then, look first."""

    def __init__(
        self, db: Database, *, clock: Clock = utc_now, adopted: Callable[[str], None] = lambda _kind: None
    ) -> None:
        self._db = db
        self._clock = clock
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
        ours = await self._intend(key, run_id)
        if not ours and (known := await self._known(key)) is not None:
            return known.result
        if not ours:
            self._adopted(key.partition("/")[0])
        try:
            result = await do(not ours)
        except (ForgeRefused, UserError, Refused, RateLimited):
            # Definitely not done. That takes back our own intent, never that of a try that may have gone through.
            if ours:
                await self._db.write(lambda sql: sql.execute(delete(effects).where(effects.c.effect_key == key)))
            raise
        await self._settle(key, run_id, result)
        return result

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
