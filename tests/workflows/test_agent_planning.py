"""The model is asked while a sandbox is made, and every end of either is the end of both."""

from tests.workflows.agents_at_work import BY_MODEL, FINISHED, WORK, Agents, Steps
from workflows.agent_messages import (
    AgentEnding,
    ChunkDone,
    ChunkStep,
    RoomReady,
)
from workflows.messages import Stop


async def test_the_agent_plans_while_its_sandbox_is_made(agents: Agents, steps: Steps) -> None:
    steps.begun, steps.room_takes_long = [WORK.model_copy(update={"plans": True})], True
    steps.chunks = [ChunkDone(end="goes_on"), FINISHED]
    await agents.tell()
    assert await agents.ended() == ["begin", "chunk", "room to work", *BY_MODEL, "deliver"]
    assert [one.sandbox and one.sandbox.sandbox_id for one in steps.heard(ChunkStep)] == [None, "work-1"]
    assert steps.rooms == set()


async def test_a_plan_that_needs_no_sandbox_is_the_result(agents: Agents, steps: Steps) -> None:
    steps.begun, steps.room_takes_long = [WORK.model_copy(update={"plans": True})], True
    await agents.tell()
    assert await agents.ended() == ["begin", "chunk", "room to work", *BY_MODEL[1:], "deliver"]


async def test_a_plan_ends_with_the_reason_why_there_is_no_sandbox(agents: Agents, steps: Steps) -> None:
    steps.begun, steps.room_takes_long, steps.hang = [WORK.model_copy(update={"plans": True})], True, True
    steps.room = RoomReady(refusal="bwrap is not installed", no_backend=True)
    await agents.tell()
    assert await agents.ended() == ["begin", "chunk", "room to work", "end"]
    [ending] = steps.heard(AgentEnding)
    assert (ending.state, ending.no_sandbox, ending.reason) == ("failed", True, "bwrap is not installed")


async def test_stopping_reaches_a_plan_and_the_sandbox_that_is_made_meanwhile(agents: Agents, steps: Steps) -> None:
    steps.begun, steps.hang = [WORK.model_copy(update={"plans": True})], True
    await agents.tell()
    await agents.until("chunk")
    assert await agents.turns.stop_agent("A", Stop(reason="stopped", by="maria"))
    assert (await agents.ended())[-1] == "end"
    assert [one.state for one in steps.heard(AgentEnding)] == ["stopped"]
    assert steps.rooms == set()
