"""A token is changed before it ends, stored before it is used, and never changed twice when an answer was lost."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import date

import httpx
import pytest
import respx
from pydantic import SecretStr
from typing_extensions import override

from app.domain.errors import RateLimited, UserError
from app.forges.gitlab.client import GitLabClient
from app.forges.gitlab.rotation import Rotation, TokenOwner, TokenShelf
from tests.gitlab.support import TOKEN, at

NOW = at("2026-11-21T12:00:00+00:00")
ROTATE = "/projects/77/access_tokens/self/rotate"


class Memory(TokenShelf):
    """A shelf that writes down what happened to it."""

    def __init__(self) -> None:
        self.kept = SecretStr(TOKEN)
        self.told: list[str] = []
        self.begun = False

    @override
    @asynccontextmanager
    async def alone(self) -> AsyncGenerator[None]:
        self.told.append("lock")
        yield
        self.told.append("unlock")

    @override
    async def token(self) -> SecretStr:
        return self.kept

    @override
    async def is_uncertain(self) -> bool:
        return self.begun

    @override
    async def begin(self) -> None:
        self.begun = True
        self.told.append("begin")

    @override
    async def call_off(self) -> None:
        self.begun = False
        self.told.append("call off")

    @override
    async def save(self, token: SecretStr, ends_on: date | None) -> None:
        self.kept, self.begun = token, False
        self.told.append(f"save until {ends_on}")


@pytest.fixture
def shelf() -> Memory:
    return Memory()


@pytest.fixture
def rotation(client: GitLabClient, shelf: Memory) -> Rotation:
    return Rotation(client, TokenOwner("project", "77"), shelf, clock=lambda: NOW)


def ends(api: respx.MockRouter, day: str | None) -> None:
    api.get("/personal_access_tokens/self").respond(json={"id": 5, "active": True, "expires_at": day})


@pytest.mark.parametrize("day", ["2027-11-21", "2026-12-06", None])
async def test_a_token_with_time_left_stays(
    rotation: Rotation, shelf: Memory, api: respx.MockRouter, day: str | None
) -> None:
    ends(api, day)
    assert str(await rotation.rotate_if_due()) == str(day)
    assert shelf.told == ["lock", "unlock"]


async def test_a_token_near_its_end_is_changed_and_stored_before_it_is_used(
    rotation: Rotation, shelf: Memory, client: GitLabClient, api: respx.MockRouter
) -> None:
    ends(api, "2026-12-05")
    asked = api.post(ROTATE).respond(json={"id": 6, "token": "glpat-new", "expires_at": "2027-02-19"})
    used: list[str] = []
    save = shelf.save

    async def watched(token: SecretStr, ends_on: date | None) -> None:
        used.append(client.token)
        await save(token, ends_on)

    shelf.save = watched
    assert await rotation.rotate_if_due() == date(2027, 2, 19)
    assert used == [TOKEN]
    assert client.token == shelf.kept.get_secret_value() == "glpat-new"
    assert shelf.told == ["lock", "begin", "save until 2027-02-19", "unlock"]
    assert b'"expires_at":"2027-02-19"' in asked.calls.last.request.content


async def test_what_another_process_stored_is_used(
    rotation: Rotation, shelf: Memory, client: GitLabClient, api: respx.MockRouter
) -> None:
    shelf.kept = SecretStr("glpat-other")
    ends(api, "2027-11-21")
    await rotation.rotate_if_due()
    assert client.token == "glpat-other"
    assert api.calls.last.request.headers["private-token"] == "glpat-other"


async def test_a_refusal_is_certain_and_says_what_to_do(
    rotation: Rotation, shelf: Memory, client: GitLabClient, api: respx.MockRouter
) -> None:
    ends(api, "2026-11-25")
    api.post(ROTATE).respond(403, json={"error": "insufficient_scope"})
    with pytest.raises(UserError, match=r"it ends on 2026-11-25\. Give it the scope `self_rotate`"):
        await rotation.rotate_if_due()
    assert client.token == TOKEN
    assert not shelf.begun


LOST = [
    ("no answer", httpx.ReadTimeout("slow")),
    ("an outage", httpx.Response(502)),
    ("cut short", httpx.Response(200, content=b'{"token": "gl')),
    ("without the token", httpx.Response(200, json={"id": 6})),
]


@pytest.mark.parametrize("lost", [row[1] for row in LOST], ids=[row[0] for row in LOST])
async def test_when_the_answer_is_lost_nothing_is_tried_again(
    rotation: Rotation, shelf: Memory, api: respx.MockRouter, lost: httpx.Response | Exception
) -> None:
    ends(api, "2026-11-25")
    asked = api.post(ROTATE)
    if isinstance(lost, Exception):
        asked.mock(side_effect=lost)
    else:
        asked.mock(return_value=lost)
    for _ in range(2):
        with pytest.raises(UserError, match="the token may be gone"):
            await rotation.rotate_if_due()
    assert asked.call_count == 1
    assert shelf.begun


async def test_a_limit_is_no_answer_to_the_question(rotation: Rotation, shelf: Memory, api: respx.MockRouter) -> None:
    ends(api, "2026-11-25")
    api.post(ROTATE).respond(429)
    with pytest.raises(RateLimited):
        await rotation.rotate_if_due()
    assert not shelf.begun


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
