"""Killed at each step of an agent's work, as its own history lists them: one push, one comment, the same conversation."""

import asyncio
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from temporalio.api.enums.v1 import PendingActivityState
from temporalio.client import Client, WorkflowHandle

from app.demo import shop as samples
from app.store.agents import Agents
from app.store.blobs import Blobs
from app.store.conversations import Conversations
from app.store.database import Database
from tests.faults.test_fix_kills import sandboxes_of
from tests.harness.process import World, world
from tests.harness.scripts import CLEAN_CALLS
from tests.harness.stage import PATIENCE
from tests.journeys.fixing import AGREES, MENDS_SECONDS, need_sandbox, said

AT_ONCE = 3
# What an agent's work on one fix is made of; a step that is added has to be named here, and is then killed too. No
# linter could mend this one, so that none is asked and the model plans while the sandbox is made.
EVERY_STEP = {
    *("begin_agent", "open_room", "agent_chunk", "take_patch", "leave_room"),
    *("stage_fix", "read_change", "prove_fix", "deliver_fix"),
}
_TIMES = re.compile(r", \d+ s\)")


@dataclass(frozen=True)
class Step:
    """The nth activity of this name in an agent's history."""

    name: str
    nth: int


@dataclass(frozen=True)
class Told:
    """What there is to be seen of a fix when everything is over."""

    commits: int
    comments: int
    resolved: tuple[bool, ...]
    conversation: tuple[str, ...]
    agent_calls: int
    other_calls: int
    sandboxes: int


async def mend(stage: World, *, die_at: Step | None = None) -> tuple[Told, list[Step]]:
    """From the command to the push, dying once on the way; and the steps that it took."""
    stage.script.agents.append(MENDS_SECONDS)
    stage.script.answers.insert(0, AGREES)
    stage.script.write()
    pull_request = await stage.open(samples.SAMPLES[0])
    await stage.settled(pull_request)
    head = pull_request.head_sha
    pull_request.comment("/corrigent apply 3")
    if die_at is not None:
        await reached(await agent_of(stage), die_at)
        stage.product.kill()
    await stage.forge.wait_until(lambda: "mended and proved" in "".join(said(pull_request)), timeout=3 * PATIENCE)
    await stage.settled(pull_request)
    await stage.invariants.assert_hold()
    calls = [json.loads(line) for line in stage.script.calls()]
    told = Told(
        commits=len(await stage.repo.repository.git.commits(head, pull_request.head_sha)),
        comments=len(said(pull_request)),
        resolved=tuple(thread.resolved for thread in pull_request.threads),
        conversation=await conversation(stage.product.home),
        agent_calls=sum("agent" in call for call in calls),
        other_calls=sum("agent" not in call for call in calls),
        sandboxes=len(sandboxes_of(stage).ids()),
    )
    return told, list(steps(await scheduled(await agent_of(stage))))


async def agent_of(stage: World) -> WorkflowHandle[object, object]:
    client = await Client.connect(f"127.0.0.1:{stage.temporal_port}")
    async with asyncio.timeout(PATIENCE):
        while True:
            async for found in client.list_workflows("WorkflowType='Agent'"):
                return client.get_workflow_handle(found.id)
            await asyncio.sleep(0.02)


async def reached(agent: WorkflowHandle[object, object], step: Step) -> None:
    """Until it is under way, or over where it was too short to be seen."""
    async with asyncio.timeout(2 * PATIENCE):
        while (await scheduled(agent)).count(step.name) < step.nth:
            await asyncio.sleep(0.01)
        while step.name in (pending := await waiting(agent)) and not pending[step.name]:
            await asyncio.sleep(0.005)


async def scheduled(agent: WorkflowHandle[object, object]) -> list[str]:
    asked = [event.activity_task_scheduled_event_attributes for event in (await agent.fetch_history()).events]
    return [one.activity_type.name for one in asked if one.activity_type.name]


async def waiting(agent: WorkflowHandle[object, object]) -> dict[str, bool]:
    """Activities that have not ended, and whether somebody is at them."""
    described = (await agent.describe()).raw_description
    begun = PendingActivityState.PENDING_ACTIVITY_STATE_STARTED
    return {one.activity_type.name: one.state == begun for one in described.pending_activities}


def steps(names: list[str]) -> Iterator[Step]:
    counted: Counter[str] = Counter()
    for name in names:
        counted[name] += 1
        yield Step(name, counted[name])


async def conversation(home: Path) -> tuple[str, ...]:
    """What was said and done, without how long commands took."""
    db = await Database.open(f"sqlite:///{home / 'corrigent.db'}")
    try:
        [row] = await Agents(db).page(repos=None)
    finally:
        await db.close()
    kept = await Conversations(Blobs(str(home / "blobs"))).read(row.agent.conversation)
    return tuple(_TIMES.sub(")", message.model_dump_json()) for message in kept.messages)


async def survive(step: Step, folder: Path, usual: Told) -> str:
    """A line of the table; it ends in what went wrong, if anything did."""
    try:
        async with world(folder) as stage:
            told, _ = await mend(stage, die_at=step)
            assert stage.restarts == 1, "it was not killed"
        again = told.agent_calls - usual.agent_calls, told.other_calls - usual.other_calls
        assert again[0] <= 1, f"{again[0]} of the agent's calls were repeated"
        assert again[1] <= CLEAN_CALLS, f"{again[1]} other calls were repeated"
        assert replace(told, agent_calls=0, other_calls=0) == replace(usual, agent_calls=0, other_calls=0)
    except (AssertionError, TimeoutError) as wrong:
        return f"BROKEN {step.name} #{step.nth}: {wrong!r}\n{wrong}"
    return f"kept   {step.name} #{step.nth} ({again[0]} agent's calls repeated, {again[1]} others)"


@pytest.mark.soak
@pytest.mark.timeout(3600)
async def test_a_kill_at_every_step_of_an_agent_repeats_one_model_call_at_most(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    need_sandbox()
    async with world(tmp_path / "usual") as stage:
        usual, taken = await mend(stage)
    assert (usual.commits, usual.comments, usual.sandboxes) == (1, 1, 0)
    assert {step.name for step in taken} == EVERY_STEP
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(number: int, step: Step) -> str:
        async with slots:
            return await survive(step, tmp_path / f"step-{number}", usual)

    table = "\n".join(await asyncio.gather(*(one(number, step) for number, step in enumerate(taken))))
    with capsys.disabled():
        sys.stdout.write(f"\n{table}\n")
    assert "BROKEN" not in table, table
