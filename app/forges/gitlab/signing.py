"""Who sent a delivery: a secret that stands in a header, or a signature over the body with GitLab's signing token."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from pydantic import SecretStr

from app.domain.errors import BadSignature, UserError

# How old may a signed delivery be? As Standard Webhooks has it: https://www.standardwebhooks.com.
TOLERANCE = timedelta(minutes=5)
# The current secret and the one before it.
MOST_SECRETS = 2
_PREFIX = "whsec_"
_SHORTEST_KEY = 24
_MOST_SIGNATURES = 8


def check_token(secrets: Sequence[bytes], headers: Mapping[str, str]) -> None:
    """BadSignature unless the header holds one of the secrets; without any, the door is closed."""
    given = headers.get("x-gitlab-token", "").encode()
    if not given:
        raise BadSignature("no X-Gitlab-Token")
    matches = [hmac.compare_digest(secret, given) for secret in secrets]
    if not any(matches):
        raise BadSignature("another X-Gitlab-Token")


def check_signature(keys: Sequence[bytes], headers: Mapping[str, str], body: bytes, now: datetime) -> None:
    """BadSignature unless these bytes were signed with one of the keys, a short time ago."""
    message_id, stamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    given = headers.get("webhook-signature", "")
    if not message_id or not stamp or not given:
        raise BadSignature("no webhook-signature")
    if not _is_recent(stamp, now):
        raise BadSignature("its webhook-timestamp is more than 5 minutes away")
    content = f"{message_id}.{stamp}.".encode() + body
    wanted = [_sign(key, content) for key in keys]
    offered = [one.encode() for one in given.split(" ")[:_MOST_SIGNATURES]]
    matches = [hmac.compare_digest(ours, theirs) for ours in wanted for theirs in offered]
    if not any(matches):
        raise BadSignature("signed with another token")


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
