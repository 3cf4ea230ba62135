"""What GitLab answers and what that means; where the client goes, and where it never goes."""

from datetime import timedelta
from pathlib import Path

import httpx
import pytest
import respx
from pydantic import SecretStr

from app.domain.errors import ForgeRefused, ForgeUnavailable, Gone, RateLimited, UserError
from app.forges.answering import Unauthorized
from app.forges.gitlab import routes
from app.forges.gitlab.answers import Answer, notice, refusal
from app.forges.gitlab.calls import Calls
from app.forges.gitlab.client import GitLabClient
from app.forges.gitlab.models import NoteShape, UserShape
from tests.gitlab.support import API, BOT, MERGE, TOKEN, RememberingLimits, at, connection

NOW = at("2026-11-21T12:00:00+00:00")
SOON = str(int((NOW + timedelta(seconds=90)).timestamp()))


def answer(status: int, content: bytes = b"", **headers: str) -> Answer:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(routes.ME, status, httpx.Headers(names), content)


MEANINGS = [
    ("not authorised", answer(401, b'{"message":"401 Unauthorized"}'), Unauthorized, "401 Unauthorized"),
    ("not allowed", answer(403, b'{"message":"403 Forbidden"}'), ForgeRefused, "403 Forbidden"),
    (
        "without the scope",
        answer(403, b'{"error":"insufficient_scope","error_description":"needs api"}'),
        ForgeRefused,
        "insufficient_scope; needs api",
    ),
    ("gone", answer(404, b'{"message":"404 Project Not Found"}'), Gone, "404 Project Not Found"),
    ("a wrong field", answer(400, b'{"message":{"line_code":["is wrong"]}}'), ForgeRefused, "line_code is wrong"),
    ("plain text", answer(422, b"Unprocessable"), ForgeRefused, "Unprocessable"),
    ("nested too deeply", answer(400, b"[" * 100_000), ForgeRefused, ""),
    ("two at once", answer(409, b'{"message":"409 Conflict"}'), ForgeUnavailable, "409"),
    ("away", answer(502, b"<html>"), ForgeUnavailable, "502"),
]


@pytest.mark.parametrize(("given", "kind", "words"), [row[1:] for row in MEANINGS], ids=[row[0] for row in MEANINGS])
def test_what_a_refusal_means(given: Answer, kind: type[Exception], words: str) -> None:
    error = refusal(given, NOW)
    assert type(error) is kind
    assert words in str(error)
    assert len(str(error)) < 1100


WAITS = [
    ("plain text and nothing else", answer(429, b"Retry later\n"), 60),
    ("seconds", answer(429, b"Retry later", retry_after="17"), 17),
    ("a date", answer(429, retry_after="Sat, 21 Nov 2026 12:00:30 GMT"), 30),
    ("a date that is none", answer(429, retry_after="soon"), 60),
    ("in the past", answer(429, retry_after="Sat, 21 Nov 2026 11:00:30 GMT"), 60),
    ("a reset", answer(429, ratelimit_reset=SOON), 91),
    ("both", answer(429, retry_after="5", ratelimit_reset=SOON), 5),
    ("for ever", answer(429, retry_after="9" * 20), 24 * 3600),
    ("never", answer(429, retry_after="nan"), 60),
]


@pytest.mark.parametrize(("given", "seconds"), [row[1:] for row in WAITS], ids=[row[0] for row in WAITS])
def test_how_long_a_limit_lasts(given: Answer, seconds: int) -> None:
    error = refusal(given, NOW)
    assert isinstance(error, RateLimited)
    assert error.until - NOW == timedelta(seconds=seconds)
    learnt = notice(given, error)
    assert learnt is not None
    assert learnt.until == error.until


def test_what_is_left_is_learnt_from_any_answer() -> None:
    learnt = notice(answer(200, b"{}", ratelimit_remaining="7", ratelimit_reset=SOON), None)
    assert learnt is not None
    assert (learnt.kind, learnt.remaining) == ("headers", 7)
    assert notice(answer(200, b"{}"), None) is None
    assert notice(answer(200, b"{}", ratelimit_remaining="7", ratelimit_reset="1e99"), None) is not None


async def test_a_call_has_the_token_below_the_prefix(
    client: GitLabClient, api: respx.MockRouter, limits: RememberingLimits
) -> None:
    route = api.get("/user").respond(json=BOT)
    assert (await client.send(routes.ME)).read(UserShape).username == "group_5_bot_3f"
    request = route.calls.last.request
    assert request.headers["private-token"] == TOKEN
    assert str(request.url) == "https://gitlab.acme.example/git/api/v4/user"
    assert limits.admitted == [False]


async def test_a_new_token_is_used_from_then_on(client: GitLabClient, api: respx.MockRouter) -> None:
    route = api.get("/user").respond(json=BOT)
    client.use(SecretStr("glpat-new"))
    await client.send(routes.ME)
    assert route.calls.last.request.headers["private-token"] == "glpat-new"


async def test_a_part_of_an_address_stays_a_part(client: GitLabClient, api: respx.MockRouter) -> None:
    route = api.get(path__regex=".*").respond(json={})
    await client.send(routes.BRANCH, repo="77", branch="feature/a?b#c%2f")
    assert route.calls.last.request.url.raw_path.endswith(b"/branches/feature%2Fa%3Fb%23c%252f")
    for bad in ("..", "a/../b", "", "a\nb"):
        with pytest.raises(ValueError, match="cannot be the branch"):
            await client.send(routes.BRANCH, repo="77", branch=bad)


