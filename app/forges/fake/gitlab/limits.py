"""GitLab's throttles: so many requests a minute for one account, and so many notes."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from app.forges.fake.clock import Clock
from app.forges.fake.errors import Refusal

_MINUTE = timedelta(minutes=1)
TOO_MANY_NOTES = "This endpoint has been requested too many times. Try again later."


@dataclass(frozen=True)
class LimitSettings:
    """What gitlab.com publishes for signed-in requests, and the default for notes."""

    per_minute: int = 2_000
    anonymous_per_minute: int = 500
    notes_per_minute: int = 300


class Throttled(Exception):
    """429 in plain text, with the headers that say until when."""

    def __init__(self, headers: dict[str, str]) -> None:
        super().__init__("Retry later")
        self.headers = headers


@dataclass
class _Window:
    """A minute that began with its first request."""

    began: datetime
    used: int = 0


@dataclass
class _Spending:
    requests: _Window
    notes: _Window


@dataclass
class Limiter:
    """Counts per account in fixed minutes, as GitLab does."""

    clock: Clock
    settings: LimitSettings = field(default_factory=LimitSettings)
    # How often anything was refused: a well-behaved client keeps this at 0.
    refusals: int = 0
    _accounts: dict[str, _Spending] = field(default_factory=dict[str, _Spending])

    def admit(self, account: str, *, notes: bool) -> None:
        """Count a request, or refuse it."""
        spending = self._spending(account)
        spending.requests.used += 1
        if spending.requests.used > self._limit(account):
            self.refusals += 1
            wait = self._seconds_left(spending.requests)
            raise Throttled({"retry-after": str(wait), **self.headers(account)})
        if notes:
            spending.notes.used += 1
            if spending.notes.used > self.settings.notes_per_minute:
                self.refusals += 1
                raise Refusal(429, "", errors=[TOO_MANY_NOTES])

    def headers(self, account: str) -> dict[str, str]:
        spending, limit = self._spending(account).requests, self._limit(account)
        reset = spending.began + _MINUTE
        return {
            "ratelimit-name": "throttle_authenticated_api",
            "ratelimit-limit": str(limit),
            "ratelimit-observed": str(spending.used),
            "ratelimit-remaining": str(max(limit - spending.used, 0)),
            "ratelimit-reset": str(int(reset.timestamp())),
            "ratelimit-resettime": reset.strftime("%a, %d %b %Y %H:%M:%S GMT"),
        }

    def _limit(self, account: str) -> int:
        return self.settings.anonymous_per_minute if account == "anonymous" else self.settings.per_minute

    def _spending(self, account: str) -> _Spending:
        now = self.clock.now()
        found = self._accounts.setdefault(account, _Spending(_Window(now), _Window(now)))
        for window in (found.requests, found.notes):
            if now - window.began >= _MINUTE:
                window.began, window.used = now, 0
        return found

    def _seconds_left(self, window: _Window) -> int:
        return max(1, int((window.began + _MINUTE - self.clock.now()).total_seconds()))
