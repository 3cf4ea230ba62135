"""Ids that sort by time."""

from datetime import datetime

from ulid import ULID


def new_id(now: datetime) -> str:
    return str(ULID.from_datetime(now))
