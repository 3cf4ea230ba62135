"""Reading: whatever a server leaves out, and whoever tries to look like us."""

import json

import httpx
import pytest
import respx
from pydantic import JsonValue

from app.domain.errors import ForgeUnavailable, Gone
from app.domain.markers import finding_marker
from app.domain.pull_request import Permission, Person
from app.forges.github.reader import GitHubReader
from tests.github.support import (
    ALL_PERMISSIONS,
    FINDING_ID,
    HEAD,
    MARIA,
    REF,
    REPO,
    RUN_ID,
    SLUG,
    give_installation,
    pull,
    request,
)

MARIA_PERSON = Person(user_id="11", login="maria")
PULL = "/repositories/77/pulls/12"


async def test_a_pull_request_of_an_old_server(api: respx.MockRouter, reader: GitHubReader):
    give_installation(api)
    api.get(PULL).respond(json=pull())
    read = await reader.pull_request(REF)
    assert (read.ref, read.repo, read.author, read.body) == (REF, REPO, MARIA_PERSON, "")
    assert (read.head_sha, read.head_git_ref, read.labels) == (HEAD, "refs/pull/12/head", ("billing",))
    assert not read.from_fork
    assert not read.maintainer_can_modify


async def test_what_is_deleted_is_missing(api: respx.MockRouter, reader: GitHubReader):
    give_installation(api)
    gone: JsonValue = {"ref": "refunds", "sha": HEAD, "repo": None}
    api.get(PULL).respond(
        json=pull(user=None, head=gone, state="closed", merged_at="2026-11-21T09:00:00Z", draft=True, locked=True)
    )
    read = await reader.pull_request(REF)
    assert (read.author, read.head_repo_id, read.state) == (None, None, "merged")
    assert read.from_fork
    assert read.draft
    assert read.locked


async def test_lists_are_read_to_their_end_without_following_addresses(api: respx.MockRouter, reader: GitHubReader):
    give_installation(api)
    link = '<https://evil.example/pulls?page=2&per_page=1>; rel="next", <https://evil.example/pulls?page=2>; rel="last"'
    listed = api.get("/repositories/77/pulls").mock(
        side_effect=[
            httpx.Response(200, json=[pull(number=1)], headers={"link": link}),
            httpx.Response(200, json=[pull(number=2)]),
        ]
    )
    found = await reader.open_pull_requests(REPO)
    assert [one.ref.number for one in found] == [1, 2]
    assert [dict(request(listed, at).url.params) for at in (0, 1)] == [
        {"per_page": "100", "state": "open"},
        {"per_page": "100", "state": "open", "page": "2"},
    ]


async def test_every_repository_of_every_installation(api: respx.MockRouter, reader: GitHubReader):
    api.get("/app/installations").respond(
        json=[
            {"id": 5, "permissions": ALL_PERMISSIONS},
            {"id": 6, "permissions": ALL_PERMISSIONS},
            {"id": 7, "permissions": ALL_PERMISSIONS, "suspended_at": "2026-01-01T00:00:00Z"},
        ]
    )
    give_installation(api)
    minted = api.post("/app/installations/6/access_tokens").respond(403, json={"message": "This installation is gone"})
    api.get("/installation/repositories").respond(
        json={"total_count": 1, "repositories": [{"id": 77, "full_name": "acme/shop", "default_branch": "main"}]}
    )
    assert await reader.repositories() == [REPO]
    assert minted.called


PERMISSIONS: list[tuple[JsonValue, Permission]] = [
    ({"permission": "admin", "role_name": "admin"}, Permission.ADMIN),
    ({"permission": "write", "role_name": "maintain"}, Permission.MAINTAIN),
    ({"permission": "read", "role_name": "triage"}, Permission.TRIAGE),
    ({"permission": "write", "role_name": "release-captain"}, Permission.WRITE),
    ({"permission": "none", "role_name": "none"}, Permission.NONE),
    ({"permission": "superuser"}, Permission.NONE),
    (
        {"permission": "read", "user": {"permissions": {"maintain": True, "push": True, "pull": True}}},
        Permission.MAINTAIN,
    ),
    ({"permission": "admin", "user": {"permissions": {"pull": True}}}, Permission.READ),
    ({"permission": "admin", "user": {"permissions": {}}}, Permission.NONE),
]


@pytest.mark.parametrize(("answer", "permission"), PERMISSIONS)
async def test_what_a_person_may_do(
    api: respx.MockRouter, reader: GitHubReader, answer: dict[str, JsonValue], permission: Permission
):
    give_installation(api)
    user = answer.get("user")
    answer["user"] = {"id": 11, "login": "maria", **(user if isinstance(user, dict) else {})}
    api.get("/repositories/77/collaborators/maria/permission").respond(json=answer)
    assert await reader.permission(REPO, MARIA_PERSON) is permission


