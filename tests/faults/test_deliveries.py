"""Deliveries doubled, shuffled, late, lost and never made: the last head of every pull request is reviewed once."""

import asyncio
import random
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio.service import RPCError

from app.demo import shop as samples
from app.domain.pull_request import PullRequestRef
from app.forges.fake.outbox import HookRule
from app.forges.fake.pull_scenario import FakePullRequest
from tests.harness.hooks import send_steadily
from tests.harness.invariants import inbox
from tests.harness.process import world
from tests.harness.scripts import CALLS
from tests.harness.stage import PATIENCE, Inside
from workflows.messages import Nudge

REFUNDS = samples.SAMPLES[0]
# Each has a shuffle of its own among all the others.
PULL_REQUESTS = 10
# As many as a dispatcher takes from the inbox together.
AT_ONCE = 64


async def open_another(stage: Inside, number: int) -> FakePullRequest:
    return await stage.repo.open_pull_request(
        title=REFUNDS.title, branch=f"refund-{number}", changes=REFUNDS.changes, author="maria"
    )


async def busy(pull_request: FakePullRequest, seed: int) -> None:
    """Five pushes, and a close with a reopen somewhere between them."""
    acts = ["push"] * 5
    acts.insert(random.Random(seed).randrange(6), "close and reopen")
    for number, act in enumerate(acts):
        if act == "push":
            await pull_request.push({"notes.md": f"Note {number}.\n"})
        else:
            await pull_request.close()
            await pull_request.reopen()


async def reviewed(stage: Inside, pull_requests: list[FakePullRequest]) -> None:
    for pull_request in pull_requests:
        await stage.settled(pull_request)
    for pull_request in pull_requests:
        assert [review.commit_id for review in pull_request.reviews] == [pull_request.head_sha], stage.forge.story()


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.soak)])
async def test_what_comes_in_any_order_ends_the_same(shop: Inside, seed: int) -> None:
    shop.forge.hold_deliveries()
    pull_requests = [await open_another(shop, number) for number in range(PULL_REQUESTS)]
    for number, pull_request in enumerate(pull_requests):
        await busy(pull_request, seed=number)
    shop.forge.release_deliveries(seed=seed)
    await reviewed(shop, pull_requests)
    # Only the last head of each was there to be looked at.
    assert shop.model_calls == PULL_REQUESTS * CALLS


async def test_a_race_of_pushes_is_won_by_the_last(shop: Inside) -> None:
    pull_requests = [await open_another(shop, number) for number in range(5)]
    await asyncio.gather(*(busy(pull_request, seed) for seed, pull_request in enumerate(pull_requests)))
    for pull_request in pull_requests:
        await shop.settled(pull_request)
        (check,) = [check for check in pull_request.checks if check.conclusion != "cancelled"]
        assert check.title == "1 high, 1 medium · 5 files reviewed"


async def test_twice_a_second_apart_and_again_later_is_once(shop: Inside) -> None:
    shop.forge.script_deliveries(HookRule("duplicate", count=1000))
    pull_request = await shop.open()
    await asyncio.sleep(1)
    for delivery in shop.forge.deliveries:
        shop.forge.redeliver(delivery)
    await shop.settled(pull_request)
    pull_request.comment("/corrigent help")
    await shop.forge.wait_until(lambda: len(pull_request.comments) == 2, timeout=PATIENCE)
    await shop.quiet()
    requests = len(shop.forge.requests)
    for delivery in [one for one in shop.forge.deliveries if not one.redelivery]:
        shop.forge.redeliver(delivery)
    await shop.forge.deliveries_answered()
    await shop.quiet()
    assert (len(pull_request.reviews), len(pull_request.checks), len(pull_request.comments)) == (1, 1, 2)
    assert shop.model_calls == CALLS
    # The inbox knows them all: nothing is even looked at again, but for the list of deliveries.
    assert [one.path for one in shop.forge.requests[requests:] if "/hook/deliveries" not in one.path] == []


