"""Who is let in: a link that works once, a session under one name, a token in a header, and nobody else."""

from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr
from starlette.requests import Request
from starlette.responses import Response

from app.web.access import CODE_LIFE, SESSION_LIFE, Access, Hosts
from tests.store.samples import StoppedClock
from tests.web.conftest import Desk, serving_desk

ANYWHERE = "0.0.0.0"  # noqa: S104 - nothing is bound to it here
PATHS = ("/", "/runs/01JD5K3Q8W9XYZABCDEFGHJKMN", "/pulls/github/7/12", "/nothing/at/all")


def request(host: str = "127.0.0.1:8377", *, cookie: str = "", **headers: str) -> Request:
    given = {"host": host, **({"cookie": cookie} if cookie else {}), **headers}
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in given.items()]
    return Request({"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": raw})


def access(clock: StoppedClock, *, token: str = "", key: bytes = b"k" * 32, public_url: str = "") -> Access:
    return Access(
        key=key,
        hosts=Hosts(listen_host="127.0.0.1", public_url=public_url),
        token=SecretStr(token) if token else None,
        secure=public_url.startswith("https://"),
        clock=clock,
    )


def session(door: Access, host: str = "127.0.0.1:8377") -> str:
    """The cookie as the browser sends it back."""
    response = Response()
    door.begin_session(request(host), response)
    return response.headers["set-cookie"].partition(";")[0]


@pytest.fixture
def clock() -> StoppedClock:
    return StoppedClock()


async def test_strangers_are_sent_to_the_entry_page(desk: Desk) -> None:
    for path in PATHS:
        answer = await desk.stranger.get(path)
        assert (answer.status_code, answer.headers["location"]) == (303, "/enter")
    assert (await desk.stranger.get("/live/runs", headers={"Accept": "text/event-stream"})).status_code == 401


async def test_the_entry_page_says_how_to_get_in_and_nothing_else(desk: Desk) -> None:
    answer = await desk.stranger.get("/enter")
    assert answer.status_code == 200
    assert "<code>corrigent up</code> prints a link" in answer.text
    assert "<form" not in answer.text


async def test_a_link_works_once(desk: Desk) -> None:
    link = desk.link()
    first = await desk.stranger.get(link)
    assert first.status_code == 200
    assert (await desk.stranger.get("/")).status_code == 200
    desk.stranger.cookies.clear()
    second = await desk.stranger.get(link)
    assert second.status_code == 403
    assert "was used already" in second.text
    assert (await desk.stranger.get("/")).status_code == 303


async def test_a_made_up_code_opens_nothing(desk: Desk) -> None:
    for code in ("x", "", "\0", "é" * 50):
        answer = await desk.stranger.get("/enter", params={"code": code})
        assert "set-cookie" not in answer.headers


async def test_the_cookie_is_out_of_reach_of_scripts_and_of_other_sites(desk: Desk) -> None:
    cookie = (await desk.stranger.get(desk.link())).headers["set-cookie"]
    assert "; HttpOnly" in cookie
    assert "; SameSite=strict" in cookie
    assert "Domain" not in cookie


def test_behind_https_the_cookie_never_travels_in_the_clear(clock: StoppedClock) -> None:
    response = Response()
    access(clock, public_url="https://review.example.com").begin_session(request("review.example.com"), response)
    assert "; Secure" in response.headers["set-cookie"]


def test_a_code_ends_after_ten_minutes(clock: StoppedClock) -> None:
    door = access(clock)
    early, late = door.new_code(), door.new_code()
    clock.move(CODE_LIFE - timedelta(seconds=1))
    assert door.redeem(early)
    clock.move(timedelta(seconds=1))
    assert not door.redeem(late)


def test_unused_links_do_not_pile_up(clock: StoppedClock) -> None:
    door = access(clock)
    codes = [door.new_code() for _ in range(30)]
    assert [door.redeem(code) for code in codes] == [False] * 10 + [True] * 20


def test_a_session_survives_a_restart_and_ends_after_a_week(clock: StoppedClock) -> None:
    cookie = session(access(clock))
    restarted = access(clock)
    assert restarted.viewer(request(cookie=cookie)) is not None
    clock.move(SESSION_LIFE)
    assert restarted.viewer(request(cookie=cookie)) is None


@pytest.mark.parametrize(
    "other",
    [{"key": b"l" * 32}, {"token": "another token"}],
    ids=["another installation", "the operator's token was changed"],
)
def test_a_session_of_something_else_opens_nothing(clock: StoppedClock, other: dict[str, object]) -> None:
    value = session(access(clock)).partition("=")[2]
    door = access(clock, **other)  # type: ignore[arg-type] -- one of two keywords, each of its own type
    assert door.viewer(request(cookie=f"{door.cookie}={value}")) is None


def test_a_stolen_cookie_is_worthless_under_another_name(clock: StoppedClock) -> None:
    door = access(clock, public_url="https://review.example.com")
    cookie = session(door, "review.example.com")
    assert door.viewer(request("review.example.com", cookie=cookie)) is not None
    assert door.viewer(request("127.0.0.1:8377", cookie=cookie)) is None


