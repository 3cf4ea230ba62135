"""Who sent a delivery: a secret that stands in a header, or a signature over the body with GitLab's signing token."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from pydantic import SecretStr

from app.domain.errors import BadSignature, UserError
from app.forges.base import SignedBy

# How old may a signed delivery be? As Standard Webhooks has it: https://www.standardwebhooks.com.
TOLERANCE = timedelta(minutes=5)
# The current secret and the one before it.
MOST_SECRETS = 2
_PREFIX = "whsec_"
_SHORTEST_KEY = 24
_MOST_SIGNATURES = 8


def check_token(secrets: Sequence[bytes], headers: Mapping[str, str]) -> SignedBy:
    """The secret that the header holds; BadSignature when it is none of them, as without any."""
    given = headers.get("x-gitlab-token", "").encode()
    if not given:
        raise BadSignature("no X-Gitlab-Token")
    matches = [hmac.compare_digest(secret, given) for secret in secrets]
    if not any(matches):
        raise BadSignature("another X-Gitlab-Token")
    return "current" if matches[0] else "old"


def check_signature(keys: Sequence[bytes], headers: Mapping[str, str], body: bytes, now: datetime) -> SignedBy:
    """The key that signed these bytes a short time ago; BadSignature when it is none of them."""
    message_id, stamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    given = headers.get("webhook-signature", "")
    if not message_id or not stamp or not given:
        raise BadSignature("no webhook-signature")
    if not _is_recent(stamp, now):
        raise BadSignature("its webhook-timestamp is more than 5 minutes away")
    content = f"{message_id}.{stamp}.".encode() + body
    offered = [one.encode() for one in given.split(" ")[:_MOST_SIGNATURES]]
    wanted = [_sign(key, content) for key in keys]
    matches = [any(hmac.compare_digest(ours, theirs) for theirs in offered) for ours in wanted]
    if not any(matches):
        raise BadSignature("signed with another token")
    return "current" if matches[0] else "old"


def read_secrets(connection: str, name: str, given: Sequence[SecretStr]) -> list[bytes]:
    """UserError for what would leave the door open."""
    secrets = [secret.get_secret_value() for secret in given]
    if not all(secrets):
        raise UserError(f"A {name} of connection {connection!r} is empty: anybody could send it.")
    if len(secrets) > MOST_SECRETS:
        raise UserError(f"Connection {connection!r} has {len(secrets)} of {name}; give the new and the old one.")
    return [secret.encode() for secret in secrets]


def read_key(connection: str, token: bytes) -> bytes:
    """The key in a signing token as GitLab shows it: "whsec_" and the key in base64."""
    try:
        prefix, text = token[: len(_PREFIX)].decode(), token[len(_PREFIX) :]
        key = base64.b64decode(text, validate=True)
    except (UnicodeDecodeError, binascii.Error):
        prefix, key = "", b""
    if prefix != _PREFIX or len(key) < _SHORTEST_KEY:
        raise UserError(f"The signing_token of connection {connection!r} is none; copy it whole, from whsec_ on.")
    return key


def _sign(key: bytes, content: bytes) -> bytes:
    return b"v1," + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest())


def _is_recent(stamp: str, now: datetime) -> bool:
    if not (stamp.isascii() and stamp.isdecimal()) or len(stamp) > 12:
        return False
    return abs(now.timestamp() - int(stamp)) <= TOLERANCE.total_seconds()
