"""What the answers of all forges have in common: bodies that may be cut short, and waits told in headers."""

import math
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import TypeVar

import httpx
from pydantic import BaseModel, TypeAdapter, ValidationError

from app.domain.errors import ForgeRefused, ForgeUnavailable, Unanswered

M = TypeVar("M", bound=BaseModel)

# How long do we wait when a forge says "stop" and no more? GitHub asks for "at least one minute", GitLab's windows are
# minutes.
LEAST_WAIT = timedelta(seconds=60)
# How far in the future do we believe a limit's end?
LONGEST_WAIT = timedelta(hours=24)
# How much of a refusal's text do we keep?
LONGEST_MESSAGE = 1000


class Unauthorized(ForgeRefused):
    """401: the token is not valid (any more)."""


def read_object(content: bytes, shape: type[M], asked: object) -> M:
    """The body, an object. A body that is no JSON was cut on its way, whatever its status said."""
    with _whole(asked):
        return shape.model_validate_json(content)


def read_list(content: bytes, shape: type[M], asked: object) -> list[M]:
    """The body, a list."""
    with _whole(asked):
        return _list_of(shape).validate_json(content)


def no_answer(cause: httpx.HTTPError, asked: str) -> ForgeUnavailable:
    """What it means that nothing came: `Unanswered` if the forge may have heard us."""
    unheard = isinstance(cause, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)
    return (ForgeUnavailable if unheard else Unanswered)(f"{asked}: {type(cause).__name__}")


@contextmanager
def _whole(asked: object) -> Generator[None, None, None]:
    try:
        yield
    except ValidationError as error:
        if error.errors(include_input=False)[0]["type"] != "json_invalid":
            raise
        raise ForgeUnavailable(f"{asked}: the answer was cut short") from error


@lru_cache(maxsize=200)
def _list_of(shape: type[M]) -> TypeAdapter[list[M]]:
    # The type is known at run time only, which no checker can follow.
    return TypeAdapter(list[shape])  # pyright: ignore[reportInvalidTypeForm]


def end_of_wait(wait: timedelta | None, now: datetime) -> datetime:
    """Until when nothing is sent, whatever the forge said of it."""
    if wait is None or wait <= timedelta():
        wait = LEAST_WAIT
    return now + min(wait, LONGEST_WAIT)


def until_reset(reset: float | None, now: datetime) -> timedelta | None:
    """One second more: the reset is cut to whole seconds."""
    return None if reset is None else moment(reset) - now + timedelta(seconds=1)


def retry_after(value: str | None, now: datetime) -> timedelta | None:
    """Seconds or an HTTP date, as RFC 9110 allows both."""
    if value is None:
        return None
    seconds = number(value)
    if seconds is not None:
        return timedelta(seconds=min(seconds, LONGEST_WAIT.total_seconds()))
    try:
        date = parsedate_to_datetime(value)
    except ValueError:
        return LEAST_WAIT
    return (date if date.tzinfo else date.replace(tzinfo=UTC)) - now


def number(value: str | None) -> float | None:
    try:
        found = float(value or "")
    except ValueError:
        return None
    return found if math.isfinite(found) else None


def moment(seconds: float) -> datetime:
    """A point in time from seconds since 1970; one that no calendar has is in the far future."""
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return datetime.max.replace(tzinfo=UTC) - timedelta(days=2)
