"""Uses of a hook's former secret: whoever rotates one wants to know when nobody signs with it any more."""

from collections.abc import Callable
from datetime import datetime, timedelta

from app.store.clock import Clock, utc_now
from app.store.cursors import Cursors

# How exactly is the last use known? Each delivery would otherwise cost a second row.
NOTED_EVERY = timedelta(minutes=1)


class OldSecrets:
    """When a delivery last came that the former secret of its connection opened."""

    def __init__(self, cursors: Cursors, *, used: Callable[[str], None], clock: Clock = utc_now) -> None:
        self._cursors = cursors
        self._used = used
        self._clock = clock
        self._noted: dict[str, datetime] = {}

    async def note(self, connection: str) -> None:
        self._used(connection)
        now, noted = self._clock(), self._noted.get(connection)
        if noted is None or now - noted >= NOTED_EVERY:
            await self._cursors.set(_name(connection), now)
            self._noted[connection] = now


async def last_use(cursors: Cursors, connection: str) -> datetime | None:
    """Of the former secret, up to NOTED_EVERY too early; None where it was never used."""
    return await cursors.get(_name(connection))


def _name(connection: str) -> str:
    return f"old-secret/{connection}"
