"""A fake GitLab whose every request is checked against GitLab's own description, and people who speak to it."""

import ssl
from collections.abc import AsyncGenerator
from dataclasses import dataclass

import httpx
import pytest

from app.forges.fake.gitlab.pull_scenario import FakeMergeRequest
from app.forges.fake.gitlab.repo_scenario import FakeProject
from app.forges.fake.gitlab.scenario import BotCredentials, FakeGitLab
from tests.harness.swagger import GitLabContract

LINES = "".join(f"line {number}\n" for number in range(1, 41))
CHANGED = LINES.replace("line 5\n", "line five\n").replace("line 30\n", "")


@dataclass
class Site:
    """A project in a subgroup with one merge request, and the bot's client."""

    fake: FakeGitLab
    project: FakeProject
    merge_request: FakeMergeRequest
    bot: BotCredentials
    http: httpx.AsyncClient

    @property
    def at(self) -> str:
        return f"/projects/{self.project.repo_id}"

    @property
    def mr(self) -> str:
        return f"{self.at}/merge_requests/{self.merge_request.number}"

    async def position(self, **lines: object) -> dict[str, object]:
        refs = (await self.http.get(self.mr)).json()["diff_refs"]
        return {**refs, "position_type": "text", "old_path": "pay.py", "new_path": "pay.py", **lines}

    def client(self, token: str = "") -> httpx.AsyncClient:
        """Somebody else's; nobody's without a token."""
        headers = {"private-token": token} if token else {}
        return httpx.AsyncClient(base_url=self.fake.api_url, headers=headers, verify=TLS, trust_env=False)


# A context of our own is quick to make.
TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@pytest.fixture
async def site() -> AsyncGenerator[Site]:
    contract = GitLabContract()
    async with FakeGitLab.start() as fake:
        contract.watch(fake)
        fake.webhook_url = "http://127.0.0.1:9/hooks/gitlab"
        fake.hold_deliveries()
        project = await fake.create_repo("acme/backend/shop", files={"pay.py": LINES, "old.py": LINES})
        bot = await fake.install_bot(repos=[project])
        merge_request = await project.open_pull_request(changes={"pay.py": CHANGED})
        headers = {"private-token": bot.token}
        async with httpx.AsyncClient(base_url=fake.api_url, headers=headers, verify=TLS, trust_env=False) as http:
            yield Site(fake, project, merge_request, bot, http)
    contract.assert_kept()
