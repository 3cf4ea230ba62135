"""Every way in which GitHub says no, and what we make of it."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from pydantic import JsonValue

from app.domain.errors import ForgeRefused, ForgeUnavailable, Gone, RateLimited
from app.forges.answering import Unauthorized
from app.forges.github import routes
from app.forges.github.answers import Answer, notice, refusal

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
DAY = timedelta(hours=24)
SPENT = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int((NOW + 20 * MINUTE).timestamp()))}
SECONDARY: JsonValue = {"message": "You have exceeded a secondary rate limit. Please wait a few minutes."}
PLAIN: JsonValue = {"message": "API rate limit exceeded for installation ID 5."}


def answer(
    status: int, body: JsonValue = None, headers: dict[str, str] | None = None, route: routes.Route = routes.PULL
) -> Answer:
    made = httpx.Response(status, json=body, headers=headers or {})
    return Answer(route, status, made.headers, made.content)


@dataclass(frozen=True)
class Limit:
    """An answer that says "stop", and until when."""

    name: str
    status: int
    wait: timedelta
    kind: str = "secondary"
    body: JsonValue = None
    headers: dict[str, str] = field(default_factory=dict[str, str])
    route: routes.Route = routes.CREATE_REVIEW


LIMITS = [
    Limit("primary, 403", 403, 20 * MINUTE + timedelta(seconds=1), "primary", PLAIN, SPENT),
    Limit("primary, 429", 429, 20 * MINUTE + timedelta(seconds=1), "primary", PLAIN, SPENT),
    Limit("primary, the reset is over", 403, MINUTE, "primary", PLAIN, {**SPENT, "x-ratelimit-reset": "1000"}),
    Limit("primary without a reset", 403, MINUTE, "primary", PLAIN, {"x-ratelimit-remaining": "0"}),
    Limit("primary, a reset nobody lives to see", 403, DAY, "primary", PLAIN, {**SPENT, "x-ratelimit-reset": "1e300"}),
    Limit("retry-after in seconds", 403, 2 * MINUTE, body=SECONDARY, headers={"retry-after": "120"}),
    Limit(
        "retry-after as a date",
        403,
        3 * MINUTE,
        body=SECONDARY,
        headers={"retry-after": "Sat, 21 Nov 2026 12:03:00 GMT"},
    ),
    Limit("a date that is over", 403, MINUTE, headers={"retry-after": "Sat, 21 Nov 2026 11:00:00 GMT"}),
    Limit("retry-after 0", 429, MINUTE, headers={"retry-after": "0"}),
    Limit("retry-after -1", 403, MINUTE, headers={"retry-after": "-1"}),
    Limit("retry-after beyond belief", 403, DAY, headers={"retry-after": "1000000000"}),
    Limit("retry-after infinite", 403, MINUTE, headers={"retry-after": "inf"}),
    Limit("retry-after in words", 403, MINUTE, headers={"retry-after": "soon"}),
    Limit("secondary with nothing remaining", 403, 20 * MINUTE + timedelta(seconds=1), body=SECONDARY, headers=SPENT),
    Limit("words only", 403, MINUTE, body=SECONDARY, headers={"x-ratelimit-remaining": "4000"}),
    Limit("old words only", 403, MINUTE, body={"message": "You have triggered an abuse detection mechanism."}),
    Limit("429 and no more", 429, MINUTE),
    Limit("429, not even JSON", 429, MINUTE, body="slow down"),
    Limit("422 abuse", 422, MINUTE, body={"message": "Validation Failed", "errors": [{"code": "abuse"}]}),
    Limit(
        "422 too quickly", 422, MINUTE, body={"message": "Validation Failed", "errors": ["was submitted too quickly"]}
    ),
    Limit(
        "GraphQL, 200",
        200,
        20 * MINUTE + timedelta(seconds=1),
        "primary",
        {"errors": [{"type": "RATE_LIMITED", "message": "API rate limit exceeded"}]},
        SPENT,
        routes.GRAPHQL_QUERY,
    ),
    Limit("GraphQL, words only", 200, MINUTE, body={"errors": [SECONDARY]}, route=routes.GRAPHQL_MUTATION),
]


@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: limit.name)
def test_a_limit_is_known_in_every_form(limit: Limit):
    given = answer(limit.status, limit.body, limit.headers, limit.route)
    error = refusal(given, NOW)
    assert isinstance(error, RateLimited)
    assert error.until - NOW == limit.wait
    learnt = notice(given, error)
    assert learnt is not None
    assert (learnt.kind, learnt.until) == (limit.kind, error.until)


REFUSALS: list[tuple[int, JsonValue, type[Exception], str]] = [
    (400, {"message": "Problems parsing JSON"}, ForgeRefused, "Problems parsing JSON"),
    (401, {"message": "Bad credentials"}, Unauthorized, "Bad credentials"),
    (
        403,
        {"message": "Resource not accessible by integration"},
        ForgeRefused,
        "Resource not accessible by integration",
    ),
    (404, {"message": "Not Found"}, Gone, "Not Found"),
    (410, {"message": "Issues are disabled"}, Gone, "Issues are disabled"),
    (451, {"message": "Repository access blocked"}, Gone, "Repository access blocked"),
    (
        422,
        {"message": "Unprocessable Entity", "errors": ["Line must be part of the diff"]},
        ForgeRefused,
        "part of the diff",
    ),
    (422, {"message": "Validation Failed", "errors": "Could not add it"}, ForgeRefused, "Could not add it"),
    (422, {"message": "Validation Failed", "errors": [{"message": "body is too long"}]}, ForgeRefused, "too long"),
    (409, "no object at all", ForgeRefused, "no object at all"),
    (500, None, ForgeUnavailable, "500"),
    (502, "<html>", ForgeUnavailable, "502"),
    (503, {"message": "secondary rate limit"}, ForgeUnavailable, "503"),
]


@pytest.mark.parametrize(("status", "body", "kind", "text"), REFUSALS)
def test_a_refusal_is_told_from_an_outage(status: int, body: JsonValue, kind: type[Exception], text: str):
    error = refusal(answer(status, body), NOW)
    assert type(error) is kind
    assert text in str(error)


def test_a_refusal_never_carries_a_whole_page():
    error = refusal(answer(400, "x" * 100_000), NOW)
    assert isinstance(error, ForgeRefused)
    assert len(error.message) == 1000


def test_the_budget_is_learnt_from_every_answer_but_not_from_another_resource():
    headers = {"x-ratelimit-remaining": "4711", "x-ratelimit-reset": str(int(NOW.timestamp()))}
    learnt = notice(answer(200, {}, headers), None)
    assert learnt is not None
    assert (learnt.kind, learnt.remaining, learnt.until) == ("headers", 4711, NOW)
    assert notice(answer(200, {}, {**headers, "x-ratelimit-resource": "graphql"}), None) is None
    # An Enterprise Server with limits off says nothing.
    assert notice(answer(200, {}), None) is None


def test_comments_that_speak_of_limits_are_no_limits():
    body: JsonValue = {"data": {"body": "secondary rate limit"}, "message": "secondary rate limit"}
    assert refusal(answer(200, body), NOW) is None
    assert refusal(answer(200, {"data": {"body": "secondary rate limit"}}, route=routes.GRAPHQL_QUERY), NOW) is None