def test_a_changed_cookie_opens_nothing(clock: StoppedClock) -> None:
    door = access(clock)
    name, _, value = session(door).partition("=")
    token, until, signature = value.split(".")
    forged = [
        f"{token}.{int(until) + 1}.{signature}",
        f"{token}.{until}",
        f"{token}x.{until}.{signature}",
        f".{until}.",
        "é",
        "",
        "..",
    ]
    assert [door.viewer(request(cookie=f"{name}={value}")) for value in forged] == [None] * len(forged)


async def test_a_token_goes_into_the_header_only(tmp_path: Path) -> None:
    async with serving_desk(tmp_path / "home", dashboard_token="s3cret") as desk:
        ask = desk.stranger.get
        assert (await ask("/", headers={"Authorization": "Bearer s3cret"})).status_code == 200
        wrong = await ask("/", headers={"Authorization": "Bearer guess"})
        assert (wrong.status_code, wrong.headers["www-authenticate"]) == (401, "Bearer")
        for address in ("/?token=s3cret", "/enter?token=s3cret", "/enter?code=s3cret"):
            answer = await ask(address)
            assert "set-cookie" not in answer.headers
            assert "<h1>Runs" not in answer.text


async def test_the_operator_s_token_can_be_typed(tmp_path: Path) -> None:
    async with serving_desk(tmp_path / "home", dashboard_token="s3 cret&é") as desk:
        assert 'name="token"' in (await desk.stranger.get("/enter")).text
        assert (await desk.stranger.post("/enter", data={"token": "guess"})).status_code == 403
        assert (await desk.stranger.post("/enter", content=b"x" * 5_000)).status_code == 403
        assert (await desk.stranger.get("/")).status_code == 303
        await desk.stranger.post("/enter", data={"token": "s3 cret&é"})
        assert (await desk.stranger.get("/")).status_code == 200


def test_without_a_fixed_token_none_is_accepted(clock: StoppedClock) -> None:
    assert access(clock).viewer(request(authorization="Bearer ")) is None


async def test_other_people_s_names_are_not_answered(desk: Desk) -> None:
    link = desk.link()
    foreign = ("evil.example", "127.0.0.1.evil.example", "evil.example@127.0.0.1:1", "10.0.0.9", "", "[")
    for host in foreign:
        for path in ("/", link):
            answer = await desk.client.get(path, headers={"Host": host})
            assert answer.status_code == 403, host
            assert "Not under this name" in answer.text
    # The link was not used up by them.
    assert (await desk.stranger.get(link)).status_code == 200


@pytest.mark.parametrize(
    ("listen_host", "public_url", "host", "ours"),
    [
        ("127.0.0.1", "https://review.example.com", "review.example.com", True),
        ("127.0.0.1", "https://review.example.com", "REVIEW.example.com:443", True),
        ("10.1.2.3", "", "10.1.2.3:8377", True),
        ("10.1.2.3", "", "10.1.2.4:8377", False),
        (ANYWHERE, "", "10.1.2.4:8377", True),
        (ANYWHERE, "", "[fd00::1]:8377", True),
        (ANYWHERE, "", "evil.example", False),
        ("::", "", "127.0.0.1", True),
    ],
)
def test_which_names_are_ours(listen_host: str, public_url: str, host: str, ours: bool) -> None:
    assert Hosts(listen_host=listen_host, public_url=public_url).include(request(host)) is ours


async def test_a_link_on_the_forge_opens_the_page_for_somebody_signed_in(desk: Desk) -> None:
    """The browser hides a strict cookie from such a visit, and shows it once the page goes on by itself."""
    headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    answer = await desk.stranger.get("/runs/abc?x=1&y=2", headers=headers)
    assert answer.status_code == 200
    assert '<meta http-equiv="refresh" content="0; url=/runs/abc?x=1&amp;y=2">' in answer.text
    elsewhere = httpx.URL(f"http://127.0.0.1:{desk.state.port}").copy_with(raw_path=b"//evil.example/x")
    away = await desk.stranger.get(elsewhere, headers=headers)
    assert "url=/evil.example/x" in away.text


async def test_every_answer_tells_the_browser_to_load_and_run_nothing_of_others(desk: Desk) -> None:
    paths = ("/", "/enter", "/nothing", "/healthz", "/metrics", "/static/app.css", "/hooks/github")
    for answer in [await desk.client.get(path) for path in paths]:
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "http" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"


async def test_pages_are_not_kept_and_assets_are(desk: Desk) -> None:
    assert (await desk.client.get("/")).headers["cache-control"] == "no-store"
    assert "immutable" in (await desk.stranger.get("/static/app.js")).headers["cache-control"]


async def test_nothing_else_is_served(desk: Desk) -> None:
    home = httpx.URL(f"http://127.0.0.1:{desk.state.port}")
    for path in ("/docs", "/openapi.json", "/redoc", "/static/../main.py", "/static/%2e%2e/access.py"):
        answer = await desk.client.get(home.copy_with(raw_path=path.encode()))
        assert answer.status_code == 404
        assert "import" not in answer.text


async def test_what_does_not_exist_is_said_in_a_page(desk: Desk) -> None:
    answer = await desk.client.get("/runs/01JD5K3Q8W9XYZABCDEFGHJKMN")
    assert answer.status_code == 404
    assert "There is nothing here, or nothing that you may see." in answer.text
