"""The fake GitHub's limits hold by themselves, and its bad weather comes by script."""

import asyncio
import time
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from app.forges.fake import faults
from app.forges.fake.faults import Effect, Latency, ListLag, Reset, Truncate
from app.forges.fake.limits import LimitSettings
from app.forges.fake.repo_scenario import FakeRepo
from app.forges.fake.scenario import FakeForge
from tests.contracts.support import installation

COMMENTS = "/repos/acme/shop/issues/1/comments"


@pytest.fixture
async def repo(forge: FakeForge) -> FakeRepo:
    repo = await forge.create_repo("acme/shop")
    await repo.open_pull_request(changes={"a.txt": "1\n"})
    return repo


@pytest.fixture
async def http(forge: FakeForge, repo: FakeRepo) -> AsyncGenerator[httpx.AsyncClient]:
    app = await forge.install_app()
    async with installation(forge, app) as http:
        yield http


async def say(http: httpx.AsyncClient, body: str = "Hello") -> httpx.Response:
    return await http.post(COMMENTS, json={"body": body})


async def said(http: httpx.AsyncClient) -> list[str]:
    return [one["body"] for one in (await http.get(COMMENTS)).json()]


async def test_the_hourly_budget_is_on_every_answer_and_ends(forge: FakeForge, http: httpx.AsyncClient) -> None:
    forge.set_limits(LimitSettings(per_hour=3))
    answers = [await http.get("/repos/acme/shop") for _ in range(4)]
    assert [one.headers["x-ratelimit-remaining"] for one in answers] == ["2", "1", "0", "0"]
    assert answers[0].headers["x-ratelimit-resource"] == "core"
    assert (answers[3].status_code, "API rate limit exceeded" in answers[3].json()["message"]) == (403, True)
    assert int(answers[3].headers["x-ratelimit-reset"]) > time.time()
    free = (await http.get("/rate_limit")).json()
    assert (free["rate"]["remaining"], free["resources"]["core"]["limit"]) == (0, 3)
    forge.advance(timedelta(hours=1))
    # The token is as old as the budget.
    assert (await http.get("/repos/acme/shop")).status_code == 401
    assert forge.limit_refusals == 1


async def test_graphql_says_it_in_a_200(forge: FakeForge, http: httpx.AsyncClient) -> None:
    forge.set_limits(LimitSettings(per_hour=1))
    answers = [await http.post("/graphql", json={"query": "{ viewer { login } }"}) for _ in range(2)]
    assert answers[0].json()["data"]["viewer"]["login"] == "corrigent"
    assert (answers[1].status_code, answers[1].json()["errors"][0]["type"]) == (200, "RATE_LIMITED")
    assert answers[1].headers["x-ratelimit-resource"] == "graphql"


SECONDARY = [
    ("content a minute", LimitSettings(content_per_minute=2)),
    ("content an hour", LimitSettings(content_per_hour=2)),
    ("points a minute", LimitSettings(points_per_minute=11)),
]


@pytest.mark.parametrize("limits", [row[1] for row in SECONDARY], ids=[row[0] for row in SECONDARY])
async def test_bursts_are_refused(forge: FakeForge, http: httpx.AsyncClient, limits: LimitSettings) -> None:
    forge.set_limits(limits)
    answers = [await say(http) for _ in range(3)]
    assert [one.status_code for one in answers] == [201, 201, 403]
    assert "secondary rate limit" in answers[2].json()["message"]
    assert answers[2].headers["retry-after"] == "60"
    assert forge.limit_refusals == 1
    forge.set_limits(LimitSettings())
    assert len(await said(http)) == 2


async def test_a_minute_later_it_goes_on(forge: FakeForge, http: httpx.AsyncClient) -> None:
    forge.set_limits(LimitSettings(content_per_minute=1))
    assert [(await say(http)).status_code for _ in range(2)] == [201, 403]
    forge.advance(timedelta(seconds=61))
    assert (await say(http)).status_code == 201