AWAY = [
    "https://evil.example/git/api/v4/user",
    "http://gitlab.acme.example/git/api/v4/user",
    "https://gitlab.acme.example:8443/git/api/v4/user",
    "https://gitlab.acme.example/other/api/v4/user",
    "https://gitlab.acme.example/git/api/v4evil/user",
    "https://maria@gitlab.acme.example/git/api/v4/user",
    "//evil.example/git/api/v4/user",
    "http://169.254.169.254/latest/meta-data",
]


@pytest.mark.parametrize("target", AWAY)
async def test_a_redirect_to_another_place_is_not_followed(
    client: GitLabClient, api: respx.MockRouter, target: str
) -> None:
    api.get("/user").respond(302, headers={"location": target})
    with pytest.raises(ForgeRefused, match="redirected"):
        await client.send(routes.ME)
    assert api.calls.call_count == 1


async def test_a_read_is_redirected_within_the_api(client: GitLabClient, api: respx.MockRouter) -> None:
    api.get("/user").respond(301, headers={"location": f"{API}/users/900"})
    api.get("/users/900").respond(json=BOT)
    assert (await client.send(routes.ME)).status == 200


async def test_a_write_is_never_redirected(client: GitLabClient, api: respx.MockRouter) -> None:
    api.post(f"{MERGE}/notes").respond(307, headers={"location": f"{API}/user"})
    with pytest.raises(ForgeRefused, match="redirected"):
        await client.send(routes.CREATE_NOTE, repo="77", number=12, json={"body": "x"})


async def test_a_circle_ends(client: GitLabClient, api: respx.MockRouter) -> None:
    route = api.get("/user").respond(302, headers={"location": f"{API}/user"})
    with pytest.raises(ForgeRefused):
        await client.send(routes.ME)
    assert route.call_count == 4


PAGES = [
    ("by link", {"link": f'<{API}{MERGE}/notes?page=2&per_page=100>; rel="next"'}, {"page": "2"}),
    ("by a link that leads away", {"link": '<https://evil.example/x?page=2>; rel="next"'}, {"page": "2"}),
    ("by header", {"x-next-page": "2"}, {"page": "2"}),
    ("by keyset", {"link": f'<{API}/x?id_after=42&pagination=keyset>; rel="next"'}, {"id_after": "42"}),
]


@pytest.mark.parametrize(("headers", "asked"), [row[1:] for row in PAGES], ids=[row[0] for row in PAGES])
async def test_every_page_is_read_and_asked_for_by_us(
    client: GitLabClient, api: respx.MockRouter, headers: dict[str, str], asked: dict[str, str]
) -> None:
    second = api.get(f"{MERGE}/notes", params__contains=asked).respond(json=[{"id": 2}])
    api.get(f"{MERGE}/notes").respond(json=[{"id": 1}], headers=headers)
    calls = Calls(client, routes.WRITER_ROUTES)
    found = await calls.all(routes.NOTES, NoteShape, repo="77", number=12)
    assert [note.id for note in found] == [1, 2]
    assert second.call_count == 1


async def test_a_list_that_names_the_same_page_for_ever_ends(client: GitLabClient, api: respx.MockRouter) -> None:
    route = api.get(f"{MERGE}/notes").respond(json=[{"id": 1}], headers={"x-next-page": "2"})
    await Calls(client, routes.WRITER_ROUTES).all(routes.NOTES, NoteShape, repo="77", number=12)
    assert route.call_count == 2


async def test_the_reader_cannot_write(client: GitLabClient) -> None:
    with pytest.raises(RuntimeError, match="not among the routes"):
        await Calls(client, routes.READER_ROUTES).send(routes.CREATE_NOTE, repo="77", number=12)
    assert all(route.method == "GET" for route in routes.READER_ROUTES)


def test_the_poster_can_neither_approve_nor_merge() -> None:
    forbidden = ("approve", "/merge", "rebase", "repository/commits/{sha}/revert")
    written = [route.template for route in routes.WRITER_ROUTES if route.method != "GET"]
    assert [one for one in written if one.endswith(forbidden) or one.endswith("merge_requests/{number}")] == []


async def test_an_answer_that_was_cut_is_an_outage(client: GitLabClient, api: respx.MockRouter) -> None:
    api.get("/user").respond(200, content=b'{"id": 9')
    got = await client.send(routes.ME)
    with pytest.raises(ForgeUnavailable, match="cut short"):
        got.read(UserShape)


@pytest.mark.parametrize("error", [httpx.ConnectError("no"), httpx.ReadTimeout("slow"), httpx.RemoteProtocolError("?")])
async def test_no_answer_is_an_outage(client: GitLabClient, api: respx.MockRouter, error: Exception) -> None:
    api.get("/user").mock(side_effect=error)
    with pytest.raises(ForgeUnavailable, match="GET /user"):
        await client.send(routes.ME)


@pytest.mark.parametrize(
    "url", ["ftp://x/api/v4", "gitlab.acme.example", "https://a:b@x/api/v4", "https://x/api/v4?a=1"]
)
def test_an_address_that_is_none_stops_the_start(url: str) -> None:
    with pytest.raises(UserError):
        GitLabClient(connection(api_url=url), RememberingLimits())


def test_an_authority_that_is_not_there_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="There is no file"):
        GitLabClient(connection(ca_file=str(tmp_path / "none.pem")), RememberingLimits())
    (tmp_path / "empty.pem").write_text("")
    with pytest.raises(UserError, match="no certificate"):
        GitLabClient(connection(ca_file=str(tmp_path / "empty.pem")), RememberingLimits())


async def test_calls_are_counted_by_their_template(api: respx.MockRouter) -> None:
    seen: list[tuple[str, str, int]] = []
    client = GitLabClient(
        connection(), RememberingLimits(), observe=lambda method, route, status, _: seen.append((method, route, status))
    )
    api.get("/user").respond(json=BOT)
    await client.send(routes.ME)
    await client.close()
    assert seen == [("GET", "/user", 200)]
