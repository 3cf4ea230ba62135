"""Signed deliveries: sent once, never again by themselves, kept in a list; scripts lose, double or shuffle them."""

import asyncio
import hashlib
import hmac
import json
import ssl
import uuid
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from time import perf_counter
from typing import Literal, cast
from urllib.parse import urlencode

import httpx

from app.forges.fake.clock import Clock
from app.forges.fake.entities import App, Installation

# How long GitHub waits for an answer before it calls a delivery failed.
ANSWER_WITHIN = timedelta(seconds=10)
# Larger payloads are not delivered at all.
LARGEST_PAYLOAD = 25 * 1024 * 1024


@dataclass(eq=False)
class Delivery:
    """One attempt to deliver an event; a redelivery is another attempt with the same GUID."""

    delivery_id: int
    guid: str
    app: App
    event: str
    action: str | None
    installation_id: int | None
    repository_id: int | None
    # The payload as JSON; kept as bytes, because thousands of them as objects fill the memory.
    text: bytes
    headers: dict[str, str]
    created_at: datetime
    redelivery: bool = False
    delivered_at: datetime | None = None
    duration: float = 0.0
    status: str = "pending"
    status_code: int = 0
    response_headers: dict[str, str] = field(default_factory=dict[str, str])
    response_text: str = ""

    @property
    def payload(self) -> dict[str, object]:
        return cast("dict[str, object]", json.loads(self.text))

    @property
    def body(self) -> bytes:
        """What is sent and signed: JSON, or a form with it."""
        if self.headers.get("Content-Type") == "application/json":
            return self.text
        return urlencode({"payload": self.text}).encode()


@dataclass
class HookRule:
    """What happens to the next `count` deliveries of this event and action ("*" is any)."""

    effect: Literal["drop", "lose", "duplicate", "delay"]
    event: str = "*"
    action: str = "*"
    count: int = 1
    by: timedelta = timedelta()

    def applies(self, delivery: Delivery) -> bool:
        return (
            self.count > 0
            and self.event in ("*", delivery.event)
            and self.action in ("*", delivery.action)
            and not delivery.redelivery
        )


class Hooks:
    """Sends deliveries of one repository in order and those of different repositories side by side."""

    def __init__(self, clock: Clock, *, enterprise: bool) -> None:
        self.clock = clock
        self.deliveries: list[Delivery] = []
        self.answer_within = ANSWER_WITHIN
        self._enterprise = enterprise
        self._rules: list[HookRule] = []
        self._held: list[Delivery] | None = None
        self._tails: dict[int | None, asyncio.Task[None]] = {}
        self._running: set[asyncio.Task[None]] = set()
        self._ids = count(9_000_000_001)
        self._client: httpx.AsyncClient | None = None

    def script(self, rule: HookRule) -> None:
        """drop: recorded as failed. lose: not even recorded. duplicate: sent twice. delay: sent later."""
        self._rules.append(rule)

    def hold(self) -> None:
        """Keep what is sent from now on until `release`."""
        self._held = []

    def release(self, reorder: Callable[[list[Delivery]], Sequence[Delivery]] | None = None) -> None:
        """Send what was held, in another order when asked."""
        held, self._held = self._held or [], None
        for delivery in reorder(held) if reorder else held:
            self._send(delivery)

    def enqueue(
        self,
        app: App,
        event: str,
        payload: dict[str, object],
        *,
        installation: Installation | None,
        repository_id: int | None,
    ) -> None:
        """Record a delivery and send it as soon as its turn comes."""
        if not app.webhook_active or not app.webhook_url:
            return
        text = json.dumps(payload, separators=(",", ":")).encode()
        if len(text) > LARGEST_PAYLOAD:
            return
        action = payload.get("action")
        delivery = Delivery(
            delivery_id=next(self._ids),
            guid=str(uuid.uuid4()),
            app=app,
            event=event,
            action=action if isinstance(action, str) else None,
            installation_id=installation.installation_id if installation else None,
            repository_id=repository_id,
            text=text,
            headers=self._headers(app, event),
            created_at=self.clock.now(),
        )
        delivery.headers |= {"X-GitHub-Delivery": delivery.guid, **_signatures(app, delivery.body)}
        self._follow_rules(delivery)

    def redeliver(self, old: Delivery) -> Delivery:
        """Another attempt, as the API and the page of an App offer it."""
        delivery = Delivery(
            delivery_id=next(self._ids),
            guid=old.guid,
            app=old.app,
            event=old.event,
            action=old.action,
            installation_id=old.installation_id,
            repository_id=old.repository_id,
            text=old.text,
            headers=dict(old.headers),
            created_at=self.clock.now(),
            redelivery=True,
        )
        self.deliveries.append(delivery)
        self._send(delivery)
        return delivery

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

    def _follow_rules(self, delivery: Delivery) -> None:
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
                self._send(delivery)
                self._send(delivery)
            case "delay" if rule is not None:
                self._start(self._later(delivery, rule.by))
            case _:
                self._send(delivery)

    def _send(self, delivery: Delivery) -> None:
        if self._held is not None:
            self._held.append(delivery)
            return
        before = self._tails.get(delivery.repository_id)
        self._tails[delivery.repository_id] = self._start(self._in_turn(delivery, before))

    def _start(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    async def _later(self, delivery: Delivery, by: timedelta) -> None:
        await asyncio.sleep(by.total_seconds())
        await self._attempt(delivery)

    async def _in_turn(self, delivery: Delivery, before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await asyncio.wait([before])
        await self._attempt(delivery)

    async def _attempt(self, delivery: Delivery) -> None:
        started = perf_counter()
        try:
            answer = await self._http().post(
                delivery.app.webhook_url,
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
        delivery.duration = round(perf_counter() - started, 2)
        delivery.delivered_at = self.clock.now()

    def _http(self) -> httpx.AsyncClient:
        if self._client is None:
            # A context of our own is quick to make; httpx's default reads every certificate of the system (30 ms).
            self._client = httpx.AsyncClient(verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), trust_env=False)
        return self._client

    def _headers(self, app: App, event: str) -> dict[str, str]:
        kind = "application/json" if app.webhook_content_type == "json" else "application/x-www-form-urlencoded"
        headers = {
            "Accept": "*/*",
            "Content-Type": kind,
            "User-Agent": "GitHub-Hookshot/5a3c1f9",
            "X-GitHub-Event": event,
            "X-GitHub-Hook-ID": str(app.app_id + 400_000_000),
            "X-GitHub-Hook-Installation-Target-ID": str(app.app_id),
            "X-GitHub-Hook-Installation-Target-Type": "integration",
        }
        if self._enterprise:
            headers |= {"X-GitHub-Enterprise-Version": "3.5.0", "X-GitHub-Enterprise-Host": "ghes.example"}
        return headers


def _signatures(app: App, body: bytes) -> dict[str, str]:
    """None without a secret, as on GitHub."""
    if not app.webhook_secret:
        return {}
    secret = app.webhook_secret.encode()
    return {
        "X-Hub-Signature": f"sha1={hmac.new(secret, body, hashlib.sha1).hexdigest()}",
        "X-Hub-Signature-256": f"sha256={hmac.new(secret, body, hashlib.sha256).hexdigest()}",
    }
