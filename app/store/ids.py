"""Ids that sort by time."""

from datetime import datetime

from ulid import ULID

_LETTERS = frozenset("0123456789ABCDEFGHJKMNPQRSTVWXYZ")
_LENGTH = 26


def new_id(now: datetime) -> str:
    return str(ULID.from_datetime(now))


def is_id(text: str) -> bool:
    """Whether it could be one of ours."""
    return len(text) == _LENGTH and _LETTERS.issuperset(text)
