"""The fake's time: the real one, moved forward by tests that cannot wait for an hour to pass."""

from datetime import UTC, datetime, timedelta


class Clock:
    """UTC, with an offset that only grows."""

    def __init__(self) -> None:
        self._offset = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self._offset

    def advance(self, by: timedelta) -> None:
        self._offset += by


def stamp(moment: datetime | None) -> str | None:
    """As GitHub writes times: seconds, a Z, never milliseconds."""
    return None if moment is None else moment.strftime("%Y-%m-%dT%H:%M:%SZ")
