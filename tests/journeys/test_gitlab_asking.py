"""A merge request that nobody reviewed by itself: `backfill`, or making the bot its reviewer, has it reviewed."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import JsonValue

from app.backfill import backfill
from app.domain.errors import UserError
from app.domain.outcomes import Outcome
from app.domain.pull_request import PullRequestRef
from app.forges.fake.gitlab.pull_scenario import FakeMergeRequest
from app.forges.fake.gitlab.repo_scenario import FakeProject
from app.forges.fake.gitlab.scenario import BotCredentials, FakeGitLab
from tests.harness.system import AtWork, at_work
from tests.harness.temporal import TemporalServer


@dataclass
class Site:
    """Corrigent at work for a GitLab on which one merge request was open before it came."""

    fake: FakeGitLab
    project: FakeProject
    older: FakeMergeRequest
    bot: BotCredentials
    at_work: AtWork

    async def outcome(self, merge_request: FakeMergeRequest) -> Outcome | None:
        """Of its head's run, when nothing more is going on."""
        await self.fake.deliveries_answered()
        await self.at_work.idle()
        run = await self.at_work.running.store.runs.of_head("gitlab", self.project.repo_id, merge_request.head_sha)
        return run.outcome if run else None


@pytest.fixture
async def site(temporal: TemporalServer, tmp_path: Path) -> AsyncGenerator[Site]:
    async with FakeGitLab.start() as fake:
        project = await fake.create_repo("acme/backend/shop")
        bot = await fake.install_bot("project_7_bot_3f", repos=[project])
        older = await project.open_pull_request(title="From before", changes={"late.py": "fee = nowhere\n"})
        older.item.created_at -= timedelta(days=1)
        connection: dict[str, JsonValue] = {
            **{"key": "gitlab", "kind": "gitlab", "web_url": fake.url, "slug": bot.username, "user_id": bot.user_id},
            **{"token": bot.token, "webhook_secret": bot.webhook_secret},
        }
        async with at_work(connection, temporal, tmp_path / "home", with_model=False) as system:
            fake.webhook_url = f"http://127.0.0.1:{system.running.port}/hooks/gitlab"
            yield Site(fake, project, older, bot, system)


async def test_who_asks_the_bot_gets_a_review_and_again_another(site: Site) -> None:
    draft = await site.project.open_pull_request(title="Draft: Fees", changes={"fees.py": "fee = nobody\n"}, draft=True)
    assert await site.outcome(draft) in (None, Outcome.SKIPPED)
    assert draft.threads == []
    draft.request_review(site.bot.username)
    assert await site.outcome(draft) is Outcome.NO_MODEL
    (thread,) = draft.threads
    assert "nobody" in thread.notes[0].body
    reads = sum(seen.path.endswith("/merge_requests/2") for seen in site.fake.requests)
    draft.request_review(site.bot.username)
    await site.outcome(draft)
    assert sum(seen.path.endswith("/merge_requests/2") for seen in site.fake.requests) > reads
    # Asked again with nothing new to say, it says nothing twice.
    assert len(draft.threads) == 1


async def test_what_was_open_before_is_reviewed_by_backfill(site: Site) -> None:
    settings, turns = site.at_work.settings, site.at_work.running.turns
    assert turns is not None
    await turns.run_chore("reconcile")
    said: list[str] = []
    ref = PullRequestRef(connection="gitlab", repo_id=site.project.repo_id, number=site.older.number)
    async with asyncio.timeout(20):
        while (state := await site.at_work.running.store.pull_requests.get(ref)) is None or not state.watermark_sha:
            await asyncio.sleep(0.05)
    assert await site.outcome(site.older) is None
    assert await backfill(settings, last=5, repo="acme/backend/shop", confirm=lambda _: True, say=said.append) == 0
    assert "acme/backend/shop 1  From before" in said[1]
    async with asyncio.timeout(60):
        while await site.outcome(site.older) is not Outcome.NO_MODEL:
            await asyncio.sleep(0.05)
    assert len(site.older.threads) == 1
    with pytest.raises(UserError, match="No connection of ours reaches 'acme/other'"):
        await backfill(settings, last=5, repo="acme/other", confirm=lambda _: True, say=said.append)
