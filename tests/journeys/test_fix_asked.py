"""Ways to ask for a fix and what may come between: all at once by the buttons, a fork's branch, somebody else, a stop."""

import asyncio

import pytest
from pydantic import JsonValue

from app.demo import shop as samples
from app.domain.pull_request import OPERATOR, PullRequestRef
from app.forges.fake.pull_scenario import FakePullRequest
from app.forges.fake.repo_scenario import FakeRepo
from tests.journeys.conftest import Shop
from tests.journeys.fixing import AGREES, MENDS_SECONDS, TEST, call, finish, need_sandbox, said
from tests.journeys.test_buttons_of_pages import browser_of, press
from tests.journeys.test_fix_in_threads import AFTER, BEFORE, ONCE

REFUNDS = samples.SAMPLES[0]
MENDS_ALL: dict[str, JsonValue] = {
    "when": ["A retried webhook pays the customer twice", "Timeout in milliseconds"],
    "steps": [
        call("edit", path="billing/refunds.py", old=BEFORE, new=AFTER),
        call("edit", path="billing/refunds.py", old="timeout=2000", new="timeout=2"),
        call("write", path="tests/test_retry.py", content=ONCE),
        call("write", path="tests/test_timeout.py", content=TEST),
        finish(
            "The event is stored first, and the timeout is in seconds.",
            *(1, 3, "python3 -m unittest -v tests.test_retry", "python3 -m unittest -v tests.test_timeout"),
        ),
    ],
}

ASKS: dict[str, JsonValue] = {"when": ["Which way is better?"], "steps": [call("ask", question="Better for whom?")]}


@pytest.fixture
async def mending(shop: Shop) -> Shop:
    need_sandbox()
    shop.system.script.agents += [MENDS_ALL, MENDS_SECONDS, ASKS]
    shop.system.script.answers.insert(0, AGREES)
    shop.system.script.write()
    return shop


async def opened(shop: Shop, branch: str, *, fork: FakeRepo | None = None) -> FakePullRequest:
    pull_request = await shop.repo.open_pull_request(
        author="maria", title=REFUNDS.title, branch=branch, changes=REFUNDS.changes, body="", from_fork=fork
    )
    await shop.forge.wait_until(
        lambda: [check for check in pull_request.checks_of(pull_request.head_sha) if check.conclusion], timeout=60
    )
    return pull_request


async def the_button_mends_all(shop: Shop) -> None:
    pull_request = await opened(shop, "all")
    pull_request.press("fix")
    await shop.forge.wait_until(lambda: said(pull_request), timeout=90)
    assert said(pull_request)[-1].startswith("**Findings 1 and 3 are mended and proved.**")
    assert "`/corrigent apply 1, 3` puts it on this branch" in said(pull_request)[-1]


async def the_button_of_its_page_does_so_too(shop: Shop) -> None:
    pull_request = await opened(shop, "page")
    store = shop.system.running.store
    ref = PullRequestRef(connection="github", repo_id=shop.repo.repo_id, number=pull_request.number)
    run = await store.runs.latest(ref)
    assert run is not None
    async with browser_of(shop) as browser:
        await press(browser, f"/runs/{run.run_id}", "fix")
    await shop.forge.wait_until(lambda: said(pull_request), timeout=90)
    assert said(pull_request)[-1].startswith("**Findings 1 and 3 are mended and proved.**")
    assert "<sub>Asked by operator" in said(pull_request)[-1]
    assert [(one.asked_by, one.numbers) for one in await store.agents.of(ref)] == [(OPERATOR, (1, 2, 3))]


async def a_fork_s_branch_gets_the_change_to_apply(shop: Shop) -> None:
    pull_request = await opened(shop, "forked", fork=await shop.repo.fork("eve"))
    head = pull_request.head_sha
    pull_request.comment("/corrigent apply 3")
    await shop.forge.wait_until(lambda: said(pull_request), timeout=90)
    assert "The branch is in a fork, which is changed by its owner only." in said(pull_request)[-1]
    assert "```diff" in said(pull_request)[-1]
    assert "then `git apply FILE`" in said(pull_request)[-1]
    assert pull_request.head_sha == head


async def somebody_else_is_quicker(shop: Shop) -> None:
    pull_request = await opened(shop, "busy")
    ref = PullRequestRef(connection="github", repo_id=shop.repo.repo_id, number=pull_request.number)
    first = pull_request.comment("/corrigent fix 3")
    await shop.forge.wait_until(lambda: first.reactions, timeout=60)
    second = pull_request.comment("/corrigent apply 3")
    async with asyncio.timeout(90):
        while "proving" not in [one.state for one in await shop.system.running.store.agents.of(ref)]:
            await asyncio.sleep(0.02)
    theirs = await pull_request.push({"notes.md": "Meanwhile.\n"})
    await shop.forge.wait_until(lambda: said(pull_request), timeout=90)
    assert said(pull_request)[-1].startswith(
        f"**Finding 3 is mended and proved: {pull_request.head_sha[:7]} is on this branch"
    )
    commit = await shop.repo.repository.git.commit_details(pull_request.head_sha)
    assert commit.parents == (theirs,)
    # Whoever asked for more while it was prepared got more, and is told like the first one.
    for comment in (first, second):
        await shop.forge.wait_until(lambda comment=comment: len(comment.reactions) > 1, timeout=60)
        assert [reaction.content for reaction in comment.reactions] == ["eyes", "+1"]


async def a_word_stops_it(shop: Shop) -> None:
    pull_request = await opened(shop, "stopped")
    pull_request.comment("/corrigent agent Which way is better?")
    await shop.forge.wait_until(lambda: any("Better for whom?" in text for text in said(pull_request)), timeout=90)
    stop = pull_request.comment("/corrigent stop")
    await shop.forge.wait_until(lambda: len(stop.reactions) > 1, timeout=60)
    assert [reaction.content for reaction in stop.reactions] == ["eyes", "+1"]
    store = shop.system.running.store
    ref = PullRequestRef(connection="github", repo_id=shop.repo.repo_id, number=pull_request.number)
    async with asyncio.timeout(60):
        while await store.agents.running(ref):
            await asyncio.sleep(0.05)
    assert [(one.state, one.ending) for one in await store.agents.of(ref)] == [("stopped", "stopped by maria")]


STORIES = (
    the_button_mends_all,
    the_button_of_its_page_does_so_too,
    a_fork_s_branch_gets_the_change_to_apply,
    somebody_else_is_quicker,
    a_word_stops_it,
)


@pytest.mark.timeout(300)
async def test_all_at_once_in_a_fork_and_in_a_hurry(mending: Shop) -> None:
    async with asyncio.TaskGroup() as group:
        for story in STORIES:
            group.create_task(story(mending))
    await mending.system.quiet()
