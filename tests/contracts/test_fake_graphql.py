"""The fake GitHub's GraphQL: threads are read, resolved and answered under GitHub's rules, checked by its schema."""

import base64
from typing import Any

import httpx
import pytest

from app.forges.fake.entities import Thread
from app.forges.fake.graphql_api.reader import BadDocument, read_document
from app.forges.fake.pull_scenario import FakePullRequest
from app.forges.fake.repo_scenario import FakeRepo
from app.forges.fake.scenario import FIX_PERMISSIONS, FakeForge
from app.forges.fake.state import node_id_of
from tests.contracts.support import CHANGED, FILE, installation

THREADS = """
query Threads($owner: String!, $name: String!, $number: Int!, $after: String, $first: Int = 2) {
  repository(owner: $owner, name: $name) {
    databaseId
    pullRequest(number: $number) {
      ...Head
      reviewThreads(first: $first, after: $after) {
        totalCount
        pageInfo { hasNextPage endCursor }
        nodes {
          id isResolved isOutdated line
          resolvedBy { login }
          comments(first: 1) { nodes { databaseId body author { __typename login ... on Bot { databaseId } } } }
        }
      }
    }
  }
}
fragment Head on PullRequest { headRefOid state isDraft }
"""
TWO_AT_ONCE = """
mutation Resolve($t0: ID!, $t1: ID!) {
  t0: resolveReviewThread(input: {threadId: $t0}) { thread { id isResolved } }
  t1: resolveReviewThread(input: {threadId: $t1}) { thread { id isResolved } }
}
"""
UNRESOLVE = """
mutation Open($id: ID!) {
  unresolveReviewThread(input: {threadId: $id}) { thread { isResolved resolvedBy { login } } }
}
"""
REPLY = """
mutation Reply($thread: ID!, $body: String!) {
  addPullRequestReviewThreadReply(input: {pullRequestReviewThreadId: $thread, body: $body}) {
    comment { databaseId body state }
  }
}
"""
MINIMIZE = """
mutation Hide($id: ID!) {
  minimizeComment(input: {subjectId: $id, classifier: OUTDATED}) { minimizedComment { isMinimized minimizedReason } }
}
"""
REACT = """
mutation React($subject: ID!, $content: ReactionContent!) {
  addReaction(input: {subjectId: $subject, content: $content}) { reaction { content } }
}
"""
COMMIT = """
mutation Commit($input: CreateCommitOnBranchInput!) {
  createCommitOnBranch(input: $input) { commit { oid } ref { name } }
}
"""


@pytest.fixture
async def repo(forge: FakeForge) -> FakeRepo:
    return await forge.create_repo("acme/shop", files={"shop.py": FILE})


@pytest.fixture
async def pull(repo: FakeRepo) -> FakePullRequest:
    return await repo.open_pull_request(branch="feature", changes={"shop.py": CHANGED})


@pytest.fixture
async def threads(pull: FakePullRequest) -> list[Thread]:
    return [await pull.comment_on_line("shop.py", line, f"On line {line}", by="sam") for line in (4, 5, 30)]


async def ask(http: httpx.AsyncClient, query: str, **variables: object) -> dict[str, Any]:
    answer = await http.post("/graphql", json={"query": query, "variables": variables})
    assert answer.status_code == 200
    return answer.json()


