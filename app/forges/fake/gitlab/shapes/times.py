"""Times as GitLab writes them: milliseconds in the API, seconds and a word in deliveries."""

from datetime import datetime


def stamp(moment: datetime | None) -> str | None:
    return None if moment is None else moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def spoken(moment: datetime | None) -> str | None:
    """ "2026-11-21 08:00:00 UTC", as deliveries have it."""
    return None if moment is None else moment.strftime("%Y-%m-%d %H:%M:%S UTC")
