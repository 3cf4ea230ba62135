"""An agent at work on one pull request: take it up, mend in a sandbox, prove in another, deliver; then let go."""

import asyncio
from datetime import datetime, timedelta
from typing import Literal

from temporalio import workflow
from temporalio.exceptions import FailureError
from temporalio.workflow import ActivityConfig

with workflow.unsafe.imports_passed_through():
    from app.domain.model import Frozen
    from app.sandboxes.base import SandboxRef
    from workflows.agent_messages import (
        AgentEnding,
        AgentInput,
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
    from workflows.messages import ReviewerStep, StepDone, Stop

from workflows import queues, timing
from workflows.agent_failures import is_lost, phrase
from workflows.calls import Answer, call, end_all, tell

# How often is a fix made anew because the branch moved under it? Once; then somebody is asked to say it again.
MOST_MOVES = 1
# How often is a sandbox replaced that was lost?
MOST_LOSSES = 2
# For how long is a sandbox kept while the model may not be asked? Afterwards its workspace waits without it.
KEPT_WHILE_WAITING = timedelta(minutes=2)
# Chunks of a conversation before it counts as endless, whatever its budget says.
MOST_CHUNKS = 50


class Ended(Exception):
    """The work is over before its delivery; how, and what people are told."""

    def __init__(self, ending: AgentEnding) -> None:
        super().__init__(ending.reason)
        self.ending = ending


@workflow.defn
class Agent:
    """Lives from one word of somebody to its answer; the next word, months later, starts it again under the same id."""

    @workflow.init
    def __init__(self, start: AgentInput) -> None:
        self.start = start
        self.words: list[AgentWord] = []
        self.stopped: Stop | None = None
        self.delivering = False
        self.round = 0
        self.rooms: list[SandboxRef] = []
        self.lost_sandbox = False
        self.without_files = False
        self.task_key = ""
        # What went wrong with a sandbox's set-up; an operator is told at the end.
        self.problem = ""

    @workflow.signal
    def tell(self, word: AgentWord) -> None:
        if word not in self.words:
            self.words.append(word)

    @workflow.signal
    def stop(self, stop: Stop) -> None:
        self.stopped = self.stopped or stop

    @workflow.run
    async def run(self, _start: AgentInput) -> None:
        # Between the last look at the words and the return there is no await: an unseen signal keeps the run open.
        while self.words and self.stopped is None:
            await self._heed(self.words.pop(0))

    async def _heed(self, word: AgentWord) -> None:
        work = asyncio.create_task(self._work(word))
        try:
            # A delivery that has begun is finished: half of one would have to be explained.
            await workflow.wait_condition(lambda: work.done() or (self.stopped is not None and not self.delivering))
        except asyncio.CancelledError:
            await self._end_early(work, Stop(reason="stopped"))
            raise
        if not work.done():
            await self._end_early(work, self.stopped)
        elif (error := work.exception()) is not None:
            await self._let_go()
            ended = error.ending if isinstance(error, Ended) else self._ending("failed", phrase(error))
            await self._end(ended)
        else:
            await self._let_go()

    async def _work(self, word: AgentWord) -> None:
        moves = losses = 0
        while True:
            try:
                delivered = await self._try(word, again=moves + losses > 0)
            except FailureError as error:
                losses += 1
                if not is_lost(error) or losses > MOST_LOSSES:
                    raise
                await self._start_over()
                continue
            if delivered is None or delivered.status != "moved":
                return
            moves += 1
            if moves > MOST_MOVES:
                raise Ended(self._ending("failed", "the branch kept moving"))
            self.delivering = False

    async def _start_over(self) -> None:
        """Its sandbox died with it or with the machine; what the agent did until its last pause is kept."""
        self.lost_sandbox = True
        await self._let_go()

    async def _try(self, word: AgentWord, *, again: bool) -> FixDelivered | None:
        """One round over the head as it is now; None when there is nothing to deliver."""
        self.round += 1
        wanted = BeginAgent(agent_id=self.start.agent_id, word=word, round=self.round, again=again)
        begun = await call("begin_agent", wanted, BegunAgent, timing.FETCH)
        match begun.status:
            case "over":
                return None
            case "deliver":
                return await self._deliver(word, "", "")
            case "work":
                return await self._mend(word, begun)

    async def _mend(self, word: AgentWord, begun: BegunAgent) -> FixDelivered | None:
        # Who comes into another sandbox is told so before anything else.
        if begun.plans and not self.lost_sandbox:
            return await self._mend_by_model(word, begun, *await self._room_while_planning(begun))
        room = await self._room(begun, "work")
        if begun.kind == "fix" and not begun.workspace_key:
            wanted = FixWanted(agent_id=self.start.agent_id, task_key=begun.task_key, sandbox=room)
            made = await self._at(room, "rule_fix", wanted, PatchMade, timing.AGENT_WORK)
            if made.patch_key and (made.whole or begun.without_model):
                proof = await self._prove(begun, made, "", "rule")
                if proof.grade != "none" or begun.without_model:
                    return await self._deliver(word, proof.fix_key, "")
        if begun.without_model:
            raise Ended(self._ending("failed", begun.without_model, no_model=True))
        return await self._mend_by_model(word, begun, room)

    async def _mend_by_model(
        self, word: AgentWord, begun: BegunAgent, room: SandboxRef, planned: ChunkDone | None = None
    ) -> FixDelivered | None:
        room, result_key = await self._converse(begun, room, planned)
        if result_key is None:
            return None
        wanted = PatchWanted(task_key=begun.task_key, sandbox=room)
        made = await self._at(room, "take_patch", wanted, PatchMade, timing.ROOM)
        workspace_key = await self._leave(room, keep=True)
        proof_key = ""
        if made.patch_key:
            proof_key = (await self._prove(begun, made, result_key, "model")).fix_key
        return await self._deliver(word, proof_key, workspace_key, result_key=result_key)

    async def _room_while_planning(self, begun: BegunAgent) -> tuple[SandboxRef, ChunkDone]:
        """The model's first answers cost no time: they come while the sandbox is made."""
        opening = asyncio.create_task(self._room(begun, "work"))
        planning = asyncio.create_task(self._chunk(begun, None, 0))
        try:
            await workflow.wait([opening, planning], return_when=asyncio.FIRST_EXCEPTION)
            # Why there is no sandbox is what people are told first.
            return await opening, await planning
        finally:
            await end_all(opening, planning)

    async def _chunk(self, begun: BegunAgent, room: SandboxRef | None, number: int) -> ChunkDone:
        step = ChunkStep(
            agent_id=self.start.agent_id,
            task_key=begun.task_key,
            sandbox=room,
            number=number,
            round=self.round,
            lost_sandbox=self.lost_sandbox,
            without_files=self.without_files and room is not None,
        )
        return await call("agent_chunk", step, ChunkDone, timing.AGENT_WORK, queue=queues.LLM)

    async def _converse(
        self, begun: BegunAgent, room: SandboxRef, planned: ChunkDone | None
    ) -> tuple[SandboxRef, str | None]:
        """Where it ended, and the key of the agent's result; None when it waits for people and goes on elsewhere."""
        for number in range(0 if planned else 1, MOST_CHUNKS + 1):
            if planned is None or number > 0:
                done = await self._chunk(begun, room, number)
                self.lost_sandbox = self.without_files = False
            else:
                done = planned
            match done.end:
                case "finished":
                    return room, done.result_key
                case "asks":
                    await self._ask(done.question_key, room)
                    return room, None
                case "budget" | "stuck":
                    raise Ended(self._ending("failed", done.reason))
                case "waits":
                    room = await self._wait(begun, room, done.wait_until or workflow.now())
                case "stopped":
                    raise Ended(self._ending("stopped", "stopped", told=False))
                case "goes_on":
                    pass
        raise Ended(self._ending("failed", "it did not come to an end"))

    async def _wait(self, begun: BegunAgent, room: SandboxRef, until: datetime) -> SandboxRef:
        """For the model's limit, and without a sandbox where that takes long; the one to go on in."""
        left = max(until - workflow.now(), timedelta(milliseconds=100))
        if left <= KEPT_WHILE_WAITING:
            await workflow.sleep(left)
            return room
        workspace_key = await self._leave(room, keep=True)
        await workflow.sleep(left)
        self.round += 1
        return await self._room(begun.model_copy(update={"workspace_key": workspace_key}), "work")

    async def _ask(self, question_key: str, room: SandboxRef) -> None:
        """Ask, let the sandbox go, and wait for days; the answer, or its absence, is the next word."""
        workspace_key = await self._leave(room, keep=True)
        question = Question(
            agent_id=self.start.agent_id, question_key=question_key, workspace_key=workspace_key, round=self.round
        )
        asked = await call("ask_people", question, Asked, timing.FORGE_CALL)
        left = max(timedelta(), asked.until - workflow.now())
        try:
            await workflow.wait_condition(lambda: bool(self.words), timeout=left)
        except TimeoutError:
            self.words.append(AgentWord(kind="unanswered"))

    async def _room(self, begun: BegunAgent, purpose: str) -> SandboxRef:
        wanted = RoomWanted.model_validate(
            {
                "agent_id": self.start.agent_id,
                "task_key": begun.task_key,
                "purpose": purpose,
                "round": self.round,
                "workspace_key": begun.workspace_key if purpose == "work" else "",
            }
        )
        ready = await call("open_room", wanted, RoomReady, timing.ROOM, queue=queues.SANDBOX)
        if ready.sandbox is None:
            raise Ended(self._ending("failed", ready.refusal, no_sandbox=ready.no_backend))
        self.rooms.append(ready.sandbox)
        self.task_key = begun.task_key
        self.without_files = self.without_files or ready.without_files
        self.problem = self.problem or ready.problem
        return ready.sandbox

    async def _prove(
        self, begun: BegunAgent, made: PatchMade, result_key: str, made_by: Literal["rule", "model"]
    ) -> ProofMade:
        """In a sandbox of its own: what made the change cannot have prepared the place."""
        agent_id, task_key = self.start.agent_id, begun.task_key
        stage = StageFix(
            agent_id=agent_id, task_key=task_key, patch_key=made.patch_key, made_by=made_by, numbers=made.numbers
        )
        staged = await call("stage_fix", stage, StagedFix, timing.FETCH)
        if staged.refused_fix_key:
            return ProofMade(fix_key=staged.refused_fix_key, grade="none")
        read = await self._read_again(staged)
        room = await self._room(begun, "prove")
        wanted = ProofWanted(
            agent_id=agent_id,
            task_key=task_key,
            sandbox=room,
            patch_key=made.patch_key,
            staged_key=staged.staged_key,
            linters_key=read.report_key,
            numbers=made.numbers,
            result_key=result_key,
            made_by=made_by,
            round=self.round,
        )
        proof = await call("prove_fix", wanted, ProofMade, timing.AGENT_WORK, queue=queues.LLM)
        await self._leave(room, keep=False)
        return proof

    async def _read_again(self, staged: StagedFix) -> StepDone:
        """The linters over the change, where nothing is held that they could tell."""
        step = ReviewerStep(
            run_id=self.start.agent_id,
            reviewer="linters",
            queue="sandbox",
            pull_request_key=staged.pull_request_key,
            diff_key=staged.diff_key,
            snapshot_key=staged.snapshot_key,
            config_key=staged.config_key,
        )
        return await call("read_change", step, StepDone, timing.REVIEWER, queue=queues.SANDBOX)

    async def _deliver(
        self, word: AgentWord, fix_key: str, workspace_key: str, *, result_key: str = ""
    ) -> FixDelivered:
        self.delivering = True
        wanted = DeliverFix(
            agent_id=self.start.agent_id,
            word=word,
            fix_key=fix_key,
            result_key=result_key,
            workspace_key=workspace_key,
            problem=self.problem,
            round=self.round,
            may_try_again=self.round <= MOST_MOVES,
        )
        return await call("deliver_fix", wanted, FixDelivered, timing.FORGE_CALL)

    async def _leave(self, room: SandboxRef, *, keep: bool) -> str:
        going = RoomGoing(agent_id=self.start.agent_id, sandbox=room, keep=keep, task_key=self.task_key)
        kept = await self._at(room, "leave_room", going, RoomKept, timing.ROOM_GOING)
        self.rooms.remove(room)
        return kept.workspace_key

    async def _at(
        self, room: SandboxRef, name: str, wanted: Frozen, answer: type[Answer], options: ActivityConfig
    ) -> Answer:
        """On the machine of the sandbox, which counts as lost with it when it stays silent."""
        queue = queues.of_sandbox(room.host)
        return await call(name, wanted, answer, options, queue=queue, time_scale=self.start.time_scale)

    async def _let_go(self) -> None:
        """Whatever is left of the sandboxes; one that cannot be reached is the reaper's."""
        for room in list(self.rooms):
            try:
                await asyncio.shield(self._leave(room, keep=False))
            except FailureError as error:
                workflow.logger.warning("room.left_behind", extra={"cause": type(error).__name__})
        self.rooms.clear()

    async def _end_early(self, work: "asyncio.Task[None]", stop: Stop | None) -> None:
        while not work.done():
            # A step that is done before it hears of it swallows the cancellation, and the work goes on to the next.
            work.cancel()
            await workflow.wait([work], timeout=timing.CANCEL_AGAIN_AFTER.total_seconds())
        await self._let_go()
        by = stop.by if stop else ""
        reason = "the pull request was closed" if stop and stop.reason == "closed" else f"stopped by {by}".strip()
        # Whoever stops something sees that it stops; nothing more is said.
        await self._end(self._ending("stopped", reason, told=False))

    def _ending(
        self, state: str, reason: str, *, told: bool = True, no_sandbox: bool = False, no_model: bool = False
    ) -> AgentEnding:
        return AgentEnding.model_validate(
            {
                "agent_id": self.start.agent_id,
                "state": state,
                "reason": reason,
                "round": self.round,
                "told": told,
                "no_sandbox": no_sandbox,
                "no_model": no_model,
                "problem": self.problem,
            }
        )

    async def _end(self, ending: AgentEnding) -> None:
        # Shielded: a cancelled agent still has an end to write down.
        await asyncio.shield(tell("end_agent", ending, timing.CLOSING))


def agent_workflow_id(agent_id: str) -> str:
    return f"agent/{agent_id}"
