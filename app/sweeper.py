"""Reads the deliveries that never arrived from the forge's own list; with no public address, that is how all arrive."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

import structlog

from app.domain.errors import ForgeRefused, ForgeUnavailable, RateLimited
from app.forges.base import ForgeInbox
from app.store.cursors import Cursors
from app.store.deliveries import Deliveries

log = structlog.get_logger()

# How often when nothing can reach us: a person who commented waits this long for an answer.
POLL_EVERY = timedelta(seconds=15)
# How often when webhooks do arrive and only losses are looked for?
SWEEP_EVERY = timedelta(minutes=2)
# A delivery may be listed late; what was read already is known by its id.
OVERLAP = timedelta(minutes=5)
# GitHub keeps deliveries for three days.
KEPT = timedelta(days=3)


class Sweeper:
    """One loop over all connections; stores what it finds and leaves the rest to the dispatcher."""

    def __init__(
        self,
        *,
        inboxes: Mapping[str, ForgeInbox],
        deliveries: Deliveries,
        cursors: Cursors,
        wake: Callable[[], None],
        every: timedelta,
    ) -> None:
        self.inboxes = inboxes
        self.deliveries = deliveries
        self.cursors = cursors
        self.wake = wake
        self.every = every

    async def run(self) -> None:
        """Until cancelled. A forge that is away is asked again at the next turn."""
        while True:
            for connection in self.inboxes:
                await self._sweep_quietly(connection)
            await asyncio.sleep(self.every.total_seconds())

    async def _sweep_quietly(self, connection: str) -> None:
        try:
            await self.sweep(connection)
        except (ForgeUnavailable, ForgeRefused, RateLimited) as error:
            log.warning("sweep.put_off", connection=connection, error=str(error))

    async def sweep(self, connection: str) -> int:
        """Store what this connection missed since the last sweep; how many."""
        began = datetime.now(UTC)
        since = await self.cursors.get(f"sweep/{connection}")
        if since is None:
            # Before its first start nothing was meant for us.
            await self.cursors.set(f"sweep/{connection}", began)
            return 0
        since = max(since - OVERLAP, began - KEPT)
        known = await self.deliveries.known(connection, since - OVERLAP)
        found = 0
        missed = await self.inboxes[connection].missed(since, known)
        for raw in missed:
            found += await self.deliveries.receive(
                connection=connection,
                delivery_id=raw.delivery_id,
                event=raw.event,
                headers=raw.headers,
                body=raw.body,
            )
        # A forge that limits us gives the oldest part: the next sweep goes on behind what was read.
        await self.cursors.set(f"sweep/{connection}", missed[-1].delivered_at if missed else began)
        if found:
            log.info("sweep.found", connection=connection, deliveries=found)
            self.wake()
        return found
