"""The way in from GitLab: who sent this, and what does it mean."""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from app.domain.events import Event, Ignored
from app.forges.base import RawDelivery, SignedBy
from app.forges.gitlab.events import Registration, is_read, read_event
from app.forges.gitlab.payloads import read_json
from app.forges.gitlab.signing import check_signature, check_token, read_key, read_secrets
from app.forges.registry import Connection

_ID = re.compile(r"[0-9A-Za-z._-]{8,100}")


class GitLabInbox:
    """The `ForgeInbox` of one connection. Where a signing token is configured, nothing else opens the door."""

    def __init__(
        self, connection: Connection, user_id: int, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._us = Registration(connection.key, user_id)
        self._secrets = read_secrets(connection.key, "webhook_secret", connection.webhook_secrets)
        tokens = read_secrets(connection.key, "signing_token", connection.signing_tokens)
        self._keys = [read_key(connection.key, token) for token in tokens]
        self._clock = clock

    def verify(self, headers: Mapping[str, str], body: bytes) -> SignedBy:
        if self._keys:
            return check_signature(self._keys, headers, body, self._clock())
        return check_token(self._secrets, headers)

    def delivery_id(self, headers: Mapping[str, str], body: bytes) -> str:
        """The same for each try of a delivery. Of the two names of it, the signed one is believed first."""
        for name in ("webhook-id", "idempotency-key"):
            given = headers.get(name, "")
            if _ID.fullmatch(given):
                return given.lower()
        # The event's UUID is not enough alone: what a delivery brings about on GitLab carries its UUID as well.
        uuid = headers.get("x-gitlab-event-uuid", "")
        return f"body-{hashlib.sha256(uuid.encode() + body).hexdigest()}"

    def parse(self, headers: Mapping[str, str], body: bytes) -> Event:
        name = headers.get("x-gitlab-event", "")
        if not is_read(name):
            return Ignored(reason=f"event {name[:60]!r} is not used")
        return read_event(self._us, name, read_json(body))

    async def missed(self, since: datetime, known: set[str]) -> Sequence[RawDelivery]:  # noqa: ARG002 - the protocol's
        """GitLab shows its list of deliveries to maintainers only; the reconciler finds what was missed."""
        return ()
