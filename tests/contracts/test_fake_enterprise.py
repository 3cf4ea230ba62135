"""The fake as an older GitHub Enterprise Server: other addresses, fewer fields, short tokens."""

from collections.abc import AsyncGenerator

import pytest

from app.forges.fake.scenario import FakeForge
from tests.contracts.support import CHANGED, FILE, installation, mint
from tests.harness.keys import app_key
from tests.harness.openapi import Contract, OfficialDescriptions


@pytest.fixture
async def server(official: OfficialDescriptions) -> AsyncGenerator[FakeForge]:
    # What it answers lacks fields that today's description requires; what it is asked must be right all the same.
    contract = Contract(official, answers_too=False)
    async with FakeForge.start(flavour="ghes-3.5", key=app_key()) as forge:
        contract.watch(forge)
        yield forge
    contract.assert_kept()


async def test_addresses_and_fields_of_an_older_server(server: FakeForge) -> None:
    repo = await server.create_repo("acme/shop", files={"shop.py": FILE})
    app = await server.install_app()
    pull = await repo.open_pull_request(changes={"shop.py": CHANGED})
    await pull.label("later")
    assert app.api_url == f"{server.url}/api/v3"
    assert server.graphql_url == f"{server.url}/api/graphql"
    async with installation(server, app) as http:
        answer = await http.get(f"/repositories/{repo.repo_id}/pulls/1")
        assert answer.headers["x-github-enterprise-version"] == "3.5.0"
        label = answer.json()["labels"][0]
        assert label["name"] == "later"
        assert "archived_by" not in label
        assert "user_view_type" not in answer.json()["user"]
        assert answer.json()["url"].startswith(f"{server.url}/api/v3/repos/acme/shop")
        asked = await http.post(server.graphql_url, json={"query": "{ viewer { login } }"})
        assert asked.json()["data"]["viewer"]["login"] == "corrigent"
        unknown = await http.get("/rate_limit", headers={"x-github-api-version": "2026-03-10"})
        assert unknown.status_code == 200


async def test_tokens_are_short_there(server: FakeForge) -> None:
    await server.create_repo("acme/shop")
    app = await server.install_app()
    minted = (await mint(server, app)).json()
    assert len(minted["token"]) == 40


async def test_deliveries_say_where_they_come_from(server: FakeForge) -> None:
    await server.create_repo("acme/shop")
    server.webhook_url = "http://127.0.0.1:1/hooks/ghes"
    await server.install_app()
    await server.deliveries_answered()
    sent = server.deliveries[-1]
    assert sent.headers["X-GitHub-Enterprise-Version"] == "3.5.0"
    assert "client_id" not in str(sent.payload)
