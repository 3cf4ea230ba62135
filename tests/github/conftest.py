"""What tests of the GitHub adapter may ask for: GitHub in bad weather, and the parts that speak to it."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import respx

from app.forges.github.auth import AppAuth
from app.forges.github.client import GitHubClient
from app.forges.github.reader import GitHubReader
from app.forges.github.writer import GitHubWriter
from tests.github.support import API, KEY, RememberingLimits, connection
from tests.harness.openapi import OfficialDescriptions


@pytest.fixture(scope="session")
def official(shared_data: Path) -> OfficialDescriptions:
    return OfficialDescriptions(shared_data / "github")


@pytest.fixture
def api() -> Iterator[respx.MockRouter]:
    with respx.mock(base_url=API, assert_all_called=False) as router:
        yield router


@pytest.fixture
def limits() -> RememberingLimits:
    return RememberingLimits()


@pytest.fixture
async def client(limits: RememberingLimits) -> AsyncIterator[GitHubClient]:
    client = GitHubClient(connection(), limits)
    yield client
    await client.close()


@pytest.fixture
def auth(client: GitHubClient) -> AppAuth:
    given = client.connection
    assert given.app_id is not None
    return AppAuth(client, app_id=given.app_id, key=KEY, slug=given.slug)


@pytest.fixture
def reader(client: GitHubClient, auth: AppAuth) -> GitHubReader:
    return GitHubReader(client, auth)


@pytest.fixture
def writer(client: GitHubClient, auth: AppAuth) -> GitHubWriter:
    return GitHubWriter(client, auth)
