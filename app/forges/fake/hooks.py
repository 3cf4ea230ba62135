"""GitHub's deliveries: signed, sent once, never again by themselves, kept in a list."""

import hashlib
import hmac
import json
import uuid
from dataclasses import dataclass, replace
from itertools import count
from typing import cast
from urllib.parse import urlencode

from typing_extensions import override

from app.forges.fake.clock import Clock
from app.forges.fake.entities import App, Installation
from app.forges.fake.outbox import LARGEST_PAYLOAD, Outbox, Outgoing


@dataclass(eq=False, kw_only=True)
class Delivery(Outgoing):
    """One attempt to deliver an event; a redelivery is another attempt with the same GUID."""

    app: App
    installation_id: int | None

    @property
    def payload(self) -> dict[str, object]:
        return cast("dict[str, object]", json.loads(self.text))

    @property
    @override
    def url(self) -> str:
        return self.app.webhook_url

    @property
    @override
    def body(self) -> bytes:
        """What is sent and signed: JSON, or a form with it."""
        if self.headers.get("Content-Type") == "application/json":
            return self.text
        return urlencode({"payload": self.text}).encode()


class Hooks(Outbox[Delivery]):
    """The deliveries of every App."""

    def __init__(self, clock: Clock, *, enterprise: bool) -> None:
        super().__init__(clock)
        self._enterprise = enterprise
        self._ids = count(9_000_000_001)

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
        self.post(delivery)

    def redeliver(self, old: Delivery) -> Delivery:
        """Another attempt, as the API and the page of an App offer it."""
        delivery = replace(
            old,
            delivery_id=next(self._ids),
            headers=dict(old.headers),
            created_at=self.clock.now(),
            redelivery=True,
            delivered_at=None,
            duration=0.0,
            status="pending",
            status_code=0,
            response_headers={},
            response_text="",
        )
        self.deliveries.append(delivery)
        self.send(delivery)
        return delivery

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
