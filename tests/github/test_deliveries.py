"""Deliveries that never came are read from GitHub's own list."""

import json
from datetime import UTC, datetime

import httpx
import pytest
import respx
from pydantic import JsonValue

from app.domain.errors import RateLimited
from app.domain.events import PullRequestChanged
from app.forges.github.auth import AppAuth
from app.forges.github.client import GitHubClient
from app.forges.github.hooks import GitHubInbox
from tests.github.support import MARIA, pull

SINCE = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)


def guid(number: int) -> str:
    return f"72d3162e-cc78-11e3-81ab-{number:012d}"


def listed(number: int, at: str, *, of: int | None = None) -> JsonValue:
    return {"id": number, "guid": guid(of or number), "delivered_at": at, "event": "pull_request", "status_code": 502}


def detail(title: str) -> httpx.Response:
    body: JsonValue = {
        "action": "opened",
        "repository": {"id": 77, "full_name": "acme/shop"},
        "installation": {"id": 5},
        "sender": MARIA,
        "pull_request": pull(title=title),
    }
    return httpx.Response(200, json={"request": {"headers": {"X-GitHub-Event": "pull_request"}, "payload": body}})


@pytest.fixture
def inbox(client: GitHubClient, auth: AppAuth) -> GitHubInbox:
    return GitHubInbox(client, auth)


async def test_what_we_missed_is_read_oldest_first(api: respx.MockRouter, inbox: GitHubInbox):
    link = '<https://api.github.com/app/hook/deliveries?per_page=100&cursor=v1_100>; rel="next"'
    pages = api.get("/app/hook/deliveries").mock(
        side_effect=[
            httpx.Response(
                200,
                json=[
                    listed(9, "2026-11-21T11:00:00Z", of=3),
                    listed(5, "2026-11-21T10:30:00Z"),
                    listed(4, "2026-11-21T10:00:00Z"),
                ],
                headers={"link": link},
            ),
            httpx.Response(
                200,
                json=[
                    listed(3, "2026-11-21T09:30:00Z"),
                    listed(2, "2026-11-21T08:59:59Z"),
                ],
                headers={"link": link},
            ),
        ]
    )
    for number in (3, 4, 5):
        api.get(f"/app/hook/deliveries/{number}").mock(return_value=detail(str(number)))
    found = await inbox.missed(SINCE, {guid(4)})
    assert [one.delivery_id for one in found] == [guid(3), guid(5)]
    assert pages.call_count == 2
    assert pages.calls[1].request.url.params["cursor"] == "v1_100"
    assert pages.calls[0].request.headers["authorization"].startswith("Bearer ey")
    first = found[0]
    assert json.loads(first.body)["pull_request"]["title"] == "3"
    assert inbox.delivery_id(first.headers, first.body) == first.delivery_id
    assert isinstance(inbox.parse(first.headers, first.body), PullRequestChanged)


async def test_a_limit_half_way_loses_nothing(api: respx.MockRouter, inbox: GitHubInbox):
    api.get("/app/hook/deliveries").respond(
        json=[listed(5, "2026-11-21T10:30:00Z"), listed(4, "2026-11-21T10:00:00Z"), listed(3, "2026-11-21T09:30:00Z")]
    )
    api.get("/app/hook/deliveries/3").respond(404)
    api.get("/app/hook/deliveries/4").mock(return_value=detail("4"))
    api.get("/app/hook/deliveries/5").respond(403, headers={"retry-after": "60"})
    assert [one.delivery_id for one in await inbox.missed(SINCE, set())] == [guid(4)]
    with pytest.raises(RateLimited):
        await inbox.missed(SINCE, {guid(3), guid(4)})
