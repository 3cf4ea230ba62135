"""A push has a token of its own: for one repository, with nothing but contents, and worth nothing afterwards."""

import base64
import json

import pytest
import respx

from app.domain.errors import ForgeRefused, UserError
from app.domain.fixes import SpelledCommit
from app.domain.pull_request import Repo
from app.forges.github.auth import AppAuth
from app.forges.github.pusher import GitHubPusher
from tests.github.support import ALL_PERMISSIONS, give_installation

SHOP = Repo(
    connection="github", repo_id="77", installation_id="5", full_name="acme/shop", default_branch="main", private=True
)


def token_of(header: str) -> str:
    return base64.b64decode(header.rpartition(" ")[2]).decode().partition(":")[2]


async def test_the_token_is_for_one_repository_and_one_push(api: respx.MockRouter, auth: AppAuth) -> None:
    _, minted = give_installation(api)
    revoked = api.delete("/installation/token").respond(204)
    async with GitHubPusher(auth.client, auth).pushing(SHOP) as access:
        wish = json.loads(minted.calls.last.request.content)
        assert wish == {"permissions": {"contents": "write", "metadata": "read"}, "repository_ids": [77]}
        assert access.url.endswith("/acme/shop.git")
        assert not revoked.called
    assert revoked.calls.last.request.headers["authorization"] == f"Bearer {token_of(access.header)}"


async def test_each_push_has_a_token_of_its_own(api: respx.MockRouter, auth: AppAuth) -> None:
    _, minted = give_installation(api)
    revoked = api.delete("/installation/token").respond(204)
    pusher = GitHubPusher(auth.client, auth)
    for _ in range(2):
        async with pusher.pushing(SHOP):
            pass
    assert (minted.call_count, revoked.call_count) == (2, 2)


async def test_a_push_that_fails_leaves_no_token_behind(api: respx.MockRouter, auth: AppAuth) -> None:
    give_installation(api)
    revoked = api.delete("/installation/token").respond(204)
    with pytest.raises(RuntimeError, match="no network"):
        async with GitHubPusher(auth.client, auth).pushing(SHOP):
            raise RuntimeError("no network")
    assert revoked.called


async def test_a_token_that_cannot_be_revoked_does_not_fail_the_push(api: respx.MockRouter, auth: AppAuth) -> None:
    give_installation(api)
    api.delete("/installation/token").respond(502)
    async with GitHubPusher(auth.client, auth).pushing(SHOP) as access:
        assert access.header


async def test_an_app_that_may_not_write_says_so(api: respx.MockRouter, auth: AppAuth) -> None:
    give_installation(api, permissions={**ALL_PERMISSIONS, "contents": "read"})
    with pytest.raises(UserError, match="it was not given 'contents' with write access"):
        async with GitHubPusher(auth.client, auth).pushing(SHOP):
            pass


COMMIT = SpelledCommit(parent_sha="a" * 40, message="Fix: one\n\nMends it.", files={"a.py": b"x = 1\n", "b.py": None})


async def test_a_commit_of_the_forge_s_own_is_compared_and_swapped(api: respx.MockRouter, auth: AppAuth) -> None:
    give_installation(api)
    revoked = api.delete("/installation/token").respond(204)
    made = {"data": {"createCommitOnBranch": {"commit": {"oid": "b" * 40}}}}
    asked = api.post("/graphql").respond(200, json=made)
    assert await GitHubPusher(auth.client, auth).commit(SHOP, "prices", COMMIT) == "b" * 40
    assert json.loads(asked.calls.last.request.content)["variables"] == {
        "input": {
            "branch": {"repositoryNameWithOwner": "acme/shop", "branchName": "prices"},
            "expectedHeadOid": "a" * 40,
            "message": {"headline": "Fix: one", "body": "Mends it."},
            "fileChanges": {
                "additions": [{"path": "a.py", "contents": base64.b64encode(b"x = 1\n").decode()}],
                "deletions": [{"path": "b.py"}],
            },
        }
    }
    assert revoked.called


async def test_a_branch_that_moved_takes_no_commit(api: respx.MockRouter, auth: AppAuth) -> None:
    give_installation(api)
    revoked = api.delete("/installation/token").respond(204)
    problem = {"type": "STALE_DATA", "path": ["createCommitOnBranch"], "message": "Expected branch to point to another"}
    api.post("/graphql").respond(200, json={"data": {"createCommitOnBranch": None}, "errors": [problem]})
    with pytest.raises(ForgeRefused, match="Expected branch to point"):
        await GitHubPusher(auth.client, auth).commit(SHOP, "prices", COMMIT)
    assert revoked.called
