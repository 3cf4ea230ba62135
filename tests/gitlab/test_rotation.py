"""A token is changed before it ends, stored before it is used, and never changed twice when an answer was lost."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import datetime, timedelta

import httpx
import pytest
import respx
from pydantic import SecretStr
from typing_extensions import override

from app.domain.errors import ForgeUnavailable, RateLimited, UserError
from app.forges.base import TokenShelf
from app.forges.gitlab import routes
from app.forges.gitlab.client import GitLabClient
from app.forges.gitlab.rotation import SURELY_OVER, Rotation, TokenOwner, owner_of
from tests.gitlab.support import TOKEN, RememberingLimits, at, connection

NOW = at("2026-11-21T12:00:00+00:00")
ROTATE = "/projects/77/access_tokens/self/rotate"
NEW: dict[str, str | int] = {"id": 6, "token": "glpat-new", "expires_at": "2027-02-19"}


class Memory(TokenShelf):
    """A shelf that writes down what happened to it."""

    def __init__(self) -> None:
        self.kept = SecretStr(TOKEN)
        self.told: list[str] = []
        self.begun: datetime | None = None
        self.is_slow = False

    @property
    @override
    def seed(self) -> SecretStr:
        return SecretStr(TOKEN)

    @override
    async def token(self) -> SecretStr:
        return self.kept

    @override
    async def begun_at(self) -> datetime | None:
        return self.begun

    @override
    async def begin(self) -> bool:
        self.told.append("begin")
        if self.begun is not None:
            return False
        self.begun = NOW
        return True

    @override
    async def call_off(self) -> None:
        self.begun = None
        self.told.append("call off")

    @override
    async def save(self, token: SecretStr) -> None:
        if self.is_slow:
            await asyncio.sleep(0.05)
        self.kept, self.begun = token, None
        self.told.append("save")

    @override
    async def forget(self) -> None:
        self.kept = self.seed
        self.told.append("forget")


@pytest.fixture
def shelf() -> Memory:
    return Memory()


@pytest.fixture
async def client(limits: RememberingLimits, shelf: Memory) -> AsyncGenerator[GitLabClient]:
    client = GitLabClient(connection(), limits, shelf=shelf)
    yield client
    await client.close()


@pytest.fixture
def now() -> list[datetime]:
    """The time, which a test may set."""
    return [NOW]


@pytest.fixture
def rotation(client: GitLabClient, shelf: Memory, now: list[datetime]) -> Rotation:
    return Rotation(client, TokenOwner("project", "77"), shelf, clock=lambda: now[0])


def ends(api: respx.MockRouter, day: str | None) -> None:
    api.get("/personal_access_tokens/self").respond(json={"id": 5, "active": True, "expires_at": day})


@pytest.mark.parametrize("day", ["2027-11-21", "2026-12-06", None])
async def test_a_token_with_time_left_stays(
    rotation: Rotation, shelf: Memory, api: respx.MockRouter, day: str | None
) -> None:
    ends(api, day)
    assert await rotation.rotate_if_due() == ""
    assert shelf.told == []


async def test_a_token_near_its_end_is_changed_and_stored_before_it_is_used(
    rotation: Rotation, shelf: Memory, client: GitLabClient, api: respx.MockRouter
) -> None:
    ends(api, "2026-12-05")
    asked = api.post(ROTATE).respond(json=NEW)
    used: list[str] = []
    save = shelf.save

    async def watched(token: SecretStr) -> None:
        used.append(client.token)
        await save(token)

    shelf.save = watched
    assert await rotation.rotate_if_due() == "token of gitlab renewed until 2027-02-19"
    assert used == [TOKEN]
    assert client.token == shelf.kept.get_secret_value() == "glpat-new"
    assert shelf.told == ["begin", "save"]
    assert b'"expires_at":"2027-02-19"' in asked.calls.last.request.content


async def test_what_another_process_stored_is_used(
    rotation: Rotation, shelf: Memory, client: GitLabClient, api: respx.MockRouter
) -> None:
    shelf.kept = SecretStr("glpat-other")
    ends(api, "2027-11-21")
    await rotation.rotate_if_due()
    assert client.token == "glpat-other"
    assert api.calls.last.request.headers["private-token"] == "glpat-other"


async def test_a_call_is_sent_again_with_the_token_that_another_process_stored_meanwhile(
    client: GitLabClient, shelf: Memory, api: respx.MockRouter
) -> None:
    api.get("/user", headers={"private-token": TOKEN}).respond(401)
    api.get("/user", headers={"private-token": "glpat-other"}).respond(json={"id": 1})
    await client.refresh()
    shelf.kept = SecretStr("glpat-other")
    assert (await client.send(routes.ME)).status == 200
    assert "b2F1dGgyOmdscGF0LW90aGVy" in (await client.git_access("acme/shop")).header


async def test_only_one_process_changes_it(
    rotation: Rotation, shelf: Memory, now: list[datetime], api: respx.MockRouter
) -> None:
    ends(api, "2026-11-25")
    asked = api.post(ROTATE)
    shelf.begun = now[0] - timedelta(seconds=30)
    with pytest.raises(ForgeUnavailable, match="under way"):
        await rotation.rotate_if_due()
    shelf.begun = None
    shelf.begin = _lost_the_race
    assert await rotation.rotate_if_due() == ""
    assert not asked.called


async def _lost_the_race() -> bool:
    return False


async def test_a_refusal_is_certain_and_says_what_to_do(
    rotation: Rotation, shelf: Memory, client: GitLabClient, api: respx.MockRouter
) -> None:
    ends(api, "2026-11-25")
    api.post(ROTATE).respond(403, json={"error": "insufficient_scope"})
    with pytest.raises(
        UserError, match=r"it ends on 2026-11-25\. Give it the scope api, or make a new one, then: corr"
    ):
        await rotation.rotate_if_due()
    assert client.token == TOKEN
    assert shelf.begun is None


async def test_where_a_server_allows_less_a_shorter_life_is_asked_for(
    rotation: Rotation, shelf: Memory, api: respx.MockRouter
) -> None:
    ends(api, "2026-11-25")
    asked = api.post(ROTATE)
    asked.side_effect = [httpx.Response(400, json={"message": "Expiration date"}), httpx.Response(200, json=NEW)]
    await rotation.rotate_if_due()
    assert b'"expires_at":"2026-12-21"' in asked.calls.last.request.content
    assert shelf.told == ["begin", "save"]


async def test_a_process_that_is_told_to_stop_still_stores_what_it_got(
    rotation: Rotation, shelf: Memory, api: respx.MockRouter
) -> None:
    ends(api, "2026-11-25")
    asked = api.post(ROTATE).respond(json=NEW)
    shelf.is_slow = True
    changing = asyncio.create_task(rotation.rotate_if_due())
    while not asked.called:
        await asyncio.sleep(0)
    changing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await changing
    assert shelf.kept.get_secret_value() == "glpat-new"


LOST = [
    ("no answer", httpx.ReadTimeout("slow")),
    ("an outage", httpx.Response(502)),
    ("cut short", httpx.Response(200, content=b'{"token": "gl')),
    ("without the token", httpx.Response(200, json={"id": 6})),
]


@pytest.mark.parametrize("lost", [row[1] for row in LOST], ids=[row[0] for row in LOST])
async def test_when_the_answer_is_lost_nothing_is_tried_again(
    rotation: Rotation, shelf: Memory, now: list[datetime], api: respx.MockRouter, lost: httpx.Response | Exception
) -> None:
    ends(api, "2026-11-25")
    asked = api.post(ROTATE)
    if isinstance(lost, Exception):
        asked.mock(side_effect=lost)
    else:
        asked.mock(return_value=lost)
    with pytest.raises(UserError, match="the token may be gone"):
        await rotation.rotate_if_due()
    with pytest.raises(ForgeUnavailable):
        await rotation.rotate_if_due()
    now[0] += SURELY_OVER
    api.get("/personal_access_tokens/self").respond(401)
    with pytest.raises(UserError, match="the token may be gone"):
        await rotation.rotate_if_due()
    assert asked.call_count == 1
    assert shelf.begun is not None


async def test_when_gitlab_still_takes_the_old_one_nothing_has_happened_and_it_is_tried_again(
    rotation: Rotation, shelf: Memory, now: list[datetime], api: respx.MockRouter
) -> None:
    ends(api, "2026-11-25")
    api.post(ROTATE).respond(json=NEW)
    shelf.begun = now[0] - SURELY_OVER
    assert await rotation.rotate_if_due() == "token of gitlab renewed until 2027-02-19"
    assert shelf.told == ["call off", "begin", "save"]


async def test_where_the_stored_one_is_refused_that_of_the_settings_is_tried(
    rotation: Rotation, shelf: Memory, client: GitLabClient, api: respx.MockRouter
) -> None:
    shelf.kept = SecretStr("glpat-stored")
    api.get("/personal_access_tokens/self", headers={"private-token": "glpat-stored"}).respond(401)
    seeds = api.get("/personal_access_tokens/self", headers={"private-token": TOKEN})
    seeds.respond(json={"id": 5, "expires_at": "2027-11-21"})
    assert await rotation.rotate_if_due() == ""
    assert (client.token, shelf.told) == (TOKEN, ["forget"])
    seeds.respond(401)
    with pytest.raises(
        UserError, match=r"ended or was revoked\. To go on, make a new one, then: corrigent setup gitlab"
    ):
        await rotation.rotate_if_due()


async def test_a_limit_is_no_answer_to_the_question(rotation: Rotation, shelf: Memory, api: respx.MockRouter) -> None:
    ends(api, "2026-11-25")
    api.post(ROTATE).respond(429)
    with pytest.raises(RateLimited):
        await rotation.rotate_if_due()
    assert shelf.begun is None


OWNERS = [
    (TokenOwner("project", "77"), ROTATE),
    (TokenOwner("group", "5"), "/groups/5/access_tokens/self/rotate"),
    (TokenOwner("user"), "/personal_access_tokens/self/rotate"),
]


@pytest.mark.parametrize(("owner", "path"), OWNERS, ids=[owner.kind for owner, _ in OWNERS])
async def test_each_kind_of_token_has_its_address(
    client: GitLabClient, shelf: Memory, api: respx.MockRouter, owner: TokenOwner, path: str
) -> None:
    ends(api, "2026-11-25")
    asked = api.post(path).respond(json={"token": "glpat-new"})
    await Rotation(client, owner, shelf, clock=lambda: NOW).rotate_if_due()
    assert asked.call_count == 1


@pytest.mark.parametrize(
    ("name", "owner"),
    [
        ("project_77_bot_3f", TokenOwner("project", "77")),
        ("project_77_bot", TokenOwner("project", "77")),
        ("group_5_bot_3fa9", TokenOwner("group", "5")),
        ("corrigent", TokenOwner("user")),
        ("project_x_bot", TokenOwner("user")),
        ("my_project_77_bot_3f", TokenOwner("user")),
    ],
)
def test_whose_a_token_is_stands_in_the_name_of_its_user(name: str, owner: TokenOwner) -> None:
    assert owner_of(name) == owner
