"""In which order an agent works, and that every way out lets its sandboxes go and ends in a finished row."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import pytest
from pydantic import BaseModel
from temporalio import activity
from temporalio.client import Client
from temporalio.exceptions import ApplicationError

from app.domain.pull_request import PullRequestRef
from app.sandboxes.base import SandboxGone, SandboxRef
from app.temporal_client import make_current
from app.worker import WorkerGroup
from tests.harness.temporal import TemporalServer
from workflows import queues
from workflows.activities.failures import SentenceFailures
from workflows.agent import KEPT_WHILE_WAITING
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
from workflows.messages import ReviewerStep, StepDone, Stop

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
        self.rooms.add(sandbox_id)
        until = datetime(2030, 1, 1, tzinfo=UTC)
        ref = SandboxRef(backend="test", sandbox_id=sandbox_id, lease_until=until)
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
            await self.turns.client.get_workflow_handle("agent/A").result()
        assert self.steps.rooms == set()
        return self.steps.done

    async def until(self, step: str, times: int = 1) -> None:
        async with asyncio.timeout(60):
            while self.steps.done.count(step) < times:
                await asyncio.sleep(0.02)


@pytest.fixture
def steps() -> Steps:
    return Steps()


@pytest.fixture
async def agents(temporal: TemporalServer, steps: Steps) -> AsyncGenerator[Agents]:
    converter = data_converter(SentenceFailures, assert_small=True)
    namespace = await temporal.namespace()
    client = await Client.connect(temporal.address, namespace=namespace, data_converter=converter)
    async with WorkerGroup(client, steps.by_queue(), build_id="test", sandboxed=True):
        await make_current(client, "test")
        yield Agents(Turns(client), steps)


PROOF = ["stage", "linters", "room to prove", "prove", "leave"]
BY_MODEL = ["chunk", "patch", "leave", *PROOF]


async def test_an_analyser_s_own_fix_needs_no_model(agents: Agents, steps: Steps) -> None:
    steps.rule_fix_made = PatchMade(patch_key="p" * 64, numbers=(2,), whole=True)
    await agents.tell()
    assert await agents.ended() == ["begin", "room to work", "rule", *PROOF, "deliver", "leave"]
    [proof] = steps.heard(ProofWanted)
    assert (proof.made_by, proof.numbers, proof.sandbox.sandbox_id) == ("rule", (2,), "prove-1")


async def test_a_rule_s_fix_that_is_not_proved_is_made_by_the_model(agents: Agents, steps: Steps) -> None:
    steps.rule_fix_made = PatchMade(patch_key="p" * 64, numbers=(2,), whole=True)
    steps.grades = ["none", "checked"]
    await agents.tell()
    assert await agents.ended() == ["begin", "room to work", "rule", *PROOF, *BY_MODEL, "deliver"]


async def test_a_conversation_goes_on_until_the_agent_has_finished(agents: Agents, steps: Steps) -> None:
    steps.chunks = [ChunkDone(end="goes_on"), ChunkDone(end="goes_on"), FINISHED]
    await agents.tell()
    assert await agents.ended() == ["begin", "room to work", "rule", "chunk", "chunk", *BY_MODEL, "deliver"]
    [delivered] = steps.heard(DeliverFix)
    assert (delivered.fix_key, delivered.result_key, delivered.workspace_key) == ("f" * 64, "r" * 64, "w" * 64)


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


async def test_files_that_were_not_kept_are_told_of_once(agents: Agents, steps: Steps) -> None:
    steps.without_files, steps.chunks = True, [ChunkDone(end="goes_on"), FINISHED]
    await agents.tell()
    await agents.ended()
    assert [one.without_files for one in steps.heard(ChunkStep)] == [True, False]
    assert {one.task_key for one in steps.heard(RoomGoing)} == {WORK.task_key}


async def test_a_question_is_waited_for_without_a_sandbox(agents: Agents, steps: Steps) -> None:
    steps.chunks = [ChunkDone(end="asks", question_key="q" * 64), FINISHED]
    steps.begun = [WORK, WORK.model_copy(update={"workspace_key": "w" * 64})]
    await agents.tell()
    await agents.until("ask")
    assert steps.rooms == set()
    answer = AgentWord(kind="prompt", action_key="c" * 64)
    await agents.tell(answer)
    assert await agents.ended() == [
        *("begin", "room to work", "rule", "chunk", "leave", "ask"),
        *("begin", "room to work", *BY_MODEL, "deliver"),
    ]
    assert [one.word for one in steps.heard(BeginAgent)] == [BEGIN, answer]
    assert [one.workspace_key for one in steps.heard(RoomWanted)] == ["", "w" * 64, ""]


async def test_an_agent_that_nobody_answers_goes_on(agents: Agents, steps: Steps) -> None:
    steps.chunks = [ChunkDone(end="asks", question_key="q" * 64), FINISHED]
    steps.asked_for = timedelta(milliseconds=200)
    await agents.tell()
    assert (await agents.ended())[-1] == "deliver"
    assert [one.word.kind for one in steps.heard(BeginAgent)] == ["begin", "unanswered"]


async def test_a_lost_sandbox_is_replaced_and_the_agent_is_told(agents: Agents, steps: Steps) -> None:
    steps.losses = 1
    steps.begun = [WORK, WORK.model_copy(update={"workspace_key": "w" * 64})]
    await agents.tell()
    assert await agents.ended() == [
        *("begin", "room to work", "rule", "chunk", "leave"),
        *("begin", "room to work", *BY_MODEL, "deliver"),
    ]
    assert [one.again for one in steps.heard(BeginAgent)] == [False, True]
    assert [one.lost_sandbox for one in steps.heard(ChunkStep)] == [False, True]
    assert [one.workspace_key for one in steps.heard(RoomWanted)] == ["", "w" * 64, ""]


async def test_sandboxes_that_are_lost_again_and_again_are_the_end(agents: Agents, steps: Steps) -> None:
    steps.losses = 100
    await agents.tell()
    assert (await agents.ended())[-3:] == ["chunk", "leave", "end"]
    assert steps.done.count("chunk") == 3
    assert [one.reason for one in steps.heard(AgentEnding)] == ["It is gone."]


async def test_a_long_wait_for_the_model_needs_no_sandbox(agents: Agents, steps: Steps) -> None:
    soon = datetime.now(UTC) + KEPT_WHILE_WAITING + timedelta(hours=1)
    steps.chunks = [ChunkDone(end="waits", wait_until=soon), FINISHED]
    await agents.tell()
    await agents.until("leave")
    assert steps.rooms == set()
    assert await agents.turns.stop_agent("A", Stop(reason="stopped", by="maria"))
    # Wherever the word finds it, also in the middle of letting the sandbox go.
    assert list(dict.fromkeys(await agents.ended())) == ["begin", "room to work", "rule", "chunk", "leave", "end"]


async def test_without_a_sandbox_nothing_runs(agents: Agents, steps: Steps) -> None:
    steps.room = RoomReady(refusal="bwrap is not installed", no_backend=True)
    await agents.tell()
    assert await agents.ended() == ["begin", "room to work", "end"]
    [ending] = steps.heard(AgentEnding)
    assert (ending.state, ending.no_sandbox, ending.reason) == ("failed", True, "bwrap is not installed")


async def test_without_a_model_only_rules_mend(agents: Agents, steps: Steps) -> None:
    steps.begun = [WORK.model_copy(update={"without_model": "no model is configured"})]
    await agents.tell()
    assert await agents.ended() == ["begin", "room to work", "rule", "leave", "end"]
    [ending] = steps.heard(AgentEnding)
    assert (ending.no_model, ending.reason) == (True, "no model is configured")


@pytest.mark.parametrize("end", ["budget", "stuck"])
async def test_an_agent_that_cannot_go_on_says_why(agents: Agents, steps: Steps, end: str) -> None:
    steps.chunks = [ChunkDone.model_validate({"end": end, "reason": "80 steps are used"})]
    await agents.tell()
    assert (await agents.ended())[-3:] == ["chunk", "leave", "end"]
    assert [one.reason for one in steps.heard(AgentEnding)] == ["80 steps are used"]


async def test_what_policy_refuses_is_not_even_tried(agents: Agents, steps: Steps) -> None:
    steps.staged = StagedFix(refused_fix_key="x" * 64)
    await agents.tell()
    assert await agents.ended() == ["begin", "room to work", "rule", "chunk", "patch", "leave", "stage", "deliver"]
    assert [one.fix_key for one in steps.heard(DeliverFix)] == ["x" * 64]


async def test_stop_ends_a_conversation_and_lets_the_sandbox_go(agents: Agents, steps: Steps) -> None:
    steps.hang = True
    await agents.tell()
    await agents.until("chunk")
    assert await agents.turns.stop_agent("A", Stop(reason="stopped", by="maria"))
    assert await agents.ended() == ["begin", "room to work", "rule", "chunk", "leave", "end"]
    [ending] = steps.heard(AgentEnding)
    assert (ending.state, ending.reason, ending.told) == ("stopped", "stopped by maria", False)
    assert not await agents.turns.stop_agent("A", Stop(reason="stopped"))


async def test_a_branch_that_moved_gets_one_more_try(agents: Agents, steps: Steps) -> None:
    steps.delivered = [FixDelivered(status="moved", head_sha="9" * 40), FixDelivered(status="pushed")]
    await agents.tell()
    done = await agents.ended()
    assert (done.count("begin"), done.count("deliver"), done.count("end")) == (2, 2, 0)
    assert [one.may_try_again for one in steps.heard(DeliverFix)] == [True, False]
    assert [one.round for one in steps.heard(BeginAgent)] == [1, 2]


async def test_a_failing_step_ends_with_its_sentence(agents: Agents, steps: Steps) -> None:
    steps.prove_fails = True
    await agents.tell()
    assert (await agents.ended())[-3:] == ["prove", "leave", "end"]
    assert [(one.state, one.reason) for one in steps.heard(AgentEnding)] == [("failed", "the key was refused")]


async def test_a_fix_that_is_there_is_only_delivered(agents: Agents, steps: Steps) -> None:
    steps.begun = [BegunAgent(status="deliver")]
    await agents.tell(APPLY)
    assert await agents.ended() == ["begin", "deliver"]
    assert [(one.word, one.fix_key) for one in steps.heard(DeliverFix)] == [(APPLY, "")]


async def test_the_same_word_twice_is_one_word(agents: Agents, steps: Steps) -> None:
    steps.begun = [WORK, BegunAgent(status="over")]
    await asyncio.gather(agents.tell(), agents.tell())
    assert (await agents.ended()).count("deliver") == 1