async def test_threads_are_read_page_by_page(forge: FakeForge, pull: FakePullRequest, threads: list[Thread]) -> None:
    app = await forge.install_app()
    pull.resolve(threads[0])
    await pull.push({"shop.py": CHANGED.replace("line thirty\n", "line XXX\n")})
    async with installation(forge, app) as http:
        await http.post("/repos/acme/shop/pulls/1/reviews", json={"body": "b", "comments": [
            {"path": "shop.py", "line": 5, "body": "pending"}]})  # fmt: skip
        first = (await ask(http, THREADS, owner="acme", name="shop", number=1))["data"]["repository"]
        page = first["pullRequest"]["reviewThreads"]
        assert (first["pullRequest"]["headRefOid"], page["totalCount"]) == (pull.head_sha, 4)
        assert [node["isResolved"] for node in page["nodes"]] == [True, False]
        assert page["nodes"][0]["resolvedBy"] == {"login": "maria"}
        after = page["pageInfo"]["endCursor"]
        rest = (await ask(http, THREADS, owner="acme", name="shop", number=1, after=after, first=100))["data"]
        nodes = rest["repository"]["pullRequest"]["reviewThreads"]["nodes"]
        assert [(node["isOutdated"], node["line"]) for node in nodes] == [(True, None), (False, 5)]
        bot = nodes[1]["comments"]["nodes"][0]["author"]
        assert (bot["__typename"], bot["login"]) == ("Bot", "corrigent")


async def test_resolving_needs_contents_write(forge: FakeForge, pull: FakePullRequest, threads: list[Thread]) -> None:
    ids = {f"t{at}": node_id_of(thread) for at, thread in enumerate(threads[:2])}
    review_only = await forge.install_app()
    fixing = await forge.install_app("Fixer", permissions=FIX_PERMISSIONS)
    async with installation(forge, review_only) as http:
        refused = await ask(http, TWO_AT_ONCE, **ids)
        assert refused["data"] == {"t0": None, "t1": None}
        assert [(error["type"], error["path"]) for error in refused["errors"]] == [
            ("FORBIDDEN", ["t0"]),
            ("FORBIDDEN", ["t1"]),
        ]
        assert refused["errors"][0]["message"] == "Resource not accessible by integration"
    async with installation(forge, fixing) as http:
        done = await ask(http, TWO_AT_ONCE, **ids)
        assert "errors" not in done
        assert [thread.resolved for thread in threads] == [True, True, False]
        opened = await ask(http, UNRESOLVE, id=ids["t0"])
        assert opened["data"]["unresolveReviewThread"]["thread"] == {"isResolved": False, "resolvedBy": None}


async def test_a_missing_thread_leaves_the_others_done(
    forge: FakeForge, pull: FakePullRequest, threads: list[Thread]
) -> None:
    app = await forge.install_app(permissions=FIX_PERMISSIONS)
    async with installation(forge, app) as http:
        answer = await ask(http, TWO_AT_ONCE, t0="PRRT_nothing", t1=node_id_of(threads[0]))
    assert [error["type"] for error in answer["errors"]] == ["NOT_FOUND"]
    assert (answer["data"]["t0"], threads[0].resolved) == (None, True)


async def test_replies_reactions_and_hiding(forge: FakeForge, pull: FakePullRequest, threads: list[Thread]) -> None:
    app = await forge.install_app()
    async with installation(forge, app) as http:
        said = await ask(http, REPLY, thread=node_id_of(threads[0]), body='Fixed in "9c2e1aa".')
        assert said["data"]["addPullRequestReviewThreadReply"]["comment"]["state"] == "SUBMITTED"
        await http.post("/repos/acme/shop/pulls/1/reviews", json={"body": "pending"})
        waits = await ask(http, REPLY, thread=node_id_of(threads[0]), body="Later")
        assert waits["data"]["addPullRequestReviewThreadReply"]["comment"]["state"] == "PENDING"
        too_long = await ask(http, REPLY, thread=node_id_of(threads[0]), body="x" * 65_537)
        assert too_long["errors"][0]["message"] == "Body is too long (maximum is 65536 characters)"
        review = await pull.review("A review", by="sam")
        reacted = await ask(http, REACT, subject=node_id_of(review), content="EYES")
        assert reacted["data"]["addReaction"]["reaction"] == {"content": "EYES"}
        hidden = await ask(http, MINIMIZE, id=node_id_of(threads[1].comments[0]))
        assert hidden["data"]["minimizeComment"]["minimizedComment"]["minimizedReason"] == "outdated"
    assert [one.body for one in threads[0].comments] == ["On line 4", 'Fixed in "9c2e1aa".', "Later"]
    assert [one.content for one in review.reactions] == ["eyes"]


