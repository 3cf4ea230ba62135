"""The contract itself: it covers every endpoint of the fake, and it does see what is wrong."""

import json
import re

import pytest

from app.forges.fake.http import Answer, Request, Route
from app.forges.fake.rest.registry import ROUTES
from app.forges.fake.scenario import FakeForge
from tests.contracts.support import CHANGED
from tests.harness.openapi import NOT_IN_SUBSET, Contract, OfficialDescriptions


def name_of(route: Route) -> str:
    return f"{route.method} /" + "/".join("*" if part.startswith("{") else part for part in route.pattern)


def described(official: OfficialDescriptions) -> set[str]:
    paths = json.loads((official.folder / "openapi-subset-noexamples.json").read_text())["paths"]
    return {
        f"{method.upper()} {re.sub(r'{[^}]+}', '*', path)}"
        for path, operations in paths.items()
        for method in operations
    }


def test_every_endpoint_is_described_or_has_a_reason(official: OfficialDescriptions) -> None:
    ours = {name_of(route) for route in ROUTES}
    known = described(official)
    assert ours - known == set(NOT_IN_SUBSET)
    # What the description has and the fake has not.
    assert known - ours == {"GET /repos/*/*/tarball/*", "PUT /repos/*/*/contents/*"}


def exchange(method: str, path: str, body: object, status: int, answer: object) -> tuple[Request, Answer]:
    kind = {"content-type": "application/json"}
    content = json.dumps(answer).encode()
    return (
        Request(method, path, "", kind, json.dumps(body).encode() if body is not None else b""),
        Answer(status, content=content, headers=kind),
    )


REVIEWS = "/repos/acme/shop/pulls/1/reviews"
WRONG = [
    (
        "a field is missing",
        exchange("GET", "/repos/acme/shop/git/ref/heads/main", None, 200, {"ref": "refs/heads/main"}),
    ),
    ("an unknown operation", exchange("GET", "/repos/acme/shop/nonsense", None, 200, {})),
    ("a bad event", exchange("POST", REVIEWS, {"event": "SHOUT"}, 200, {})),
    ("a wrong body", exchange("POST", "/repos/acme/shop/check-runs", {"name": 7}, 201, {})),
    ("a status nobody described", exchange("GET", "/app", None, 299, {})),
    ("a wrong document", exchange("POST", "/graphql", {"query": "{ nobody { login } }"}, 200, {"data": {}})),
    (
        "a null that may not be",
        exchange("POST", "/graphql", {"query": "{ viewer { login } }"}, 200, {"data": {"viewer": {"login": None}}}),
    ),
    (
        "a wrong enum",
        exchange(
            "POST",
            "/graphql",
            {"query": '{ node(id: "1") { ... on PullRequest { state } } }'},
            200,
            {"data": {"node": {"__typename": "PullRequest", "state": "AJAR"}}},
        ),
    ),
]


@pytest.mark.parametrize("wrong", [row[1] for row in WRONG], ids=[row[0] for row in WRONG])
def test_what_is_wrong_is_seen(official: OfficialDescriptions, wrong: tuple[Request, Answer]) -> None:
    contract = Contract(official)
    contract.observe(*wrong)
    with pytest.raises(AssertionError, match="Not as GitHub describes it"):
        contract.assert_kept()


async def test_a_wrong_delivery_is_seen(forge: FakeForge, official: OfficialDescriptions) -> None:
    repo = await forge.create_repo("acme/shop")
    forge.webhook_url = "http://127.0.0.1:1/nobody"
    await forge.install_app()
    await repo.open_pull_request(changes={"shop.py": CHANGED})
    opened = next(one for one in forge.deliveries if one.action == "opened")
    right, opened.text = opened.text, opened.text.replace(b'"pull_request":', b'"pull_requests":', 1)
    contract = Contract(official)
    contract.check_deliveries(forge)
    assert any("'pull_request' is a required property" in problem for problem in contract.problems)
    opened.text = right
