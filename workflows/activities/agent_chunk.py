"""A chunk of an agent's work: its row and its task in, how it ended out; the conversation never leaves the store."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from temporalio import activity

from app.domain.agents import Agent, AgentState, AgentTask, Spending
from app.domain.errors import UserError
from app.domain.secrets import Redactor
from app.llm.chat import ModelUnavailable
from app.llm.talk import TalkingModel
from app.sandboxes.base import Room
from app.sandboxes.room import RoomToCome
from app.store.agents import Agents, stream_of
from app.store.blobs import Blobs
from app.store.conversations import Conversations
from app.store.streams import Streams
from autofix.base import ChunkEnded, ChunkStart, ConversationMoved, Parts
from autofix.live import StoredLive
from autofix.loop import run_chunk
from autofix.tools.base import RunChecks
from workflows import timing
from workflows.activities.agent_room import Enter
from workflows.activities.agent_workspace import changes
from workflows.agent_messages import ChunkDone, ChunkStep

# An agent in another state was ended by somebody, or is over.
AT_WORK: tuple[AgentState, ...] = ("queued", "working", "asking", "proving", "delivering")

OpenModel = Callable[[AgentTask], Awaitable[TalkingModel]]
RunChecksOf = Callable[[AgentTask], RunChecks]
ReportProblem = Callable[[AgentTask, str], Awaitable[None]]


@dataclass(frozen=True)
class StoredJournal:
    """The agent's row, written after every message."""

    agents: Agents
    agent_id: str

    async def advance(self, *, after: str, head: str, spent: Spending) -> bool:
        agent = await self.agents.get(self.agent_id)
        if agent is None:
            return False
        if agent.conversation not in {after, head}:
            raise ConversationMoved(f"agent {self.agent_id} is at {agent.conversation[:12]}, not {after[:12]}")
        return (await self.agents.change(self.agent_id, while_in=AT_WORK, conversation=head, spent=spent)) is not None


class AgentChunks:
    """`agent_chunk` of the queue that holds the model's key."""

    def __init__(
        self,
        *,
        agents: Agents,
        blobs: Blobs,
        streams: Streams,
        model: OpenModel,
        enter: Enter,
        checks: RunChecksOf,
        report_problem: ReportProblem,
        redactor: Redactor,
        clock: Callable[[], datetime],
    ) -> None:
        self.agents = agents
        self.blobs = blobs
        self.streams = streams
        self.model = model
        self.enter = enter
        self.checks = checks
        self.report_problem = report_problem
        self.redactor = redactor
        self.clock = clock

    @activity.defn(name="agent_chunk")
    async def agent_chunk(self, step: ChunkStep) -> ChunkDone:
        agent = await self.agents.get(step.agent_id)
        if agent is None or agent.state not in AT_WORK:
            return ChunkDone(end="stopped")
        task = await self.blobs.get_model(step.task_key, AgentTask)
        try:
            if step.sandbox is None:
                return await self._done(await self._run(agent, task, step, RoomToCome()))
            async with self.enter(step.sandbox) as room:
                ended = await self._run(agent, task, step, room)
                if ended.end != "stopped":
                    # Should the sandbox be lost, this much is not.
                    await self.agents.change(step.agent_id, snapshot_key=await changes(room, self.blobs))
                return await self._done(ended)
        except UserError as error:
            return ChunkDone(end="stuck", reason=str(error).rstrip(".")[:200])
        except ModelUnavailable as error:
            if activity.info().attempt < timing.REVIEWER_TRIES:
                raise
            return ChunkDone(end="stuck", reason=str(error))

    async def _run(self, agent: Agent, task: AgentTask, step: ChunkStep, room: Room) -> ChunkEnded:
        model = await self.model(task)
        try:
            start = ChunkStart(agent=agent, task=task, lost_sandbox=step.lost_sandbox, without_files=step.without_files)
            return await run_chunk(start, self._parts(task, step, model, room))
        finally:
            await model.close()

    def _parts(self, task: AgentTask, step: ChunkStep, model: TalkingModel, room: Room) -> Parts:
        async def report_problem(text: str) -> None:
            await self.report_problem(task, text)

        return Parts(
            model=model,
            room=room,
            conversations=Conversations(self.blobs),
            blobs=self.blobs,
            journal=StoredJournal(self.agents, step.agent_id),
            live=StoredLive(
                self.streams,
                stream_of(step.agent_id),
                attempt=activity.info().attempt,
                clock=self.clock,
                redactor=self.redactor,
            ),
            checks=self.checks(task),
            report_problem=report_problem,
            redactor=self.redactor,
        )

    async def _done(self, ended: ChunkEnded) -> ChunkDone:
        """Prose goes into the blob store, its key to Temporal."""
        return ChunkDone(
            end=ended.end,
            result_key=await self.blobs.put_model(ended.result) if ended.result else "",
            question_key=await self.blobs.put(ended.question.encode()) if ended.question else "",
            reason=ended.reason[:200],
            wait_until=ended.wait_until,
        )
