"""The chunk activity on a real Temporal server and a real store."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio import workflow
from temporalio.client import Client, WorkflowFailureError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from app.domain.agents import Spending
from app.domain.conversation import Answered
from app.domain.errors import UserError
from app.llm.chat import ModelUnavailable
from app.llm.talk import Hear, TalkRequest
from autofix.base import ConversationMoved
from tests.autofix.chunks import Desk, desk
from tests.autofix.folder_room import FolderRoom
from tests.autofix.play import FINISHED, Moves, call, says
from tests.harness.temporal import TemporalServer
from workflows import timing
from workflows.activities.agent_chunk import StoredJournal
from workflows.activities.failures import FailureSense, SentenceFailures
from workflows.agent_messages import ChunkDone, ChunkStep
from workflows.calls import call as call_activity
from workflows.converter import data_converter

QUEUE = "agents"
ENDS = says("", call("finish", summary="Looked at it."))


@workflow.defn
class OneChunk:
    @workflow.run
    async def run(self, step: ChunkStep) -> ChunkDone:
        return await call_activity("agent_chunk", step, ChunkDone, timing.AGENT_WORK)


@asynccontextmanager
async def at_work(temporal: TemporalServer, made: Desk) -> AsyncGenerator[Client]:
    converter = data_converter(SentenceFailures, assert_small=True)
    client = await Client.connect(temporal.address, namespace=await temporal.namespace(), data_converter=converter)
    async with Worker(
        client,
        task_queue=QUEUE,
        workflows=[OneChunk],
        activities=[made.chunks.agent_chunk],
        workflow_runner=UnsandboxedWorkflowRunner(),
        # As in the product: without its beat a cancellation would only be heard when the activity is given up.
        interceptors=[FailureSense()],
        max_heartbeat_throttle_interval=timedelta(seconds=3),
        graceful_shutdown_timeout=timedelta(seconds=1),
    ):
        yield client


@dataclass
class Silent(Moves):
    """Never answers, and says when it is asked and when it is left."""

    asked: asyncio.Event = field(default_factory=asyncio.Event)
    left: asyncio.Event = field(default_factory=asyncio.Event)

    async def talk(self, request: TalkRequest, hear: Hear) -> Answered:
        self.asked.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.left.set()
        raise AssertionError


async def test_a_chunk_works_waits_out_trouble_and_leaves_its_traces(temporal: TemporalServer, tmp_path: Path) -> None:
    model = Moves([says("Look.", call("run", command="echo 1")), ModelUnavailable("model answered 503"), ENDS])
    (tmp_path / "repo").mkdir()
    async with desk(tmp_path, model, FolderRoom(tmp_path / "repo")) as made, at_work(temporal, made) as client:
        done = await client.execute_workflow(OneChunk.run, made.step, id="one", task_queue=QUEUE)
        again = await client.execute_workflow(OneChunk.run, made.step, id="again", task_queue=QUEUE)
        agent = await made.agent()
        events = await made.streams.read(f"agent/{agent.agent_id}", 0)
    assert done.end == "finished"
    assert again == done, "what is finished is finished"
    assert len(model.requests) == 3
    assert (agent.spent.steps, agent.spent.input_tokens) == (2, 200)
    kinds = [event.kind for event in events]
    assert kinds.count("text") == 1
    assert {"tool", "result", "step"} <= set(kinds)


async def test_stopping_reaches_a_model_that_does_not_answer(temporal: TemporalServer, tmp_path: Path) -> None:
    model = Silent([])
    async with desk(tmp_path, model, FolderRoom(tmp_path)) as made, at_work(temporal, made) as client:
        handle = await client.start_workflow(OneChunk.run, made.step, id="one", task_queue=QUEUE)
        async with asyncio.timeout(60):
            await model.asked.wait()
            await handle.cancel()
            await model.left.wait()
            with pytest.raises(WorkflowFailureError):
                await handle.result()


async def test_what_is_wrong_with_the_settings_is_said_at_once(temporal: TemporalServer, tmp_path: Path) -> None:
    model = Moves([UserError("anthropic: 401, no key was given.")])
    async with desk(tmp_path, model, FolderRoom(tmp_path)) as made, at_work(temporal, made) as client:
        done = await client.execute_workflow(OneChunk.run, made.step, id="one", task_queue=QUEUE)
    assert done == ChunkDone(end="stuck", reason="anthropic: 401, no key was given")


async def test_an_agent_that_was_ended_is_left_alone(temporal: TemporalServer, tmp_path: Path) -> None:
    model = Moves([FINISHED])
    async with desk(tmp_path, model, FolderRoom(tmp_path)) as made, at_work(temporal, made) as client:
        await made.agents.change(made.step.agent_id, state="stopped")
        done = await client.execute_workflow(OneChunk.run, made.step, id="one", task_queue=QUEUE)
    assert (done.end, model.requests) == ("stopped", [])


async def test_two_attempts_cannot_both_go_on(tmp_path: Path) -> None:
    async with desk(tmp_path, Moves([]), FolderRoom(tmp_path)) as made:
        journal = StoredJournal(made.agents, made.step.agent_id)
        assert await journal.advance(after="", head="a" * 64, spent=Spending(steps=1))
        assert await journal.advance(after="", head="a" * 64, spent=Spending(steps=1)), "said twice is said once"
        with pytest.raises(ConversationMoved):
            await journal.advance(after="", head="b" * 64, spent=Spending(steps=1))
        await made.agents.change(made.step.agent_id, state="stopped")
        assert not await journal.advance(after="a" * 64, head="c" * 64, spent=Spending())
        assert (await made.agent()).conversation == "a" * 64