async def test_a_push_that_is_heard_late_is_still_reviewed_once(shop: Inside) -> None:
    shop.forge.script_deliveries(HookRule("delay", "pull_request", "synchronize", by=timedelta(seconds=3)))
    pull_request = await shop.open()
    await pull_request.push({"notes.md": "A note.\n"})
    await shop.settled(pull_request)
    assert len(pull_request.reviews) == 1


async def test_a_delivery_that_was_never_made_is_made_up_for_by_the_reconciler(shop: Inside) -> None:
    # What was open before our first day is not ours: that day has to have begun.
    await shop.turns.run_chore("reconcile")
    await shop.enabled()
    shop.forge.script_deliveries(HookRule("lose", "pull_request", "opened"))
    pull_request = await shop.open()
    await shop.forge.deliveries_answered()
    await shop.turns.run_chore("reconcile")
    await shop.settled(pull_request)
    assert len(pull_request.reviews) == 1


async def test_a_delivery_that_failed_is_read_from_the_forge_s_list(shop: Inside) -> None:
    # The first sweep only notes from when on deliveries are meant for us.
    await shop.sweep()
    shop.forge.script_deliveries(HookRule("drop", "pull_request", "opened"))
    pull_request = await shop.open()
    await shop.forge.deliveries_answered()
    assert await shop.sweep() == 1
    await shop.settled(pull_request)
    assert len(pull_request.reviews) == 1


async def tell(stage: Inside, ref: PullRequestRef, nudge: Nudge) -> None:
    """As the dispatcher does: when Temporal has too much to do, again."""
    while True:
        try:
            return await stage.turns.tell(ref, nudge)
        except RPCError:
            await asyncio.sleep(0.1)


async def test_four_hundred_nudges_in_a_row_are_one_turn(shop: Inside) -> None:
    told = shop.script.path.parent / "told"
    told.touch()
    shop.script.hold(until=told.name)
    pull_request = await shop.open()
    await shop.settled(pull_request)
    ref, turns, requests = shop.ref_of(pull_request), await shop.turns_of(pull_request), len(shop.forge.requests)
    shop.forge.hold_deliveries()
    # The review goes on until all were told, however long that takes.
    told.unlink()
    await pull_request.push({"notes.md": "A note.\n"})
    nudges = [Nudge(kind="pushed", delivery_id=f"nudge-{number}") for number in range(400)]
    await shop.turns.tell(ref, nudges[0])
    await shop.forge.wait_until(lambda: shop.model_calls > CALLS, timeout=PATIENCE)
    for begin in range(1, len(nudges), AT_ONCE):
        await asyncio.gather(*(tell(shop, ref, nudge) for nudge in nudges[begin : begin + AT_ONCE]))
    told.touch()
    await shop.settled(pull_request)
    assert [check.conclusion for check in pull_request.checks] == ["neutral"]
    assert shop.model_calls == 2 * CALLS
    assert await shop.turns_of(pull_request) - turns == 1
    looks = [one for one in shop.forge.requests[requests:] if one.path.endswith(f"/pulls/{pull_request.number}")]
    assert len(looks) <= 40
    shop.forge.release_deliveries()


async def test_a_door_that_is_killed_under_load_keeps_what_it_acknowledged(tmp_path: Path) -> None:
    async with world(tmp_path) as stage:
        secret = stage.invariants.credentials.webhook_secret
        sending = asyncio.create_task(send_steadily(stage.forge.webhook_url, secret, count=300, per_second=100))
        await asyncio.sleep(1.5)
        stage.product.kill()
        acknowledged = await sending
        assert 20 < len(acknowledged) < 300
        assert acknowledged <= await inbox(f"sqlite:///{stage.product.home / 'corrigent.db'}")


async def test_told_to_stop_in_the_middle_of_a_review_it_goes_on_after_the_restart(tmp_path: Path) -> None:
    async with world(tmp_path) as stage:
        stage.script.hold(delay=3)
        pull_request = await stage.open()
        await stage.forge.wait_until(lambda: stage.model_calls, timeout=PATIENCE)
        assert stage.product.process is not None
        stage.product.process.terminate()
        await stage.settled(pull_request)
        assert (len(pull_request.reviews), stage.restarts) == (1, 1)
        assert stage.model_calls <= 2 * CALLS
        await stage.invariants.assert_hold()
