"""The way in from GitHub: who sent this, what does it mean, what did we miss."""

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from datetime import datetime

from pydantic import SecretStr

from app.domain.errors import BadSignature, UserError
from app.domain.events import Event, Ignored
from app.forges.base import RawDelivery, SignedBy
from app.forges.github.auth import AppAuth, Auth
from app.forges.github.byline import Byline
from app.forges.github.client import GitHubClient
from app.forges.github.deliveries import missed_deliveries
from app.forges.github.events import Registration, is_read, read_event
from app.forges.github.payloads import read_json

# The current secret and the one before it.
MOST_SECRETS = 2

_SIGNATURE = re.compile(r"sha256=([0-9a-f]{64})")
_DELIVERY_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


class GitHubInbox:
    """The `ForgeInbox` of one connection. Without a secret its door is closed."""

    def __init__(self, client: GitHubClient, auth: Auth) -> None:
        connection = client.connection
        self._client = client
        self._auth = auth
        self._secrets = _secrets(connection.key, connection.webhook_secrets)
        self._us = Registration(connection.key, connection.app_id, Byline(connection.slug, is_bot=True))

    def verify(self, headers: Mapping[str, str], body: bytes) -> SignedBy:
        # The older SHA-1 header is never looked at: who can choose the weaker proof would choose it.
        found = _SIGNATURE.fullmatch(headers.get("x-hub-signature-256", ""))
        if found is None:
            raise BadSignature("no X-Hub-Signature-256")
        given = found[1].encode()
        matches = [hmac.compare_digest(_sign(secret, body), given) for secret in self._secrets]
        if not any(matches):
            raise BadSignature("signed with another secret")
        return "current" if matches[0] else "old"

    def delivery_id(self, headers: Mapping[str, str], body: bytes) -> str:
        given = headers.get("x-github-delivery", "")
        return given.lower() if _DELIVERY_ID.fullmatch(given) else f"body-{hashlib.sha256(body).hexdigest()}"

    def parse(self, headers: Mapping[str, str], body: bytes) -> Event:
        name = headers.get("x-github-event", "")
        if not is_read(name):
            return Ignored(reason=f"event {name[:60]!r} is not used")
        return read_event(self._us, name, read_json(headers, body))

    async def missed(self, since: datetime, known: set[str]) -> Sequence[RawDelivery]:
        """Only an App has a list of its deliveries; it reaches back three days."""
        if not isinstance(self._auth, AppAuth):
            return ()
        return await missed_deliveries(self._client, self._auth, since, known)


def _secrets(connection: str, given: Sequence[SecretStr]) -> list[bytes]:
    secrets = [secret.get_secret_value().encode() for secret in given]
    if not all(secrets):
        raise UserError(f"A webhook secret of connection {connection!r} is empty: anybody could sign with it.")
    if len(secrets) > MOST_SECRETS:
        raise UserError(f"Connection {connection!r} has {len(secrets)} webhook secrets; give the new and the old one.")
    return secrets


def _sign(secret: bytes, body: bytes) -> bytes:
    return hmac.new(secret, body, hashlib.sha256).hexdigest().encode()
