"""What an answer of GitHub means: the one place that tells a limit from an outage from a refusal."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeVar

import httpx
from pydantic import BaseModel, ConfigDict, ValidationError

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
from app.forges.github.routes import Route

M = TypeVar("M", bound=BaseModel)

_LIMIT_WORDS = ("secondary rate limit", "rate limit exceeded", "abuse detection", "submitted too quickly")


class Problem(BaseModel):
    """One entry of an error list: REST's have a `code`, GraphQL's a `type` and the `path` of the field that failed."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    message: str = ""
    code: str = ""
    type: str | None = None
    path: tuple[str | int, ...] = ()


class _ErrorBody(BaseModel):
    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    message: str = ""
    # Objects for most resources, bare strings for reviews, a string for a few.
    errors: tuple[Problem | str, ...] | str = ()


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
    if answer.status >= 500:
        return ForgeUnavailable(f"{answer.route}: {answer.status}")
    body = _error_body(answer)
    if limited := _limited(answer, body, now):
        return limited
    if answer.status < 400:
        return None
    kinds = {401: Unauthorized, 404: Gone, 410: Gone, 451: Gone}
    return kinds.get(answer.status, ForgeRefused)(answer.status, _message(body))


def notice(answer: Answer, error: Exception | None) -> LimitNotice | None:
    """What the limiter should learn from this answer."""
    if isinstance(error, RateLimited):
        return LimitNotice(kind="primary" if error.kind == "primary" else "secondary", until=error.until)
    # Each resource has a budget of its own; what the limiter guards is the large one of REST.
    if answer.headers.get("x-ratelimit-resource", "core") != "core":
        return None
    remaining = number(answer.headers.get("x-ratelimit-remaining"))
    reset = number(answer.headers.get("x-ratelimit-reset"))
    if remaining is None or reset is None:
        return None
    return LimitNotice(kind="headers", remaining=int(remaining), until=moment(reset))


def _error_body(answer: Answer) -> _ErrorBody:
    graphql = answer.route.template == "/graphql" and b'"errors"' in answer.content
    if answer.status < 400 and not graphql:
        return _ErrorBody()
    try:
        return _ErrorBody.model_validate_json(answer.content)
    except ValidationError:
        return _ErrorBody(message=answer.content[:LONGEST_MESSAGE].decode(errors="replace"))


def _message(body: _ErrorBody) -> str:
    if isinstance(body.errors, str):
        details = [body.errors]
    else:
        details = [error if isinstance(error, str) else error.message or error.code for error in body.errors]
    return "; ".join(text for text in [body.message, *details] if text)[:LONGEST_MESSAGE]


def _limited(answer: Answer, body: _ErrorBody, now: datetime) -> RateLimited | None:
    kind = _limit_kind(answer, body)
    return RateLimited(_until(answer.headers, kind, now), kind) if kind else None


def _limit_kind(answer: Answer, body: _ErrorBody) -> Literal["primary", "secondary"] | None:
    """GitHub says "stop" in many ways: https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api."""
    text = _message(body).lower()
    spoken = any(word in text for word in _LIMIT_WORDS)
    problems = [problem for problem in body.errors if isinstance(problem, Problem)]
    if answer.status == 200:
        if any(problem.type in {"RATE_LIMIT", "RATE_LIMITED"} for problem in problems):
            return "primary"
        return "secondary" if spoken else None
    if answer.status == 422:
        return "secondary" if spoken or any(problem.code == "abuse" for problem in problems) else None
    if answer.status not in {403, 429}:
        return None
    spent = answer.headers.get("x-ratelimit-remaining") == "0"
    if spent and "secondary" not in text and "retry-after" not in answer.headers:
        return "primary"
    return "secondary" if spent or spoken or "retry-after" in answer.headers or answer.status == 429 else None


def _until(headers: httpx.Headers, kind: Literal["primary", "secondary"], now: datetime) -> datetime:
    wait = retry_after(headers.get("retry-after"), now)
    if wait is None and (kind == "primary" or headers.get("x-ratelimit-remaining") == "0"):
        wait = until_reset(number(headers.get("x-ratelimit-reset")), now)
    return end_of_wait(wait, now)