async def test_too_many_at_once_are_refused(forge: FakeForge, http: httpx.AsyncClient) -> None:
    forge.set_limits(LimitSettings(concurrent=3))
    forge.fault(Latency(timedelta(seconds=0.3)), method="GET", count=10)
    answers = await asyncio.gather(*(http.get("/repos/acme/shop") for _ in range(5)))
    assert sorted(one.status_code for one in answers) == [200, 200, 200, 403, 403]


async def test_the_documented_numbers_are_the_default() -> None:
    limits = LimitSettings()
    assert (limits.per_hour, limits.concurrent, limits.points_per_minute) == (5_000, 100, 900)
    assert (limits.content_per_minute, limits.content_per_hour, limits.graphql_points_per_minute) == (80, 500, 2_000)


# Nobody compares it with a clock.
A_DATE = datetime(2031, 5, 7, 12, 30, tzinfo=UTC)
REFUSALS: list[tuple[str, Effect, int, dict[str, str]]] = [
    ("502", faults.bad_gateway(), 502, {}),
    ("503", faults.bad_gateway(503), 503, {}),
    ("wait in seconds", faults.secondary_with_retry_after(timedelta(seconds=7)), 403, {"retry-after": "7"}),
    (
        "wait as a date",
        faults.secondary_with_date(A_DATE),
        403,
        {"retry-after": A_DATE.strftime("%a, %d %b %Y %H:%M:%S GMT")},
    ),
    ("nothing remains", faults.secondary_with_reset(A_DATE), 403, {"x-ratelimit-remaining": "0"}),
    ("in words", faults.secondary_as_text(), 403, {}),
    ("as abuse", faults.secondary_as_abuse(), 422, {}),
    ("429", faults.too_many_requests(), 429, {}),
    ("revoked", faults.token_revoked(), 401, {}),
    ("no permission", faults.permission_removed(), 403, {}),
    ("gone", faults.uninstalled(), 404, {}),
]


@pytest.mark.parametrize(
    ("effect", "status", "headers"), [row[1:] for row in REFUSALS], ids=[row[0] for row in REFUSALS]
)
async def test_a_refusal_comes_once_and_nothing_was_done(
    forge: FakeForge, http: httpx.AsyncClient, effect: Effect, status: int, headers: dict[str, str]
) -> None:
    fault = forge.fault(effect, method="POST", path="/repos/*/issues/*/comments", nth=2)
    first, second, third = [await say(http, f"Try {number}") for number in (1, 2, 3)]
    assert [one.status_code for one in (first, second, third)] == [201, status, 201]
    assert {name: second.headers[name] for name in headers} == headers
    assert ("retry-after" in second.headers) == ("retry-after" in headers)
    assert await said(http) == ["Try 1", "Try 3"]
    assert fault.happened == 1


@pytest.mark.parametrize("effect", [faults.bad_gateway(after=True), Reset(after=True), Truncate()])
async def test_it_was_done_although_the_answer_says_otherwise(
    forge: FakeForge, http: httpx.AsyncClient, effect: Effect
) -> None:
    forge.fault(effect, method="POST", path=COMMENTS)
    try:
        answer = await say(http)
    except (httpx.ReadError, httpx.RemoteProtocolError):
        assert isinstance(effect, Reset | Truncate)
    else:
        assert answer.status_code == 502
    assert await said(http) == ["Hello"]


async def test_a_connection_cut_before_leaves_nothing(forge: FakeForge, http: httpx.AsyncClient) -> None:
    forge.fault(Reset(), method="POST", path=COMMENTS)
    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        await say(http)
    assert await said(http) == []


async def test_lists_may_lag_behind(forge: FakeForge, http: httpx.AsyncClient) -> None:
    forge.fault(ListLag(timedelta(seconds=5)), method="GET", path=COMMENTS, count=2)
    made = (await say(http)).json()
    assert await said(http) == []
    assert (await http.get(f"/repos/acme/shop/issues/comments/{made['id']}")).status_code == 200
    forge.advance(timedelta(seconds=6))
    assert await said(http) == ["Hello"]


async def test_an_answer_may_come_late(forge: FakeForge, http: httpx.AsyncClient) -> None:
    forge.fault(Latency(timedelta(seconds=0.15)), path=COMMENTS, count=1)
    started = time.perf_counter()
    await said(http)
    assert time.perf_counter() - started >= 0.15
