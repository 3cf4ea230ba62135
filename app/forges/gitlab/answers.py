"""What an answer of GitLab means: the one place that tells a limit from an outage from a refusal."""

import json
import math
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import TypeVar

import httpx
from pydantic import BaseModel, JsonValue, TypeAdapter, ValidationError

from app.domain.errors import ForgeRefused, ForgeUnavailable, Gone, RateLimited
from app.forges.base import LimitNotice
from app.forges.gitlab.routes import Route

M = TypeVar("M", bound=BaseModel)

# How long do we wait when GitLab says "Retry later" and no more? Its windows are minutes.
LEAST_WAIT = timedelta(seconds=60)
# How far in the future do we believe a limit's end?
LONGEST_WAIT = timedelta(hours=24)
# How much of a refusal's text do we keep?
LONGEST_MESSAGE = 1000


class Unauthorized(ForgeRefused):
    """401: the token is not valid (any more)."""


@dataclass(frozen=True)
class Answer:
    """An answer as it came."""

    route: Route
    status: int
    headers: httpx.Headers
    content: bytes

    def read(self, shape: type[M]) -> M:
        """The body, an object. A body that is no JSON was cut on its way, whatever its status said."""
        with self._whole():
            return shape.model_validate_json(self.content)

    def read_list(self, shape: type[M]) -> list[M]:
        """The body, a list."""
        with self._whole():
            return _list_of(shape).validate_json(self.content)

    @contextmanager
    def _whole(self) -> Generator[None, None, None]:
        try:
            yield
        except ValidationError as error:
            if error.errors(include_input=False)[0]["type"] != "json_invalid":
                raise
            raise ForgeUnavailable(f"{self.route}: the answer was cut short") from error


@lru_cache(maxsize=100)
def _list_of(shape: type[M]) -> TypeAdapter[list[M]]:
    # The type is known at run time only, which no checker can follow.
    return TypeAdapter(list[shape])  # pyright: ignore[reportInvalidTypeForm]


def refusal(answer: Answer, now: datetime) -> Exception | None:
    """The error this answer stands for; None when it is what was asked for, or a redirect."""
    if answer.status == 429:
        return RateLimited(_until(answer.headers, now), "primary")
    # 409 is a lock, or two writes at once: the same call works a moment later.
    if answer.status >= 500 or answer.status == 409:
        return ForgeUnavailable(f"{answer.route}: {answer.status}")
    if answer.status < 400:
        return None
    kinds = {401: Unauthorized, 404: Gone, 410: Gone, 451: Gone}
    return kinds.get(answer.status, ForgeRefused)(answer.status, _message(answer.content))


def notice(answer: Answer, error: Exception | None) -> LimitNotice | None:
    """What the limiter should learn from this answer."""
    if isinstance(error, RateLimited):
        return LimitNotice(kind="primary", until=error.until)
    remaining = _number(answer.headers.get("ratelimit-remaining"))
    reset = _number(answer.headers.get("ratelimit-reset"))
    if remaining is None or reset is None:
        return None
    return LimitNotice(kind="headers", remaining=int(remaining), until=_moment(reset))


def _message(content: bytes) -> str:
    """GitLab's words: plain text, {"message": text, list or object}, {"error": …, "error_description": …}."""
    text = content[: 4 * LONGEST_MESSAGE].decode(errors="replace")
    try:
        body: JsonValue = json.loads(content)
    except (ValueError, RecursionError):
        return text[:LONGEST_MESSAGE]
    if isinstance(body, dict):
        parts = [body.get("message"), body.get("error"), body.get("error_description")]
        text = "; ".join(_words(part) for part in parts if part)
    return text[:LONGEST_MESSAGE]


def _words(part: JsonValue) -> str:
    if isinstance(part, dict):
        return ", ".join(f"{name} {_words(value)}" for name, value in part.items())
    return ", ".join(_words(item) for item in part) if isinstance(part, list) else str(part)


def _until(headers: Mapping[str, str], now: datetime) -> datetime:
    wait = _retry_after(headers.get("retry-after"), now)
    reset = _number(headers.get("ratelimit-reset"))
    if wait is None and reset is not None:
        # One second more: the reset is cut to whole seconds.
        wait = _moment(reset) - now + timedelta(seconds=1)
    if wait is None or wait <= timedelta():
        wait = LEAST_WAIT
    return now + min(wait, LONGEST_WAIT)


def _retry_after(value: str | None, now: datetime) -> timedelta | None:
    """Seconds or an HTTP date, as RFC 9110 allows both."""
    if value is None:
        return None
    seconds = _number(value)
    if seconds is not None:
        return timedelta(seconds=min(seconds, LONGEST_WAIT.total_seconds()))
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return LEAST_WAIT
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - now


def _number(value: str | None) -> float | None:
    try:
        number = float(value or "")
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _moment(seconds: float) -> datetime:
    """A point in time from seconds since 1970; one that no calendar has is in the far future."""
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return datetime.max.replace(tzinfo=UTC) - timedelta(days=2)
