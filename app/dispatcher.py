"""From the inbox to the workflows: claims deliveries, reads what they mean, nudges the pull requests; at least once."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog
from temporalio.service import RPCError, RPCStatusCode

from app.domain.actions import Delivery
from app.domain.errors import MalformedDelivery
from app.domain.events import Event, Ignored
from app.domain.names import OWN_CONNECTION
from app.forges.base import ForgeInbox
from app.own_deliveries import read_own
from app.routing import Meaning, Routing
from app.store.database import is_away
from app.store.deliveries import Deliveries, Ended
from workflows.client import Turns

log = structlog.get_logger()

BATCH = 64
# How long is a claimed row ours before another dispatcher may take it? Longer than a nudge takes, and no longer: what a
# killed process had claimed waits for its end. A row that is told twice changes nothing.
LEASE = timedelta(seconds=15)
# Rows of this process arrive with a wake-up; this is for those of other processes and for retries that came due.
IDLE = timedelta(milliseconds=250)
# A claim is a write of its own, and posting one review makes half a dozen deliveries: what comes within this time after
# a claim is claimed together. The first of a burst is claimed at once.
PACE = timedelta(milliseconds=50)
# After so many tries a row that Temporal refuses is set aside as failed: it stays, with its reason, and does not block
# what follows. While Temporal is away nothing is given up.
TRIES = 60
AWAY = (RPCStatusCode.UNAVAILABLE, RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.CANCELLED)
LONGEST_PAUSE = timedelta(seconds=30)
# A body above this is parsed off the event loop: 25 MB take a second.
LARGE_BODY = 256_000


@dataclass(frozen=True)
class _Read:
    """A claimed row with what it means."""

    delivery: Delivery
    meaning: Meaning


class Dispatcher:
    """Drains the inbox for as long as it runs; any number of processes may do so at once."""

    def __init__(
        self,
        *,
        deliveries: Deliveries,
        inboxes: Mapping[str, ForgeInbox],
        routing: Routing,
        turns: Turns,
        dispatched: Callable[[float], None],
    ) -> None:
        self.deliveries = deliveries
        self.inboxes = inboxes
        self.routing = routing
        self.turns = turns
        # Told the seconds from a delivery's arrival to its handling.
        self.dispatched = dispatched
        self.wake = asyncio.Event()

    async def run(self) -> None:
        """Until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            # Before the claim: what arrives during it may have come too late for it.
            self.wake.clear()
            not_before = loop.time() + PACE.total_seconds()
            claimed = await self.deliveries.claim(limit=BATCH, lease=LEASE)
            if claimed:
                await self._handle(claimed)
            if len(claimed) < BATCH:
                await self._rest(not_before)

    async def _rest(self, not_before: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(IDLE.total_seconds()):
                await self.wake.wait()
        await asyncio.sleep(max(0.0, not_before - asyncio.get_running_loop().time()))

    async def _handle(self, claimed: Sequence[Delivery]) -> None:
        groups: defaultdict[str, list[_Read]] = defaultdict(list)
        ended: list[Ended] = []
        for delivery in claimed:
            match await self._read(delivery):
                case Ended() as row:
                    ended.append(row)
                case _Read(meaning=meaning) as read:
                    # What has no pull request is its own group.
                    groups[str(meaning.ref) if meaning.ref else f"delivery {delivery.row_id}"].append(read)
        # Nine in ten deliveries ask for nothing.
        await asyncio.gather(*(self._tell(group) for group in groups.values()), self.deliveries.settle_all(ended))

    async def _read(self, delivery: Delivery) -> _Read | Ended:
        """What a row means, with what it changes in the store written."""
        try:
            return await self._understand(delivery)
        except MalformedDelivery as error:
            return Ended(row_id=delivery.row_id, status="malformed", reason=str(error))
        except Exception as error:
            # One row that cannot be read must not be the end of all that come after it; a store that is away is not
            # the row's fault.
            if isinstance(error, OSError) or is_away(error):
                raise
            log.exception("dispatch.unreadable", delivery=delivery.row_id)
            return Ended(row_id=delivery.row_id, status="failed", reason=type(error).__name__)

    async def _understand(self, delivery: Delivery) -> _Read | Ended:
        event = await self._parse(delivery)
        meaning = await self.routing.route(event, delivery)
        if isinstance(event, Ignored) or (not meaning.nudges and not meaning.chore):
            return Ended(row_id=delivery.row_id, status="ignored", reason=meaning.reason, ref=str(meaning.ref or ""))
        return _Read(delivery, meaning)

    async def _parse(self, delivery: Delivery) -> Event:
        if delivery.connection == OWN_CONNECTION:
            return read_own(delivery.event, delivery.body)
        inbox = self.inboxes.get(delivery.connection)
        if inbox is None:
            return Ignored(reason=f"no connection {delivery.connection!r} is configured")
        if len(delivery.body) > LARGE_BODY:
            return await asyncio.to_thread(inbox.parse, delivery.headers, delivery.body)
        return inbox.parse(delivery.headers, delivery.body)

    async def _tell(self, group: Sequence[_Read]) -> None:
        """Nudge one pull request in the order of arrival; the same word twice in a batch is said once."""
        said: set[str] = set()
        for number, read in enumerate(group):
            try:
                await self._tell_one(read.meaning, said)
            except (RPCError, OSError, TimeoutError) as error:
                # What came later must not overtake it, and would only wait for the same answer.
                for late in group[number:]:
                    await self._put_off(late.delivery, error)
                return
            else:
                await self._settle(read)

    async def _settle(self, read: _Read) -> None:
        delivery, ref = read.delivery, str(read.meaning.ref or "")
        await self.deliveries.settle(delivery.row_id, "handled", read.meaning.reason, ref=ref)
        self.dispatched((datetime.now(UTC) - delivery.received_at).total_seconds())
        log.info("dispatch.handled", delivery=delivery.delivery_id, pull_request=ref, reason=read.meaning.reason)

    async def _tell_one(self, meaning: Meaning, said: set[str]) -> None:
        for nudge in meaning.nudges:
            word = nudge.action_key or nudge.kind
            if meaning.ref is not None and word not in said:
                await self.turns.tell(meaning.ref, nudge, fairness_key=meaning.installation)
                said.add(word)
        if meaning.chore:
            await self.turns.run_chore(meaning.chore)

    async def _put_off(self, delivery: Delivery, error: Exception) -> None:
        if delivery.attempts >= TRIES and not _temporal_is_away(error):
            await self.deliveries.settle(delivery.row_id, "failed", f"{TRIES} tries: {type(error).__name__}")
            return
        pause = min(timedelta(milliseconds=250) * 2 ** min(delivery.attempts, 10), LONGEST_PAUSE)
        await self.deliveries.retry(
            delivery.row_id, at=datetime.now(UTC) + pause, reason=f"Temporal: {type(error).__name__}"
        )
        log.warning(
            "dispatch.put_off", delivery=delivery.row_id, attempts=delivery.attempts, error=type(error).__name__
        )


def _temporal_is_away(error: Exception) -> bool:
    return not isinstance(error, RPCError) or error.status in AWAY
