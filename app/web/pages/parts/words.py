"""How moments, outcomes and foreign texts are worded on a page."""

import unicodedata
from datetime import UTC, datetime
from typing import Literal, NamedTuple
from urllib.parse import urlsplit

from app.domain.invisible import strip_invisible
from app.domain.outcomes import Outcome

Tone = Literal["good", "bad", "warn", "quiet", "busy"]

# Letters that draw nothing are named in code: they are how a change reads differently from what it does.
_DRAWS_NOTHING = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


class Badge(NamedTuple):
    """A word for an outcome; its tone only repeats what the word says."""

    word: str
    tone: Tone


RUNNING = Badge("running", "busy")
BADGES: dict[Outcome, Badge] = {
    Outcome.CLEAN: Badge("clean", "good"),
    Outcome.OPEN_FINDINGS: Badge("findings", "warn"),
    Outcome.BLOCKING_FINDINGS: Badge("blocking", "bad"),
    Outcome.INCOMPLETE: Badge("incomplete", "warn"),
    Outcome.NO_MODEL: Badge("linters only", "warn"),
    Outcome.COULD_NOT_RUN: Badge("could not run", "bad"),
    Outcome.ACCEPTED: Badge("accepted", "quiet"),
    Outcome.SKIPPED: Badge("skipped", "quiet"),
    Outcome.SUPERSEDED: Badge("superseded", "quiet"),
    Outcome.WAITING: Badge("waiting", "busy"),
}


def badge(outcome: Outcome | None, wait_until: datetime | None = None) -> Badge:
    if outcome is not None:
        return BADGES[outcome]
    return RUNNING if wait_until is None else BADGES[Outcome.WAITING]


def absolute(moment: datetime) -> str:
    """`2026-03-01 12:00:00 UTC`."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def relative(moment: datetime, now: datetime) -> str:
    """`just now`, `3 min ago`, `in 2 h`; a date from a month on."""
    away = abs((now - moment).total_seconds())
    if away < 45:
        return "just now" if moment <= now else "in a moment"
    if away >= 30 * 86_400:
        return f"{moment.astimezone(UTC):%Y-%m-%d}"
    text = next(
        f"{round(away / size) or 1} {unit}"
        for unit, size, limit in (("min", 60, 3570), ("h", 3600, 84_600), ("d", 86_400, float("inf")))
        if away < limit
    )
    return f"{text} ago" if moment <= now else f"in {text}"


def took(amount: float) -> str:
    """Seconds of a stage, short: `0.4`, `21`."""
    return f"{amount:.1f}" if amount < 10 else f"{amount:.0f}"


def line(text: str) -> str:
    """A title or a name of others on one line, without what nobody sees."""
    return " ".join(strip_invisible(text).split())


def visible(text: str) -> str:
    """A line of code as it is; characters that draw nothing are named."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        f"⟨U+{ord(char):04X}⟩" if char != "\t" and unicodedata.category(char) in _DRAWS_NOTHING else char
        for char in text
    )


def safe_url(url: str) -> str:
    """The address when it is one of the web's, else nothing: no other kind becomes a link."""
    try:
        return url if urlsplit(url).scheme in {"http", "https"} else ""
    except ValueError:
        return ""


def seq_of(text: str) -> int:
    """Where in a stream a browser says it was; its beginning when it says something else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 12 else 0
