"""Tokens: as few as can be, as weak as can be, and never the same refusal twice."""

import asyncio
import base64
import json
from datetime import UTC, datetime, timedelta

import httpx
import pytest
import respx
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from pydantic import JsonValue

from app.domain.errors import ForgeRefused, ForgeUnavailable, Gone, RateLimited, UserError
from app.domain.pull_request import Person
from app.forges.github.app_key import AppKey
from app.forges.github.auth import AppAuth, NoAuth, TokenAuth, basic_header
from app.forges.github.client import GitHubClient
from app.forges.github.reader import GitHubReader
from tests.github.support import (
    ALL_PERMISSIONS,
    APP_ID,
    PRIVATE_KEY,
    REF,
    REPO,
    SLUG,
    RememberingLimits,
    connection,
    give_installation,
    in_an_hour,
    pull,
)


def decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


async def test_the_app_proves_itself_with_its_key(auth: AppAuth):
    header, claims, signature = auth.app_grant().header.removeprefix("Bearer ").split(".")
    PRIVATE_KEY.public_key().verify(decoded(signature), f"{header}.{claims}".encode(), PKCS1v15(), SHA256())
    said = json.loads(decoded(claims))
    assert json.loads(decoded(header)) == {"alg": "RS256", "typ": "JWT"}
    assert said["iss"] == str(APP_ID)
    assert said["exp"] - said["iat"] <= 600
    assert said["iat"] < datetime.now(UTC).timestamp() < said["exp"]
    assert auth.app_grant() is auth.app_grant()


@pytest.mark.parametrize("key", ["", "no key", "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----"])
def test_a_key_that_is_none_stops_the_start(key: str):
    with pytest.raises(UserError, match="private key"):
        AppKey(key)


async def test_fifty_who_wait_share_one_token(api: respx.MockRouter, auth: AppAuth, limits: RememberingLimits):
    found, minted = give_installation(api)
    await auth.grant("77", "read")
    grants = await asyncio.gather(*(auth.grant("77", "post") for _ in range(50)))
    assert {grant.header for grant in grants} == {"Bearer ghs_2"}
    assert (found.call_count, minted.call_count) == (1, 2)
    # Minting is signed by the App and spends the App's own budget.
    assert {installation for installation, _, _ in limits.admitted} == {""}


