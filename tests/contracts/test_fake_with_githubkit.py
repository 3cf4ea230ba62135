"""githubkit itself, as a stranger to the fake, finds its way: App, token, review, check, pages, GraphQL."""

import ssl
from collections.abc import AsyncGenerator

import pytest
from githubkit import AppInstallationAuthStrategy, GitHub
from githubkit.cache import MemCacheStrategy
from githubkit.exception import PrimaryRateLimitExceeded, RequestFailed, SecondaryRateLimitExceeded

from app.forges.fake import faults
from app.forges.fake.limits import LimitSettings
from app.forges.fake.pull_scenario import FakePullRequest
from app.forges.fake.scenario import FakeForge
from tests.contracts.support import CHANGED, FILE

Client = GitHub[AppInstallationAuthStrategy]


@pytest.fixture
async def pull(forge: FakeForge) -> FakePullRequest:
    repo = await forge.create_repo("acme/shop", files={"shop.py": FILE})
    return await repo.open_pull_request(changes={"shop.py": CHANGED})


@pytest.fixture
async def github(forge: FakeForge, pull: FakePullRequest) -> AsyncGenerator[Client]:
    app = await forge.install_app()
    auth = AppInstallationAuthStrategy(app.app_id, app.private_key_pem, app.installation_id)
    client = GitHub(
        auth,
        base_url=forge.api_url,
        # The default one is shared by everything in the process, whatever its host.
        cache_strategy=MemCacheStrategy(),
        http_cache=False,
        auto_retry=False,
        timeout=5.0,
        ssl_verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
    )
    async with client:
        yield client


async def test_the_whole_way_of_a_review(forge: FakeForge, pull: FakePullRequest, github: Client) -> None:
    read = await github.rest.pulls.async_get("acme", "shop", 1)
    assert read.parsed_data.head.sha == pull.head_sha
    made = await github.rest.checks.async_create(
        "acme", "shop", data={"name": "Corrigent", "head_sha": pull.head_sha, "status": "in_progress"}
    )
    review = await github.rest.pulls.async_create_review(
        "acme",
        "shop",
        1,
        body="One thing.",
        comments=[{"path": "shop.py", "line": 5, "side": "RIGHT", "body": "Here."}],
    )
    assert review.parsed_data.state == "PENDING"
    await github.rest.pulls.async_submit_review("acme", "shop", 1, review.parsed_data.id, event="COMMENT")
    comments = await github.rest.pulls.async_list_comments_for_review("acme", "shop", 1, review.parsed_data.id)
    assert [one.line for one in comments.parsed_data] == [5]
    ended = await github.rest.checks.async_update(
        "acme", "shop", made.parsed_data.id, data={"status": "completed", "conclusion": "neutral"}
    )
    assert ended.parsed_data.conclusion == "neutral"
    answer = await github.async_graphql(
        "query($id: ID!) { node(id: $id) { __typename } }", {"id": review.parsed_data.node_id}
    )
    assert answer == {"node": {"__typename": "PullRequestReview"}}
    assert len(pull.reviews) == 1
    assert sum(1 for one in forge.requests if one.path.endswith("access_tokens")) == 1


async def test_pages_are_followed(pull: FakePullRequest, github: Client) -> None:
    for number in range(7):
        pull.comment(f"{number}")
    found = [
        one.body
        async for one in github.rest.paginate(
            github.rest.issues.async_list_comments, owner="acme", repo="shop", issue_number=1, per_page=3
        )
    ]
    assert found == [f"{number}" for number in range(7)]


async def test_limits_are_understood(forge: FakeForge, pull: FakePullRequest, github: Client) -> None:
    await github.rest.repos.async_get("acme", "shop")
    forge.fault(faults.secondary_as_text(), method="GET")
    with pytest.raises(RequestFailed) as in_words:
        await github.rest.repos.async_get("acme", "shop")
    assert type(in_words.value) is RequestFailed
    forge.set_limits(LimitSettings(points_per_minute=0))
    with pytest.raises(SecondaryRateLimitExceeded):
        await github.rest.repos.async_get("acme", "shop")
    forge.set_limits(LimitSettings(per_hour=0))
    with pytest.raises(PrimaryRateLimitExceeded):
        await github.rest.repos.async_get("acme", "shop")
