"""Bad weather by script: which request, which time, what goes wrong."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import format_datetime
from fnmatch import fnmatchcase
from typing import Literal

from app.forges.fake.errors import Refusal
from app.forges.fake.exchange import ConnectionCut
from app.forges.fake.limits import secondary_limit


@dataclass(frozen=True)
class Latency:
    """The answer comes late."""

    by: timedelta


@dataclass(frozen=True)
class Refuse:
    """This answer instead of the real one. `after` means that the request took effect all the same."""

    refusal: Refusal
    after: bool = False


@dataclass(frozen=True)
class Reset:
    """The connection is cut without an answer, before or after the request took effect."""

    after: bool = False


@dataclass(frozen=True)
class Truncate:
    """The request takes effect; the answer's body ends in the middle."""


@dataclass(frozen=True)
class ListLag:
    """What is younger than this is not yet in lists."""

    by: timedelta


Effect = Latency | Refuse | Reset | Truncate | ListLag


def bad_gateway(status: Literal[500, 502, 503, 504] = 502, *, after: bool = False) -> Refuse:
    """A server error; with `after` the write was done nevertheless."""
    return Refuse(Refusal(status, "Server Error"), after=after)


def secondary_with_retry_after(wait: timedelta) -> Refuse:
    return Refuse(secondary_limit(str(int(wait.total_seconds()))))


def secondary_with_date(until: datetime) -> Refuse:
    """`Retry-After` as an HTTP date."""
    return Refuse(secondary_limit(format_datetime(until, usegmt=True)))


def secondary_with_reset(until: datetime) -> Refuse:
    """403 that only says: nothing remains until the reset."""
    headers = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(until.timestamp()))}
    return Refuse(Refusal(403, "API rate limit exceeded", headers=headers))


def secondary_as_text() -> Refuse:
    """403 that says it in words alone."""
    return Refuse(secondary_limit(None))


def secondary_as_abuse() -> Refuse:
    """422 with code "abuse", seen when many comments are made quickly."""
    problem = {"resource": "IssueComment", "field": "body", "code": "abuse", "message": "was submitted too quickly"}
    return Refuse(Refusal(422, "Validation Failed", errors=[problem]))


def too_many_requests() -> Refuse:
    """A plain 429 without any hint."""
    return Refuse(Refusal(429, "Too Many Requests"))


def token_revoked() -> Refuse:
    return Refuse(Refusal(401, "Bad credentials"))


def permission_removed() -> Refuse:
    return Refuse(Refusal(403, "Resource not accessible by integration"))


def uninstalled() -> Refuse:
    return Refuse(Refusal(404, "Not Found"))


@dataclass
class Fault:
    """What goes wrong with requests like this (`*` is anything), from the `nth` one on, `count` times."""

    effect: Effect
    method: str = "*"
    path: str = "*"
    nth: int = 1
    count: int = 1
    seen: int = field(default=0, init=False)
    happened: int = field(default=0, init=False)

    def strikes(self, method: str, path: str) -> bool:
        if self.method not in ("*", method) or not fnmatchcase(path, self.path):
            return False
        self.seen += 1
        if self.seen < self.nth or self.happened >= self.count:
            return False
        self.happened += 1
        return True


class Faults:
    """The script: every fault looks at every request."""

    def __init__(self) -> None:
        self._script: list[Fault] = []

    def add(self, fault: Fault) -> Fault:
        self._script.append(fault)
        return fault

    def clear(self) -> None:
        self._script.clear()

    def striking(self, method: str, path: str) -> Sequence[Effect]:
        """What goes wrong with this request; each fault that looks at it counts it."""
        return [fault.effect for fault in self._script if fault.strikes(method, path)]


async def before(effects: Sequence[Effect]) -> None:
    """What a script does to a request before it takes effect."""
    for effect in effects:
        match effect:
            case Latency(by):
                await asyncio.sleep(by.total_seconds())
            case Refuse(refusal, after=False):
                raise refusal
            case Reset(after=False):
                raise ConnectionCut
            case _:
                pass


def after(effects: Sequence[Effect]) -> None:
    """What a script does once the request took effect."""
    for effect in effects:
        match effect:
            case Refuse(refusal, after=True):
                raise refusal
            case Reset(after=True):
                raise ConnectionCut
            case _:
                pass


def lag(effects: Sequence[Effect]) -> timedelta:
    """How old a thing must be to be in a list."""
    return max((effect.by for effect in effects if isinstance(effect, ListLag)), default=timedelta())
