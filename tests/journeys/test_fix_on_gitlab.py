"""Fixes on GitLab: shown, applied by who may, put where the branch is, and never where GitLab says no."""

from collections.abc import AsyncGenerator

import pytest
import pytest_asyncio
from sqlalchemy import delete

from app.domain.pull_request import Permission, PullRequestRef
from app.domain.review import ReviewerUsage
from app.forges.fake.gitlab.entities import Access
from app.forges.fake.gitlab.pull_scenario import FakeMergeRequest
from app.forges.fake.gitlab.repo_scenario import FakeProject
from app.store.clock import utc_now
from app.store.tables import usage
from tests.contracts.standing import REFUNDS, Standing, a_standing
from tests.contracts.telling import comments_of, threads_of
from tests.harness.system import Script
from tests.harness.temporal import TemporalServer
from tests.journeys.fixing import AGREES, MENDS_SECONDS, RAISES, need_sandbox

# The script's answers cost nothing, so only what a test writes down is spent of it.
DAILY_BUDGET = 100.0
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def standing(temporal: TemporalServer, tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Standing]:
    need_sandbox()
    home = tmp_path_factory.mktemp("home")
    async with a_standing("gitlab", temporal, home, prepare=_mends, daily_budget=DAILY_BUDGET) as made:
        yield made


def _mends(script: Script) -> None:
    script.agents.append(MENDS_SECONDS)
    script.answers.append(AGREES)


def project_of(standing: Standing) -> FakeProject:
    assert isinstance(standing.repo, FakeProject)
    return standing.repo


def answer(pull: FakeMergeRequest) -> str:
    """What we said last."""
    return [text for who, text in comments_of(pull) if who == "us"][-1]


async def opened(standing: Standing, *, fork: FakeProject | None = None) -> FakeMergeRequest:
    pull = await project_of(standing).open_pull_request(
        author=fork.full_name.partition("/")[0] if fork else REFUNDS.author,
        title=REFUNDS.title,
        branch="from-a-fork" if fork else REFUNDS.branch,
        changes=REFUNDS.changes,
        from_fork=fork,
    )
    await standing.reviewed(pull)
    return pull


async def test_a_fix_is_put_on_the_branch_by_who_may_and_when_gitlab_lets_it(standing: Standing) -> None:
    project, pull = project_of(standing), await opened(standing)
    first = pull.head_sha
    assert await standing.said(pull, "/corrigent fix 3") == ["eyes", "done"]
    assert answer(pull).startswith("**Finding 3 is mended and proved.** +1 −1 `billing/refunds.py`")

    project.set_role("sam", Permission.READ)
    assert await standing.said(pull, "/corrigent apply 3", by="sam") == ["eyes", "confused"]
    assert answer(pull).startswith("`apply` needs write access to acme/shop; sam can read. Nothing was done.")

    project.protect(pull.item.source_branch)
    assert await standing.said(pull, "/corrigent apply 3") == ["eyes", "confused"]
    assert "The forge refused the push to refund-on-retry" in answer(pull)
    assert pull.head_sha == first

    # Somebody else was quicker: nothing of theirs is lost.
    project.protect(pull.item.source_branch, push=Access.DEVELOPER)
    theirs = await pull.push({"notes.md": "Meanwhile.\n"})
    assert await standing.said(pull, "/corrigent apply 3") == ["eyes", "done"]
    assert answer(pull).startswith(f"**Finding 3 is mended and proved: {pull.head_sha[:7]} is on this branch")
    commit = await project.git.commit_details(pull.head_sha)
    assert commit.parents == (theirs,)
    await standing.reviewed(pull)
    assert [told.resolved for told in threads_of(pull)] == [False, True]


async def test_an_agent_does_not_begin_when_the_operators_day_is_spent(standing: Standing) -> None:
    """Also when it was another repository's: it says so in the thread, and no model hears of the finding."""
    pull = await standing.open()
    await standing.reviewed(pull)
    store = standing.at_work.running.store
    spent = ReviewerUsage(model="dear", requests=1, dollars=DAILY_BUDGET)
    elsewhere = PullRequestRef(connection="gitlab", repo_id="4242", number=1)
    await store.usage.add("elsewhere", elsewhere, "", spent, utc_now())
    try:
        asked = len(standing.at_work.script.calls())
        at = next(at for at, told in enumerate(threads_of(pull)) if "Timeout in milliseconds" in told.opening)
        said = await standing.answered(pull, at, "/corrigent fix")
        assert said.startswith(
            "No fix for finding 3: no analyser has a safe one, and what may be spent (`$100`) is spent;"
        )
        assert "the operator raises `daily_budget`. Nothing was pushed." in said
        assert len(standing.at_work.script.calls()) == asked
        ref = PullRequestRef(connection="gitlab", repo_id=standing.repo.repo_id, number=pull.number)
        [agent] = await store.agents.of(ref)
        assert (agent.state, agent.spent.steps) == ("failed", 0)
    finally:
        await store.db.write(lambda sql: sql.execute(delete(usage).where(usage.c.run_id == "elsewhere")))


async def test_a_fork_is_changed_only_where_its_author_lets_members(standing: Standing) -> None:
    fork = await project_of(standing).fork("eve")
    # Sees it, and may write to it only where the merge request says so.
    fork.set_role("corrigent", Permission.TRIAGE)
    pull = await opened(standing, fork=fork)
    first = pull.head_sha
    assert await standing.said(pull, "/corrigent apply 3") == ["eyes", "confused"]
    assert "The branch is in a fork, which is changed by its owner only." in answer(pull)
    assert "```diff" in answer(pull)
    assert pull.head_sha == first

    pull.item.allow_collaboration = True
    assert await standing.said(pull, "/corrigent apply 3") == ["eyes", "done"]
    assert pull.head_sha != first
    assert (await fork.git.commit_details(pull.head_sha)).parents == (first,)


@pytest.mark.parametrize("mode", ["commit", "branch"])
async def test_a_fix_that_the_configuration_asks_for_goes_where_it_says(standing: Standing, mode: str) -> None:
    project = project_of(standing)
    await project.commit({".corrigent.yaml": f"autofix: {mode}\n"})
    pull = await project.open_pull_request(title="Prices", branch=f"prices-{mode}", changes=RAISES)
    first = pull.head_sha
    await standing.reviewed(pull, head_sha=first)
    (thread,) = pull.threads
    said = thread.notes[-1].body
    tip = pull.head_sha if mode == "commit" else (await project.git.refs())[f"refs/heads/corrigent/{pull.number}-1"]
    assert (await project.git.commit_details(tip)).parents == (first,)
    assert (pull.head_sha == first) == (mode == "branch")
    where = f"{tip[:7]} is on this branch" if mode == "commit" else f"git fetch origin corrigent/{pull.number}-1"
    assert where in said
