"""Failures with a meaning: what the user is told, what is retried, what waits."""

from datetime import datetime
from typing import Literal


class UserError(Exception):
    """Shown to the user as written: names the thing, the value and the wish. Never retried, never alerted."""


class Refused(Exception):
    """Policy said no (fork, permission, budget); shown with its reason, never retried."""


LimitKind = Literal["primary", "secondary", "ours", "model", "budget"]


class RateLimited(Exception):
    """The forge, a provider or our own limiter said wait: nothing is sent before `until` (UTC)."""

    def __init__(self, until: datetime, kind: LimitKind) -> None:
        super().__init__(f"{kind} limit until {until.isoformat()}")
        self.until = until
        self.kind: LimitKind = kind


class ForgeUnavailable(Exception):
    """No answer, or a 5xx: a read is simply repeated, a write is looked for first."""


class Unanswered(ForgeUnavailable):
    """Sent, and no answer came: the forge may still be at it."""


class ForgeRefused(Exception):
    """A definite 4xx: the request was understood and not done; asking again would not help."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status
        self.message = message


class Gone(ForgeRefused):
    """404, 410 or 451: deleted, uninstalled, or no longer ours to see."""


class HeadMoved(Exception):
    """The pull request's head is no longer the commit this run reviewed."""

    def __init__(self, head_sha: str) -> None:
        super().__init__(f"head is now {head_sha[:7]}")
        self.head_sha = head_sha


class BadSignature(Exception):
    """A delivery that its sender did not sign with a secret of ours."""


class MalformedDelivery(Exception):
    """A signed delivery whose body cannot be read; the row stays with this reason."""
