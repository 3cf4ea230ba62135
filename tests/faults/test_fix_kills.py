"""Killed between a push and what is said of it, and between that and its row: one push, one comment, nothing left."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.demo import shop as samples
from app.sandboxes.records import Records
from tests.harness.process import World, world
from tests.harness.stage import PATIENCE
from tests.journeys.fixing import AGREES, MENDS_SECONDS, need_sandbox, said

REFUNDS = samples.SAMPLES[0]


@dataclass(frozen=True)
class Kill:
    """At which request the product dies; the request itself is carried out, and its answer lost."""

    name: str
    method: str
    route: str


KILLS = (
    Kill("after the push", "POST", "/acme/shop.git/git-receive-pack"),
    Kill("after the token was taken back", "DELETE", "/installation/token"),
    Kill("after the comment", "POST", "/repos/acme/shop/issues/*/comments"),
)
USUAL = "1 kill, 1 commit, 1 of 1 comments, [False, True]"


async def mended_once(kill: Kill, folder: Path) -> str:
    async with world(folder) as stage:
        stage.script.agents.append(MENDS_SECONDS)
        stage.script.answers.insert(0, AGREES)
        stage.script.write()
        pull_request = await stage.open(REFUNDS)
        await stage.settled(pull_request)
        head = pull_request.head_sha
        fault = stage.kill_at(kill.method, kill.route, nth=1, applied=True)
        comment = pull_request.comment("/corrigent apply 3")
        await stage.forge.wait_until(
            lambda: "+1" in [reaction.content for reaction in comment.reactions], timeout=2 * PATIENCE
        )
        await stage.settled(pull_request)
        await stage.invariants.assert_hold()
        commits = await stage.repo.repository.git.commits(head, pull_request.head_sha)
        ours = [one.body for one in pull_request.comments if "[bot]" in one.user.login]
        said = [body for body in ours if body.startswith("**Finding 3 is mended and proved: ")]
        assert sandboxes_of(stage).ids() == []
        resolved = [thread.resolved for thread in pull_request.threads]
        return f"{kill.name}: {fault.happened} kill, {len(commits)} commit, {len(said)} of {len(ours)} comments, {resolved}"


def sandboxes_of(stage: World) -> Records:
    return Records(stage.product.home / "sandboxes" / "bubblewrap")


async def at_work(records: Records) -> None:
    """Until somebody runs something in a sandbox that is closed."""
    async with asyncio.timeout(PATIENCE):
        while not any(record and record.network_closed for record in map(records.read, records.ids())):
            await asyncio.sleep(0.01)


@pytest.mark.soak
@pytest.mark.timeout(400)
async def test_a_kill_in_the_midst_of_an_agent_s_work_is_made_up_for_and_leaves_no_sandbox(tmp_path: Path) -> None:
    need_sandbox()
    async with world(tmp_path) as stage:
        stage.script.agents.append(MENDS_SECONDS)
        stage.script.answers.insert(0, AGREES)
        stage.script.write()
        pull_request = await stage.open(REFUNDS)
        await stage.settled(pull_request)
        pull_request.comment("/corrigent fix 3")
        await at_work(sandboxes_of(stage))
        stage.product.kill()
        await stage.forge.wait_until(lambda: "mended and proved" in "".join(said(pull_request)), timeout=2 * PATIENCE)
        await stage.quiet()
        assert stage.restarts == 1
        assert sandboxes_of(stage).ids() == []


@pytest.mark.timeout(400)
async def test_a_kill_after_a_push_pushes_and_tells_once(tmp_path: Path) -> None:
    need_sandbox()
    assert await mended_once(KILLS[0], tmp_path) == f"{KILLS[0].name}: {USUAL}"


@pytest.mark.soak
@pytest.mark.timeout(600)
async def test_a_kill_anywhere_around_a_push_pushes_and_tells_once(tmp_path: Path) -> None:
    need_sandbox()
    told = await asyncio.gather(*(mended_once(kill, tmp_path / f"kill-{at}") for at, kill in enumerate(KILLS)))
    assert told == [f"{kill.name}: {USUAL}" for kill in KILLS]
