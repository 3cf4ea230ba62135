"""GitHub's documented limits, enforced: the hourly budget and the secondary limits on bursts."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from app.forges.fake.clock import Clock
from app.forges.fake.errors import Refusal

_HOUR, _MINUTE = timedelta(hours=1), timedelta(minutes=1)
_SECONDARY = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
_SECONDARY_DOCUMENTATION = (
    "https://docs.github.com/rest/overview/rate-limits-for-the-rest-api#about-secondary-rate-limits"
)


class PrimaryLimit(Refusal):
    """The hourly budget is spent; GraphQL says it in a 200."""


@dataclass(frozen=True)
class LimitSettings:
    """The numbers GitHub publishes; tests lower them to get to an end sooner."""

    per_hour: int = 5_000
    anonymous_per_hour: int = 60
    points_per_minute: int = 900
    graphql_points_per_minute: int = 2_000
    content_per_minute: int = 80
    content_per_hour: int = 500
    concurrent: int = 100


@dataclass
class Window:
    """What was spent in the last while: (when, how much), oldest first."""

    length: timedelta
    spent: deque[tuple[datetime, int]] = field(default_factory=deque[tuple[datetime, int]])
    total: int = 0

    def spend(self, now: datetime, points: int) -> int:
        while self.spent and self.spent[0][0] <= now - self.length:
            self.total -= self.spent.popleft()[1]
        self.spent.append((now, points))
        self.total += points
        return self.total


@dataclass
class Spending:
    """One account's counters."""

    hour_began: datetime
    used: dict[str, int] = field(default_factory=lambda: {"core": 0, "graphql": 0})
    points: Window = field(default_factory=lambda: Window(_MINUTE))
    graphql_points: Window = field(default_factory=lambda: Window(_MINUTE))
    content_minute: Window = field(default_factory=lambda: Window(_MINUTE))
    content_hour: Window = field(default_factory=lambda: Window(_HOUR))
    running: int = 0


class Limiter:
    """Counts per account and refuses as GitHub does."""

    def __init__(self, clock: Clock) -> None:
        self.settings = LimitSettings()
        # How often anything was refused: a well-behaved client keeps this at 0.
        self.refusals = 0
        self._clock = clock
        self._accounts: dict[str, Spending] = {}

    def admit(self, account: str, *, resource: str, points: int, content: bool) -> None:
        """Count a request, or refuse it."""
        now, spending = self._clock.now(), self._spending(account)
        if spending.used[resource] >= self._hourly(account):
            self.refusals += 1
            raise PrimaryLimit(403, f"API rate limit exceeded for {account}.")
        spending.used[resource] += 1
        if self._bursts(spending, now, resource, points, content):
            self.refusals += 1
            raise secondary_limit()

    def enter(self, account: str) -> Callable[[], None]:
        """Count a running request; call the result when it is over."""
        spending = self._spending(account)
        if spending.running >= self.settings.concurrent:
            self.refusals += 1
            raise secondary_limit()
        spending.running += 1

        def leave() -> None:
            spending.running -= 1

        return leave

    def refund(self, account: str) -> None:
        """An answer of 304 costs nothing of the hourly budget."""
        self._spending(account).used["core"] -= 1

    def headers(self, account: str, resource: str) -> dict[str, str]:
        state = self.overview(account)[resource]
        return {f"x-ratelimit-{name}": str(value) for name, value in state.items()} | {"x-ratelimit-resource": resource}

    def overview(self, account: str) -> dict[str, dict[str, int]]:
        spending, limit = self._spending(account), self._hourly(account)
        reset = int((spending.hour_began + _HOUR).timestamp())
        return {
            resource: {"limit": limit, "remaining": max(limit - used, 0), "reset": reset, "used": used}
            for resource, used in spending.used.items()
        }

    def _spending(self, account: str) -> Spending:
        now = self._clock.now()
        spending = self._accounts.setdefault(account, Spending(hour_began=now))
        if now - spending.hour_began >= _HOUR:
            spending.hour_began, spending.used = now, {"core": 0, "graphql": 0}
        return spending

    def _hourly(self, account: str) -> int:
        return self.settings.anonymous_per_hour if account == "anonymous" else self.settings.per_hour

    def _bursts(self, spending: Spending, now: datetime, resource: str, points: int, content: bool) -> bool:
        window = spending.points if resource == "core" else spending.graphql_points
        allowed = self.settings.points_per_minute if resource == "core" else self.settings.graphql_points_per_minute
        too_many = window.spend(now, points) > allowed
        if content:
            too_many |= spending.content_minute.spend(now, 1) > self.settings.content_per_minute
            too_many |= spending.content_hour.spend(now, 1) > self.settings.content_per_hour
        return too_many


def secondary_limit(retry_after: str | None = "60") -> Refusal:
    headers = {} if retry_after is None else {"retry-after": retry_after}
    return Refusal(403, _SECONDARY, headers=headers, documentation_url=_SECONDARY_DOCUMENTATION)
