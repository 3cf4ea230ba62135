"""Sends what a fake delivers: in order for one repository, side by side for others; scripts lose, double or shuffle."""

import asyncio
import ssl
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import perf_counter
from typing import Generic, Literal, TypeVar

import httpx

from app.forges.fake.clock import Clock

# How long a forge waits for an answer before it calls a delivery failed; the same on GitHub and GitLab.
ANSWER_WITHIN = timedelta(seconds=10)
# Larger payloads are not delivered at all.
LARGEST_PAYLOAD = 25 * 1024 * 1024
# Each delivery looks at all connections that are kept.
_POOL = httpx.Limits(max_keepalive_connections=4)


@dataclass(eq=False, kw_only=True)
class Outgoing:
    """One attempt to deliver an event; a further attempt is another of these."""

    delivery_id: int
    # The id that stays the same when it is delivered again.
    guid: str
    event: str
    action: str | None
    repository_id: int | None
    # The payload as JSON; kept as bytes, because thousands of them as objects fill the memory.
    text: bytes
    headers: dict[str, str]
    created_at: datetime
    redelivery: bool = False
    delivered_at: datetime | None = None
    # Seconds until it was answered.
    duration: float = 0.0
    status: str = "pending"
    status_code: int = 0
    response_headers: dict[str, str] = field(default_factory=dict[str, str])
    response_text: str = ""

    @property
    def url(self) -> str:
        raise NotImplementedError

    @property
    def body(self) -> bytes:
        return self.text


OutgoingT = TypeVar("OutgoingT", bound=Outgoing)


@dataclass
class HookRule:
    """What happens to the next `count` deliveries of this event and action ("*" is any)."""

    effect: Literal["drop", "lose", "duplicate", "delay"]
    event: str = "*"
    action: str = "*"
    count: int = 1
    by: timedelta = timedelta()

    def applies(self, delivery: Outgoing) -> bool:
        return (
            self.count > 0
            and self.event in ("*", delivery.event)
            and self.action in ("*", delivery.action)
            and not delivery.redelivery
        )


class Outbox(Generic[OutgoingT]):
    """Every delivery of one fake, those under way and those of the past."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.deliveries: list[OutgoingT] = []
        self.answer_within = ANSWER_WITHIN
        self._rules: list[HookRule] = []
        self._held: list[OutgoingT] | None = None
        self._tails: dict[int | None, asyncio.Task[None]] = {}
        self._running: set[asyncio.Task[None]] = set()
        self._client: httpx.AsyncClient | None = None

    def script(self, rule: HookRule) -> None:
        """drop: recorded as failed. lose: not even recorded. duplicate: sent twice. delay: sent later."""
        self._rules.append(rule)

    def hold(self) -> None:
        """Keep what is sent from now on until `release`."""
        self._held = []

    def release(self, reorder: Callable[[list[OutgoingT]], Sequence[OutgoingT]] | None = None) -> None:
        """Send what was held, in another order when asked."""
        held, self._held = self._held or [], None
        for delivery in reorder(held) if reorder else held:
            self.send(delivery)

    def post(self, delivery: OutgoingT) -> None:
        """Record a new delivery and send it as the script wants."""
        rule = next((rule for rule in self._rules if rule.applies(delivery)), None)
        if rule is not None:
            rule.count -= 1
        if rule is None or rule.effect != "lose":
            self.deliveries.append(delivery)
        match rule.effect if rule else None:
            case "lose":
                return
            case "drop":
                delivery.delivered_at, delivery.status = self.clock.now(), "failed to connect to host"
            case "duplicate":
                self.send(delivery)
                self.send(delivery)
            case "delay" if rule is not None:
                self.start(self._later(delivery, rule.by))
            case _:
                self.send(delivery)

    def send(self, delivery: OutgoingT) -> None:
        """Send it once what came before it in its repository is through."""
        if self._held is not None:
            self._held.append(delivery)
            return
        before = self._tails.get(delivery.repository_id)
        self._tails[delivery.repository_id] = self.start(self._in_turn(delivery, before))

    def start(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    async def drained(self) -> None:
        """Return when everything that was sent has been answered."""
        while self._running:
            await asyncio.gather(*self._running)

    async def close(self) -> None:
        for task in list(self._running):
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        if self._client is not None:
            await self._client.aclose()

    async def attempt(self, delivery: OutgoingT) -> None:
        """Send it now and write down what was answered."""
        started = perf_counter()
        try:
            answer = await self._http().post(
                delivery.url,
                content=delivery.body,
                headers=delivery.headers,
                timeout=self.answer_within.total_seconds(),
            )
        except httpx.TimeoutException:
            delivery.status, delivery.status_code = "timed out", 504
        except httpx.TransportError:
            delivery.status, delivery.status_code = "failed to connect to host", 502
        else:
            good = answer.is_success
            delivery.status = "OK" if good else f"Invalid HTTP Response: {answer.status_code}"
            delivery.status_code = answer.status_code
            delivery.response_headers, delivery.response_text = dict(answer.headers), answer.text
        delivery.duration = perf_counter() - started
        delivery.delivered_at = self.clock.now()

    async def _later(self, delivery: OutgoingT, by: timedelta) -> None:
        await asyncio.sleep(by.total_seconds())
        await self.attempt(delivery)

    async def _in_turn(self, delivery: OutgoingT, before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await asyncio.wait([before])
        await self.attempt(delivery)

    def _http(self) -> httpx.AsyncClient:
        if self._client is None:
            # A context of our own is quick to make; httpx's default reads every certificate of the system (30 ms).
            self._client = httpx.AsyncClient(
                verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), trust_env=False, limits=_POOL
            )
        return self._client