async def test_a_commit_is_a_compare_and_swap(forge: FakeForge, repo: FakeRepo, pull: FakePullRequest) -> None:
    app = await forge.install_app(permissions=FIX_PERMISSIONS)
    before = pull.head_sha
    wanted = {
        "branch": {"repositoryNameWithOwner": "acme/shop", "branchName": "feature"},
        "expectedHeadOid": before,
        "message": {"headline": "Mend", "body": "All of it"},
        "fileChanges": {
            "additions": [{"path": "new.txt", "contents": base64.b64encode(b"new\n").decode()}],
            "deletions": [{"path": "shop.py"}],
        },
    }
    async with installation(forge, app) as http:
        made = (await ask(http, COMMIT, input=wanted))["data"]["createCommitOnBranch"]
        assert (made["commit"]["oid"], made["ref"]["name"]) == (pull.head_sha, "feature")
        stale = await ask(http, COMMIT, input=wanted)
        assert (stale["data"]["createCommitOnBranch"], stale["errors"][0]["type"]) == (None, "STALE_DATA")
    assert await repo.git.read_file("feature", "new.txt") == b"new\n"
    assert await repo.git.read_file("feature", "shop.py") is None


async def test_what_is_not_there_or_not_to_be_seen(forge: FakeForge, pull: FakePullRequest) -> None:
    app = await forge.install_app()
    await forge.create_repo("elsewhere/secret")
    async with installation(forge, app) as http:
        for owner, name, number in (("elsewhere", "secret", 1), ("acme", "shop", 9)):
            answer = await ask(http, THREADS, owner=owner, name=name, number=number)
            assert answer["errors"][0]["type"] == "NOT_FOUND"
        broken = await http.post("/graphql", json={"query": "query {"})
        assert "data" not in broken.json()
    async with httpx.AsyncClient(base_url=forge.url) as http:
        assert (await http.post("/graphql", json={"query": THREADS})).status_code == 401


DOCUMENTS = [
    ("{ viewer { login } }", ("query", None, ["viewer"])),
    ('query A($x: [String!]! = ["a"]) @cached { a: node(id: "1") { id } }', ("query", "A", ["a"])),
    (
        'mutation { x(input: {s: """block "quoted" """, n: -1.5, b: true, e: OPEN, l: [1, 2]}) { id } }',
        ("mutation", None, ["x"]),
    ),
    ("# comment\n{ ... on Query { a } ...F }\nfragment F on Query { b }", ("query", None, ["a", "b"])),
]


@pytest.mark.parametrize(("text", "expected"), DOCUMENTS)
def test_documents_are_read(text: str, expected: tuple[str, str | None, list[str]]) -> None:
    operation = read_document(text, None)
    assert (operation.kind, operation.name, [one.alias for one in operation.selections]) == expected


def test_arguments_are_read_with_their_types() -> None:
    text = r'{ f(s: "a\nb\u00e9", n: -1.5, i: 3, b: true, e: OPEN, l: [1, "2"], o: {k: null}, v: $v) }'
    arguments = read_document(text, None).selections[0].arguments
    assert arguments["s"] == "a\nbé"
    assert [arguments[name] for name in "nibel"] == [-1.5, 3, True, "OPEN", [1, "2"]]
    assert arguments["o"] == {"k": None}


@pytest.mark.parametrize(
    "text", ["{", "{ a ", "query A { a } query B { b }", "{ a(b: ) }", "{ ...Nothing }", "%", "{ a: }"]
)
def test_broken_documents_are_refused(text: str) -> None:
    with pytest.raises(BadDocument):
        read_document(text, None)
