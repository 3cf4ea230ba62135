"""What tests of the GitLab adapter may ask for: GitLab in bad weather, and the parts that speak to it."""

from collections.abc import AsyncGenerator, AsyncIterator, Iterator

import pytest
import respx
from pydantic import SecretStr

from app.forges.fake.gitlab.pull_scenario import FakeMergeRequest
from app.forges.fake.gitlab.repo_scenario import FakeProject
from app.forges.fake.gitlab.scenario import FakeGitLab
from app.forges.gitlab.client import GitLabClient
from app.forges.gitlab.heads import Heads
from app.forges.gitlab.reader import GitLabReader
from app.forges.gitlab.writer import GitLabWriter
from app.forges.registry import Connection, build
from tests.gitlab.support import (
    API,
    BOT_ID,
    RememberingLimits,
    connection,
)
from tests.gitlab.world import LINES, World


@pytest.fixture
def api() -> Iterator[respx.MockRouter]:
    with respx.mock(base_url=API, assert_all_called=False) as router:
        yield router


@pytest.fixture
def limits() -> RememberingLimits:
    return RememberingLimits()


@pytest.fixture
async def client(limits: RememberingLimits) -> AsyncIterator[GitLabClient]:
    client = GitLabClient(connection(), limits)
    yield client
    await client.close()


@pytest.fixture
def heads() -> Heads:
    return Heads()


@pytest.fixture
def reader(client: GitLabClient, heads: Heads) -> GitLabReader:
    return GitLabReader(client, heads, BOT_ID)


@pytest.fixture
def writer(client: GitLabClient, heads: Heads) -> GitLabWriter:
    return GitLabWriter(client, heads, BOT_ID)


@pytest.fixture
async def world() -> AsyncGenerator[World]:
    async with FakeGitLab.start(prefix="/git") as fake:
        fake.webhook_url = "http://127.0.0.1:9/hooks/gitlab"
        project = await fake.create_repo("acme/backend/shop", files={"billing.py": LINES})
        bot = await fake.install_bot(repos=[project], signed=True)
        connection = Connection(
            key="gitlab",
            kind="gitlab",
            api_url=bot.api_url,
            web_url=fake.url,
            token=SecretStr(bot.token),
            signing_tokens=(SecretStr(bot.signing_token),),
            user_id=bot.user_id,
            slug=bot.username,
        )
        forge = build(connection, RememberingLimits())
        fake.hold_deliveries()
        yield World(fake, project, bot, forge)
        await forge.close()


@pytest.fixture
async def pull(world: World) -> FakeMergeRequest:
    changed = LINES.replace("line 2\n", "two, mended\n").replace("line 50\n", "fifty\n")
    return await world.project.open_pull_request(changes={"billing.py": changed}, branch="refunds")


@pytest.fixture
async def fork(world: World) -> FakeProject:
    return await world.project.fork("sam")
