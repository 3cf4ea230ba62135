"""Pull requests that were open before: their price is said first, and only a yes has them reviewed."""

import asyncio
import re
from collections.abc import AsyncGenerator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from app.backfill import backfill
from app.demo import shop as samples
from app.doctor.base import Ground
from app.doctor.first_day import check_first_day
from app.domain.errors import UserError
from app.domain.pull_request import PullRequestRef
from app.forges.fake.pull_scenario import FakePullRequest
from app.forges.fake.scenario import FakeForge
from app.store.tables import audit
from tests.harness.system import System, corrigent, settings_for
from tests.harness.temporal import TemporalServer


class Left:
    """Two pull requests from before the first day, and a draft."""

    def __init__(self, system: System, older: FakePullRequest, newer: FakePullRequest) -> None:
        self.system = system
        self.older = older
        self.newer = newer
        self.said: list[str] = []

    async def run(self, *, last: int = 10, repo: str = "", yes: bool = True, model: str | None = None) -> int:
        settings = self.system.settings
        if model is not None:
            settings = settings.model_copy(update={"model": model})
        return await backfill(settings, last=last, repo=repo, confirm=lambda _: yes, say=self.said.append)


@pytest.fixture
async def left(forge: FakeForge, temporal: TemporalServer, tmp_path: Path) -> AsyncGenerator[Left]:
    repo = await forge.create_repo(samples.REPOSITORY, files=samples.BASE)
    older = await repo.open_pull_request(title="Refund on retry", changes={"billing/refunds.py": "RETRIES = 3\n"})
    newer = await repo.open_pull_request(title="Rename a label", changes={"labels.py": "SHIP = 'Ship'\n"})
    draft = await repo.open_pull_request(title="Not yet", changes={"draft.py": "DRAFT = True\n"}, draft=True)
    for one in (older, newer, draft):
        one.pull.created_at -= timedelta(days=1)
    credentials = await forge.install_app(repos=[repo])
    async with corrigent(forge, credentials, temporal, tmp_path / "home", with_model=False) as system:
        turns, store = system.running.turns, system.running.store
        assert turns is not None
        await turns.run_chore("reconcile")
        (known,) = await system.running.forges.readers["github"].repositories()
        ref = PullRequestRef(connection="github", repo_id=known.repo_id, number=draft.number)
        async with asyncio.timeout(20):
            while (state := await store.pull_requests.get(ref)) is None or not state.watermark_sha:
                await asyncio.sleep(0.05)
        yield Left(system, older, newer)


async def test_only_a_yes_has_the_newest_reviewed(left: Left) -> None:
    first_day = await check_first_day(Ground(left.system.settings))
    assert first_day.text.startswith("3 pull requests were open before Corrigent came and stay unreviewed.")
    assert await left.run(yes=False) == 0
    assert left.said == [
        "2 of 2 open pull requests without a review, newest first:",
        "  acme/shop 2  Rename a label",
        "  acme/shop 1  Refund on retry",
        "No model is configured: linters read them, and they cost nothing.",
        "Nothing was done.",
    ]
    await left.system.quiet()
    assert (left.older.checks, left.newer.checks) == ([], [])
    assert await left.run(last=1) == 0
    assert left.said[-1] == "handed over  acme/shop 2  Rename a label"
    await left.system.forge.wait_until(lambda: [one for one in left.newer.checks if one.conclusion], timeout=20)
    await left.system.quiet()
    assert left.older.checks == []
    assert await audited(left.system) == [("operator", "backfill", str(left.newer.number))]
    # The cost is that of the very questions that would be asked.
    left.said.clear()
    await left.run(yes=False, model="anthropic:claude-sonnet-4-5")
    assert left.said[1].startswith("  acme/shop 1  Refund on retry · about ")
    assert re.search(r"about [\d,]+ tokens, \$0\.\d\d$", left.said[1])
    assert left.said[2].startswith("Together 6 questions, about "), "five passes and a check"
    left.said.clear()
    await left.run(yes=False, model="openai:a-model-nobody-knows")
    assert "the price of openai:a-model-nobody-knows is not known here" in left.said[2]
    with pytest.raises(UserError, match="No connection of ours reaches 'acme/other'"):
        await left.run(repo="acme/other")


async def audited(system: System) -> list[tuple[str, str, str]]:
    """Who asked for what, on which pull request."""
    db = system.running.store.db
    rows = await db.read(lambda sql: sql.execute(select(audit).where(audit.c.kind == "command")).mappings().all())
    return [(row["actor"], row["detail"]["word"], row["ref"].rpartition("/")[2]) for row in rows]


async def test_cut_off_and_begun_again_it_asks_for_each_head_once(left: Left) -> None:
    def cut_off(line: str) -> None:
        if line.startswith("handed over"):
            raise InterruptedError(line)

    with pytest.raises(InterruptedError, match="acme/shop 2"):
        await backfill(left.system.settings, last=10, repo="", confirm=lambda _: True, say=cut_off)
    assert await left.run() == 0
    for one in (left.older, left.newer):
        await left.system.forge.wait_until(
            lambda one=one: [check for check in one.checks if check.conclusion], timeout=90
        )
    await left.system.quiet()
    assert [len(one.checks) for one in (left.older, left.newer)] == [1, 1]
    assert sorted(await audited(left.system)) == [("operator", "backfill", "1"), ("operator", "backfill", "2")]


async def test_where_nothing_runs_it_says_what_to_start(forge: FakeForge, tmp_path: Path) -> None:
    repo = await forge.create_repo("acme/shop")
    settings = settings_for(tmp_path / "home", await forge.install_app(repos=[repo]), forge)
    with pytest.raises(UserError, match="Start `corrigent up` first"):
        await backfill(settings, last=1, repo="", confirm=lambda _: True, say=lambda _: None)
    assert not (tmp_path / "home").exists()
