"""How much may be sent on one account, and when the next request may go: pure arithmetic over what was sent before.

GitHub counts over a moving minute and hour, so a bucket here is a moving window cut into slots: a burst may use all of
it at once, and no minute, wherever it begins, ever holds more than its limit. (A bucket that also refills while it is
being emptied lets nearly twice its size through in the first minute.)
"""

from datetime import UTC, datetime, timedelta
from typing import Literal

from pydantic import Field

from app.domain.model import Frozen

# Twelve per cent under GitHub's own figures (80 and 500 content requests, 900 points), for requests that were sent
# apart and arrive together.
CONTENT_PER_MINUTE = 70
CONTENT_PER_HOUR = 450
POINTS_PER_MINUTE = 800
# GitHub counts a read as one point and a write as five.
WRITE_POINTS = 5
# Requests of the primary budget that we leave: those in flight elsewhere are not counted yet.
PRIMARY_RESERVE = 20
# After a secondary limit: how far apart, and for how long?
WRITE_SPACING = timedelta(seconds=1)
CONTENT_SPACING = timedelta(seconds=3)
CAREFUL_FOR = timedelta(hours=1)
# "Wait for at least one minute" is GitHub's word when it names no time.
UNNAMED_WAIT = timedelta(minutes=1)

# Slot number -> what was sent in it.
Sent = dict[int, int]


class Window(Frozen):
    """A limit over the last `slots` slots and the running one, which together cover slightly more than its time."""

    limit: int
    slot_seconds: int
    slots: int

    def free_at(self, sent: Sent, amount: int, now: datetime) -> datetime:
        """When `amount` more fits."""
        excess = self._in_window(sent, now) + amount - self.limit
        free_at = now
        for slot in sorted(slot for slot in sent if slot >= self._first(now)):
            if excess <= 0:
                break
            excess -= sent[slot]
            free_at = datetime.fromtimestamp((slot + self.slots + 1) * self.slot_seconds, UTC)
        return max(now, free_at)

    def add(self, sent: Sent, amount: int, at: datetime, now: datetime) -> Sent:
        first, slot = self._first(now), self._slot(at)
        kept = {number: count for number, count in sent.items() if number >= first}
        return {**kept, slot: kept.get(slot, 0) + amount}

    def _in_window(self, sent: Sent, now: datetime) -> int:
        first = self._first(now)
        return sum(count for slot, count in sent.items() if slot >= first)

    def _first(self, now: datetime) -> int:
        return self._slot(now) - self.slots

    def _slot(self, at: datetime) -> int:
        return int(at.timestamp()) // self.slot_seconds


CONTENT_MINUTE = Window(limit=CONTENT_PER_MINUTE, slot_seconds=5, slots=12)
CONTENT_HOUR = Window(limit=CONTENT_PER_HOUR, slot_seconds=60, slots=60)
POINTS_MINUTE = Window(limit=POINTS_PER_MINUTE, slot_seconds=5, slots=12)


class Notice(Frozen):
    """What an answer of the forge said about its limits."""

    kind: Literal["primary", "secondary", "headers"]
    until: datetime | None
    remaining: int | None


class AccountBudget(Frozen):
    """What was sent on one account, and what its forge said about it."""

    content_minute: Sent = Field(default_factory=dict)
    content_hour: Sent = Field(default_factory=dict)
    points_minute: Sent = Field(default_factory=dict)
    # The forge's own count, until it starts anew.
    primary_remaining: int | None = None
    primary_until: datetime | None = None
    # The forge said stop: nothing is sent before.
    blocked_until: datetime | None = None
    careful_until: datetime | None = None
    last_write_at: datetime | None = None
    last_content_at: datetime | None = None

    def free_at(self, *, points: int, creates_content: bool, now: datetime) -> datetime:
        """When this request may be sent: now, or the first moment that breaks no limit."""
        times = [now, POINTS_MINUTE.free_at(self.points_minute, points, now)]
        if self.blocked_until is not None:
            times.append(self.blocked_until)
        if self._primary_is_spent and self.primary_until is not None:
            times.append(self.primary_until)
        if creates_content:
            times.append(CONTENT_MINUTE.free_at(self.content_minute, 1, now))
            times.append(CONTENT_HOUR.free_at(self.content_hour, 1, now))
        return max(*times, *self._spaced(points, creates_content, now))

    @property
    def _primary_is_spent(self) -> bool:
        return self.primary_remaining is not None and self.primary_remaining <= PRIMARY_RESERVE

    def _spaced(self, points: int, creates_content: bool, now: datetime) -> list[datetime]:
        if self.careful_until is None or now >= self.careful_until or points < WRITE_POINTS:
            return []
        times = [] if self.last_write_at is None else [self.last_write_at + WRITE_SPACING]
        if creates_content and self.last_content_at is not None:
            times.append(self.last_content_at + CONTENT_SPACING)
        return times

    def spend(self, *, points: int, creates_content: bool, at: datetime, now: datetime) -> "AccountBudget":
        """As it is when the request is sent at `at`."""
        changes: dict[str, object] = {"points_minute": POINTS_MINUTE.add(self.points_minute, points, at, now)}
        if points >= WRITE_POINTS:
            changes["last_write_at"] = at
        if creates_content:
            changes["last_content_at"] = at
            changes["content_minute"] = CONTENT_MINUTE.add(self.content_minute, 1, at, now)
            changes["content_hour"] = CONTENT_HOUR.add(self.content_hour, 1, at, now)
        if self.primary_until is not None and at >= self.primary_until:
            changes |= {"primary_remaining": None, "primary_until": None}
        elif self.primary_remaining is not None:
            changes["primary_remaining"] = self.primary_remaining - 1
        return self.model_copy(update=changes)

    def learn(self, notice: Notice, now: datetime) -> "AccountBudget":
        """After an answer that said something."""
        if notice.kind == "headers":
            return self._count(notice)
        until = max(self.blocked_until or now, notice.until or now + UNNAMED_WAIT)
        careful = {} if notice.kind == "primary" else {"careful_until": until + CAREFUL_FOR}
        return self.model_copy(update={"blocked_until": until, **careful})

    def _count(self, notice: Notice) -> "AccountBudget":
        remaining = notice.remaining
        if remaining is None or notice.until is None:
            return self
        if self.primary_remaining is not None and notice.until == self.primary_until:
            # Answers overtake each other: the smaller number is the later one.
            remaining = min(remaining, self.primary_remaining)
        elif self.primary_until is not None and notice.until < self.primary_until:
            return self
        return self.model_copy(update={"primary_remaining": remaining, "primary_until": notice.until})
