"""What an answer of GitLab means: the one place that tells a limit from an outage from a refusal."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

import httpx
from pydantic import BaseModel, JsonValue

from app.domain.errors import ForgeRefused, ForgeUnavailable, Gone, RateLimited
from app.forges.answering import (
    LONGEST_MESSAGE,
    Unauthorized,
    end_of_wait,
    moment,
    number,
    read_list,
    read_object,
    retry_after,
    until_reset,
)
from app.forges.base import LimitNotice
from app.forges.gitlab.routes import Route

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True)
class Answer:
    """An answer as it came."""

    route: Route
    status: int
    headers: httpx.Headers
    content: bytes

    def read(self, shape: type[M]) -> M:
        return read_object(self.content, shape, self.route)

    def read_list(self, shape: type[M]) -> list[M]:
        return read_list(self.content, shape, self.route)


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
    remaining = number(answer.headers.get("ratelimit-remaining"))
    reset = number(answer.headers.get("ratelimit-reset"))
    if remaining is None or reset is None:
        return None
    return LimitNotice(kind="headers", remaining=int(remaining), until=moment(reset))


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
    wait = retry_after(headers.get("retry-after"), now)
    if wait is None:
        wait = until_reset(number(headers.get("ratelimit-reset")), now)
    return end_of_wait(wait, now)
