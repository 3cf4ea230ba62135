"""The world changes in the middle of a review: access goes, the head moves, the pull request closes."""

from collections.abc import AsyncGenerator, Awaitable, Callable

import pytest

from app.demo import shop as samples
from app.forges.fake.pull_scenario import FakePullRequest
from tests.harness.stage import PATIENCE, Inside
from tests.harness.story import push_when_staged, when_staged

REFUNDS = samples.SAMPLES[0]
# From the moment access is gone: what is under way finds out, tries to say so, and stops.
FEW = 20


async def in_the_middle(stage: Inside) -> FakePullRequest:
    """A pull request whose model is being asked right now, for a second."""
    stage.script.answers.insert(0, {"when": [REFUNDS.title], "findings": [], "delay": 1, "times": 1})
    stage.script.write()
    pull_request = await stage.open()
    await stage.forge.wait_until(lambda: stage.model_calls, timeout=PATIENCE)
    return pull_request


@pytest.fixture
async def left(open_end: Inside) -> AsyncGenerator[Inside]:
    """For tests after which nobody can be told anything."""
    yield open_end
    await open_end.quiet()
    await open_end.invariants.assert_hold(told=False)


def uninstall(stage: Inside) -> None:
    stage.forge.uninstall(stage.invariants.credentials.installation_id)


def suspend(stage: Inside) -> None:
    stage.forge.suspend(stage.invariants.credentials.installation_id)


def take_rights_away(stage: Inside) -> None:
    stage.forge.accept_permissions(stage.invariants.credentials.installation_id, {"contents": "read"})
    revoke(stage)


def revoke(stage: Inside) -> None:
    for token in stage.forge.github.tokens.values():
        token.revoked = True


def archive(stage: Inside) -> None:
    stage.repo.archive()


@pytest.mark.parametrize("leave", [uninstall, suspend, take_rights_away, archive])
async def test_a_review_whose_access_is_taken_away_ends_quietly(left: Inside, leave: Callable[[Inside], None]) -> None:
    pull_request = await in_the_middle(left)
    before = len(left.forge.requests)
    leave(left)
    await left.quiet()
    assert len(left.forge.requests) - before <= FEW, left.forge.story()
    assert not pull_request.reviews


async def test_a_revoked_token_is_replaced(shop: Inside) -> None:
    pull_request = await in_the_middle(shop)
    revoke(shop)
    await shop.settled(pull_request)
    assert [check.conclusion for check in pull_request.checks] == ["neutral"]
    assert 401 in [seen.status for seen in shop.forge.requests]


async def test_a_head_that_moves_before_the_review_is_shown_supersedes_it(shop: Inside) -> None:
    pull_request = await shop.open()
    first = pull_request.head_sha
    pushing = push_when_staged(shop, pull_request)
    await shop.settled(pull_request, head_sha=first)
    await pushing
    await shop.settled(pull_request)
    assert [check.conclusion for check in pull_request.checks_of(first)] == ["cancelled"]
    assert [review.commit_id for review in pull_request.reviews] == [pull_request.head_sha]


async def force_push(pull_request: FakePullRequest) -> None:
    await pull_request.force_push(REFUNDS.changes)


async def close(pull_request: FakePullRequest) -> None:
    await pull_request.close()


async def retarget(pull_request: FakePullRequest) -> None:
    await pull_request.retarget("stable")


async def convert(pull_request: FakePullRequest) -> None:
    await pull_request.convert_to_draft()


@pytest.mark.parametrize("change", [force_push, close, retarget, convert])
async def test_what_happens_between_staging_and_showing_leaves_nothing_behind(
    shop: Inside, change: Callable[[FakePullRequest], Awaitable[None]]
) -> None:
    await shop.repo.commit({"STABLE.md": "Released.\n"}, branch="stable")
    pull_request = await shop.open()
    changing = when_staged(shop, pull_request, lambda: change(pull_request))
    await shop.forge.wait_until(changing.done, timeout=PATIENCE)
    await changing
    await shop.settled(pull_request)
    assert len(pull_request.reviews) <= 1


async def test_a_head_that_left_the_pull_request_before_its_review_was_staged_supersedes_it(shop: Inside) -> None:
    """GitHub refuses a review of a commit that is no longer there: the run ends, it is not tried for a day."""
    shop.script.hold(until="pushed")
    pull_request = await shop.open()
    first = pull_request.head_sha
    await shop.forge.wait_until(lambda: shop.model_calls, timeout=PATIENCE)
    await shop.forge.deliveries_answered()
    shop.forge.hold_deliveries()
    await pull_request.force_push({**REFUNDS.changes, "README.md": "# Shop\n\nAgain.\n"})
    (shop.script.path.parent / "pushed").touch()
    await shop.settled(pull_request, head_sha=first)
    assert [check.title for check in pull_request.checks_of(first)] == [f"Superseded by {pull_request.head_sha[:7]}"]
    shop.forge.release_deliveries()
    await shop.settled(pull_request)
    assert len(pull_request.reviews) == 1