async def test_a_failure_is_shared_and_not_kept(api: respx.MockRouter, auth: AppAuth):
    _, minted = give_installation(api)
    minted.side_effect = [
        httpx.Response(502),
        httpx.Response(201, json={"token": "ghs_late", "expires_at": in_an_hour()}),
    ]
    outcomes = await asyncio.gather(*(auth.grant("77", "read") for _ in range(5)), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [ForgeUnavailable] * 5
    assert (await auth.grant("77", "read")).header == "Bearer ghs_late"


async def test_a_limit_while_minting_is_a_limit(api: respx.MockRouter, auth: AppAuth):
    _, minted = give_installation(api)
    minted.side_effect = [httpx.Response(403, json={"message": "You have exceeded a secondary rate limit."})]
    with pytest.raises(RateLimited):
        await auth.grant("77", "read")


@pytest.mark.parametrize(
    ("given", "rights", "asked"),
    [
        (ALL_PERMISSIONS, "read", {"contents": "read", "pull_requests": "read", "issues": "read", "checks": "read"}),
        (ALL_PERMISSIONS, "post", {"pull_requests": "write", "checks": "write", "contents": "write", "issues": "read"}),
        (
            {**ALL_PERMISSIONS, "contents": "read"},
            "post",
            {"pull_requests": "write", "checks": "write", "issues": "read"},
        ),
        ({"metadata": "read", "contents": "read", "administration": "write"}, "read", {"contents": "read"}),
        (ALL_PERMISSIONS, "list", {}),
    ],
)
async def test_a_token_never_asks_for_more_than_the_app_was_given(
    api: respx.MockRouter, auth: AppAuth, given: dict[str, JsonValue], rights: str, asked: dict[str, str]
):
    _, minted = give_installation(api, given)
    match rights:
        case "read" | "post" | "list":
            await auth.grant("77", rights)
        case _:
            pytest.fail(rights)
    wish = json.loads(minted.calls.last.request.content)
    assert wish == {"repository_ids": [77], "permissions": {**asked, "metadata": "read"}}


async def test_a_token_near_its_end_is_replaced(api: respx.MockRouter, auth: AppAuth):
    _, minted = give_installation(api)
    soon = (datetime.now(UTC) + timedelta(minutes=4)).isoformat(timespec="milliseconds")
    minted.side_effect = [
        httpx.Response(201, json={"token": "ghs_old", "expires_at": soon}),
        httpx.Response(201, json={"token": "ghs_new", "expires_at": in_an_hour()}),
    ]
    assert (await auth.grant("77", "read")).header == "Bearer ghs_old"
    assert (await auth.grant("77", "read")).header == "Bearer ghs_new"


async def test_a_revoked_token_is_replaced_once(api: respx.MockRouter, auth: AppAuth, reader: GitHubReader):
    _, minted = give_installation(api)
    asked = api.get("/repositories/77/pulls/12").mock(
        side_effect=[httpx.Response(401, json={"message": "Bad credentials"}), httpx.Response(200, json=pull())]
    )
    assert (await reader.pull_request(REF)).ref == REF
    assert [asked.calls[at].request.headers["authorization"] for at in (0, 1)] == ["Bearer ghs_1", "Bearer ghs_2"]
    asked.side_effect = None
    asked.respond(401, json={"message": "Bad credentials"})
    with pytest.raises(ForgeRefused) as caught:
        await reader.pull_request(REF)
    assert caught.value.status == 401
    assert minted.call_count == 3


async def test_an_uninstalled_app_is_looked_for_again(api: respx.MockRouter, auth: AppAuth):
    found, minted = give_installation(api)
    minted.side_effect = [
        httpx.Response(404, json={"message": "Not Found"}),
        httpx.Response(201, json={"token": "ghs_back", "expires_at": in_an_hour()}),
    ]
    with pytest.raises(Gone):
        await auth.grant("77", "read")
    assert (await auth.grant("77", "read")).header == "Bearer ghs_back"
    assert found.call_count == 2


async def test_the_app_knows_its_own_account(api: respx.MockRouter, reader: GitHubReader):
    give_installation(api)
    api.get("/app/installations").respond(json=[{"id": 5, "permissions": ALL_PERMISSIONS}])
    asked = api.get(f"/users/{SLUG}%5Bbot%5D").respond(json={"id": 900, "login": f"{SLUG}[bot]", "type": "Bot"})
    for _ in range(2):
        assert await reader.me() == Person(user_id="900", login=SLUG, is_bot=True)
    assert asked.call_count == 1
    assert asked.calls.last.request.headers["authorization"] == "Bearer ghs_1"


async def test_a_persons_token_is_used_as_it_is(api: respx.MockRouter, limits: RememberingLimits):
    client = GitHubClient(connection(app_id=None), limits)
    auth = TokenAuth(client, "ghp_mine")
    reader = GitHubReader(client, auth)
    api.get("/user").respond(json={"id": 11, "login": "maria", "type": "User"})
    api.get("/repos/acme/shop").respond(json={"id": 77, "full_name": "acme/shop", "default_branch": "main"})
    assert (await reader.me()).login == "maria"
    assert (await reader.find_repo("acme/shop")).repo_id == "77"
    assert await reader.repositories() == ()
    access = await reader.git_access(REPO)
    assert access.url == "https://github.com/acme/shop.git"
    assert access.header == "Authorization: Basic " + base64.b64encode(b"x-access-token:ghp_mine").decode()


async def test_nobody_reads_what_is_public_and_posts_nothing(api: respx.MockRouter, limits: RememberingLimits):
    client = GitHubClient(connection(app_id=None), limits)
    auth = NoAuth(client)
    asked = api.get("/repositories/77/pulls/12").respond(json=pull())
    await GitHubReader(client, auth).pull_request(REF)
    assert "authorization" not in asked.calls.last.request.headers
    assert basic_header(await auth.grant("77", "read")) == ""
    with pytest.raises(UserError, match="token"):
        await auth.grant("77", "post")
