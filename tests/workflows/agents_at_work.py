"""Agents on a real server whose steps answer as a test wants, and what they were asked."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from pydantic import BaseModel
from temporalio import activity
from temporalio.exceptions import ApplicationError
from temporalio.worker import Replayer

from app.domain.pull_request import PullRequestRef
from app.sandboxes.base import SandboxGone, SandboxRef
from app.worker import sandboxed_runner
from workflows import queues
from workflows.activities.failures import SentenceFailures
from workflows.agent import Agent
from workflows.agent_messages import (
    AgentEnding,
    AgentWord,
    Asked,
    BeginAgent,
    BegunAgent,
    ChunkDone,
    ChunkStep,
    DeliverFix,
    FixDelivered,
    FixWanted,
    PatchMade,
    PatchWanted,
    ProofMade,
    ProofWanted,
    Question,
    RoomGoing,
    RoomKept,
    RoomReady,
    RoomWanted,
    StagedFix,
    StageFix,
)
from workflows.client import Turns
from workflows.converter import data_converter
from workflows.messages import ReviewerStep, StepDone

M = TypeVar("M", bound=BaseModel)
Answer = TypeVar("Answer")
REF = PullRequestRef(connection="github", repo_id="1001", number=12)
BEGIN, APPLY = AgentWord(kind="begin", action_key="a" * 64), AgentWord(kind="apply", action_key="b" * 64)
WORK = BegunAgent(status="work", task_key="t" * 64)
FINISHED = ChunkDone(end="finished", result_key="r" * 64)


@dataclass
class Steps:
    """Activities that answer as a test wants and remember what they were asked."""

    begun: list[BegunAgent] = field(default_factory=lambda: [WORK])
    rule_fix_made: PatchMade = field(default_factory=PatchMade)
    chunks: list[ChunkDone] = field(default_factory=lambda: [FINISHED])
    grades: list[str] = field(default_factory=lambda: ["proved"])
    staged: StagedFix = field(default_factory=lambda: StagedFix(staged_key="s" * 64))
    delivered: list[FixDelivered] = field(default_factory=lambda: [FixDelivered(status="shown")])
    room: RoomReady | None = None
    without_files: bool = False
    # The sandbox is there only when the model was asked.
    room_takes_long: bool = False
    asked_for: timedelta = timedelta(days=3)
    hang: bool = False
    prove_fails: bool = False
    # How many sandboxes are made on a machine that says nothing from then on?
    silent_machines: int = 0
    # How many steps of the work find no sandbox any more.
    losses: int = 0
    done: list[str] = field(default_factory=list[str])
    asked: list[BaseModel] = field(default_factory=list[BaseModel])
    rooms: set[str] = field(default_factory=set[str])

    def heard(self, kind: type[M]) -> list[M]:
        return [one for one in self.asked if isinstance(one, kind)]

    def note(self, name: str, asked: BaseModel) -> None:
        self.done.append(name)
        self.asked.append(asked)

    @activity.defn(name="begin_agent")
    async def begin_agent(self, asked: BeginAgent) -> BegunAgent:
        self.note("begin", asked)
        return _next(self.begun)

    @activity.defn(name="open_room")
    async def open_room(self, asked: RoomWanted) -> RoomReady:
        while self.room_takes_long and asked.purpose == "work" and "chunk" not in self.done:
            await asyncio.sleep(0.02)
            activity.heartbeat()
        self.note(f"room to {asked.purpose}", asked)
        if self.room is not None:
            return self.room
        sandbox_id = f"{asked.purpose}-{asked.round}"
        until = datetime(2030, 1, 1, tzinfo=UTC)
        ref = SandboxRef(backend="test", sandbox_id=sandbox_id, lease_until=until)
        if self.silent_machines:
            self.silent_machines -= 1
            return RoomReady(sandbox=ref.model_copy(update={"host": "away.example.com:8378"}))
        self.rooms.add(sandbox_id)
        return RoomReady(sandbox=ref, without_files=self.without_files)

    @activity.defn(name="rule_fix")
    async def rule_fix(self, asked: FixWanted) -> PatchMade:
        self.note("rule", asked)
        return self.rule_fix_made

    @activity.defn(name="agent_chunk")
    async def agent_chunk(self, asked: ChunkStep) -> ChunkDone:
        self.note("chunk", asked)
        if self.losses:
            self.losses -= 1
            raise SandboxGone("It is gone.")
        while self.hang:
            await asyncio.sleep(0.05)
            activity.heartbeat()
        return _next(self.chunks)

    @activity.defn(name="take_patch")
    async def take_patch(self, asked: PatchWanted) -> PatchMade:
        self.note("patch", asked)
        return PatchMade(patch_key="p" * 64)

    @activity.defn(name="stage_fix")
    async def stage_fix(self, asked: StageFix) -> StagedFix:
        self.note("stage", asked)
        return self.staged

    @activity.defn(name="read_change")
    async def read_change(self, asked: ReviewerStep) -> StepDone:
        self.note("linters", asked)
        return StepDone(report_key="l" * 64)

    @activity.defn(name="prove_fix")
    async def prove_fix(self, asked: ProofWanted) -> ProofMade:
        self.note("prove", asked)
        if self.prove_fails:
            raise ApplicationError("the key was refused", type="UserError", non_retryable=True)
        return ProofMade.model_validate({"fix_key": "f" * 64, "grade": _next(self.grades)})

    @activity.defn(name="deliver_fix")
    async def deliver_fix(self, asked: DeliverFix) -> FixDelivered:
        self.note("deliver", asked)
        return _next(self.delivered)

    @activity.defn(name="ask_people")
    async def ask_people(self, asked: Question) -> Asked:
        self.note("ask", asked)
        return Asked(until=datetime.now(UTC) + self.asked_for)

    @activity.defn(name="leave_room")
    async def leave_room(self, asked: RoomGoing) -> RoomKept:
        self.note("leave", asked)
        self.rooms.discard(asked.sandbox.sandbox_id)
        return RoomKept(workspace_key="w" * 64 if asked.keep else "")

    @activity.defn(name="end_agent")
    async def end_agent(self, asked: AgentEnding) -> None:
        self.note("end", asked)

    def by_queue(self) -> dict[str, Sequence[Callable[..., object]]]:
        return {
            queues.CONTROL: [self.begin_agent, self.stage_fix, self.deliver_fix, self.ask_people, self.end_agent],
            queues.LLM: [self.agent_chunk, self.prove_fix],
            queues.SANDBOX: [self.open_room, self.rule_fix, self.take_patch, self.leave_room, self.read_change],
        }


def _next(answers: list[Answer]) -> Answer:
    return answers.pop(0) if len(answers) > 1 else answers[0]


@dataclass
class Agents:
    """Agents at work on a real server, one after the other, each with its own steps."""

    turns: Turns
    steps: Steps

    async def tell(self, word: AgentWord = BEGIN, *, agent_id: str = "A") -> None:
        await self.turns.tell_agent(agent_id, REF, word)

    async def ended(self) -> list[str]:
        async with asyncio.timeout(60):
            handle = self.turns.client.get_workflow_handle("agent/A")
            await handle.result()
        assert self.steps.rooms == set()
        # What is done in one order must be done in the same again, for whoever takes the work over.
        converter = data_converter(SentenceFailures)
        replayer = Replayer(workflows=[Agent], data_converter=converter, workflow_runner=sandboxed_runner())
        await replayer.replay_workflow(await handle.fetch_history())
        return self.steps.done

    async def until(self, step: str, times: int = 1) -> None:
        async with asyncio.timeout(60):
            while self.steps.done.count(step) < times:
                await asyncio.sleep(0.02)


PROOF = ["stage", "linters", "room to prove", "prove", "leave"]
BY_MODEL = ["chunk", "patch", "leave", *PROOF]