async def test_a_deleted_account_and_one_that_took_its_name_may_nothing(api: respx.MockRouter, reader: GitHubReader):
    give_installation(api)
    asked = api.get("/repositories/77/collaborators/maria/permission").respond(404, json={"message": "Not Found"})
    assert await reader.permission(REPO, MARIA_PERSON) is Permission.NONE
    asked.respond(json={"permission": "admin", "user": {"id": 666, "login": "maria"}})
    assert await reader.permission(REPO, MARIA_PERSON) is Permission.NONE


def thread(number: int, *, body: str, login: str = SLUG, kind: str = "Bot", resolved: bool = False) -> JsonValue:
    return {
        "id": f"T{number}",
        "isResolved": resolved,
        "isOutdated": False,
        "resolvedBy": {"databaseId": 11, "login": "maria"} if resolved else None,
        "comments": {"nodes": [{"databaseId": number, "body": body, "author": {"__typename": kind, "login": login}}]},
    }


def threads_page(nodes: list[JsonValue], cursor: str | None = None, repo_id: int = 77) -> httpx.Response:
    found: JsonValue = {"pageInfo": {"hasNextPage": cursor is not None, "endCursor": cursor}, "nodes": nodes}
    return httpx.Response(
        200, json={"data": {"repository": {"databaseId": repo_id, "pullRequest": {"reviewThreads": found}}}}
    )


async def test_only_threads_that_we_opened_are_ours(api: respx.MockRouter, reader: GitHubReader):
    give_installation(api)
    api.get("/repositories/77").respond(json={"id": 77, "full_name": "acme/shop"})
    mark = finding_marker(FINDING_ID, RUN_ID)
    nodes = [
        thread(1, body=f"text {mark}"),
        thread(2, body=f"a person quoting {mark}", login="maria", kind="User"),
        thread(3, body=f"a person of our name {mark}", kind="User"),
        thread(4, body=f"another bot {mark}", login="other"),
        thread(5, body="ours, without a mark"),
        thread(6, body=f"text {mark}", resolved=True),
    ]
    nodes.append({"id": "T7", "isResolved": False, "comments": {"nodes": []}})
    nodes.append({"id": "T8", "isResolved": False, "comments": {"nodes": [{"databaseId": 8, "author": None}]}})
    asked = api.post("/graphql").mock(side_effect=[threads_page(nodes[:3], "next"), threads_page(nodes[3:])])
    found = await reader.threads(REF)
    assert [(one.thread_id, one.root_comment_id, one.finding_id) for one in found] == [
        ("T1", "1", FINDING_ID),
        ("T6", "6", FINDING_ID),
    ]
    assert found[1].resolved_by == MARIA_PERSON
    variables = [json.loads(request(asked, at).content)["variables"] for at in (0, 1)]
    assert [one["after"] for one in variables] == [None, "next"]


async def test_a_stale_name_is_noticed(api: respx.MockRouter, reader: GitHubReader):
    """After a rename the old name may lead nowhere, or to somebody else's repository."""
    give_installation(api)
    api.get(PULL).respond(json=pull())
    await reader.pull_request(REF)
    renamed = api.get("/repositories/77").respond(json={"id": 77, "full_name": "acme/store"})
    gone = httpx.Response(200, json={"data": {"repository": None}, "errors": [{"type": "NOT_FOUND", "message": "no"}]})
    mine = thread(1, body=finding_marker(FINDING_ID, RUN_ID))
    asked = api.post("/graphql")
    for stale in (gone, threads_page([mine], repo_id=666)):
        asked.mock(side_effect=[stale, threads_page([mine])])
        assert len(await reader.threads(REF)) == 1
        assert json.loads(request(asked).content)["variables"]["name"] == "store"
        await reader.pull_request(REF)
    assert renamed.call_count == 2


@pytest.mark.parametrize(
    ("errors", "kind"),
    [
        ([{"type": "NOT_FOUND", "path": ["repository"], "message": "Could not resolve"}], Gone),
        ([{"message": "Something went wrong while executing your query"}], ForgeUnavailable),
    ],
)
async def test_graphql_has_errors_of_its_own(
    api: respx.MockRouter, reader: GitHubReader, errors: JsonValue, kind: type[Exception]
):
    give_installation(api)
    api.get("/repositories/77").respond(json={"id": 77, "full_name": "acme/shop"})
    api.post("/graphql").respond(json={"data": None, "errors": errors})
    with pytest.raises(kind):
        await reader.threads(REF)


async def test_the_address_for_git_follows_a_rename(api: respx.MockRouter, reader: GitHubReader):
    give_installation(api)
    repo: JsonValue = {"id": 77, "full_name": "acme/store", "default_branch": "main"}
    api.get(PULL).respond(json=pull(base={"ref": "main", "sha": "b" * 40, "repo": repo}, user=MARIA))
    await reader.pull_request(REF)
    access = await reader.git_access(REPO)
    assert access.url == "https://github.com/acme/store.git"
    assert access.header.startswith("Authorization: Basic ")
    assert "ghs_1" not in access.url
