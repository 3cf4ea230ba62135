"""Proving a change in a sandbox of its own; the proof is kept whole, and only its grade travels."""

from collections.abc import Awaitable, Callable
from datetime import datetime

import structlog
from temporalio import activity

from app.domain.agents import AgentResult, AgentTask
from app.domain.conversation import Result
from app.domain.findings import TrackedFinding
from app.domain.fixes import Fix, Patch, Proof
from app.domain.review import ReviewerReport
from app.domain.secrets import Redactor
from app.sandboxes.base import Room
from app.store.agents import Agents
from app.store.blobs import Blobs
from app.store.conversations import Conversations
from autofix.critic import Critic
from autofix.patches import parse
from autofix.proof import Claim, ProvingParts, prove
from autofix.rule_fixes import rule_fix
from workflows.activities.agent_review_again import ReviewingAgain
from workflows.activities.agent_room import Enter
from workflows.activities.agent_stage import StagedCode
from workflows.agent_messages import ProofMade, ProofWanted

log = structlog.get_logger()

# How many pictures of an agent's go with its proof?
_PICTURES = 8
# A second look by a model that made nothing of it; None where there is no model.
OpenCritic = Callable[[AgentTask], Awaitable[Critic | None]]


class Proving:
    """Safe to repeat: the same proof's commands are attached to, and its result is the same."""

    def __init__(
        self,
        *,
        agents: Agents,
        blobs: Blobs,
        enter: Enter,
        reviewing: ReviewingAgain,
        critic: OpenCritic,
        redactor: Redactor,
        clock: Callable[[], datetime],
    ) -> None:
        self.agents = agents
        self.blobs = blobs
        self.enter = enter
        self.reviewing = reviewing
        self.critic = critic
        self.redactor = redactor
        self.clock = clock

    @activity.defn(name="prove_fix")
    async def prove_fix(self, wanted: ProofWanted) -> ProofMade:
        await self.agents.enter(wanted.agent_id, "proving", self.clock())
        task = await self.blobs.get_model(wanted.task_key, AgentTask)
        result = await self.blobs.get_model(wanted.result_key, AgentResult) if wanted.result_key else None
        claimed = _claimed(task, wanted, result)
        data = await self.blobs.get(wanted.patch_key)
        async with self.enter(wanted.sandbox) as room:
            proof = await self._prove(wanted, room, task, claimed, data, result.commands if result else ())
        fix = Fix(
            agent_id=wanted.agent_id,
            numbers=tuple(one.number for one in claimed),
            patch=Patch(patch_key=wanted.patch_key, head_sha=task.head_sha, files=parse(data).changed_files),
            proof=proof,
            summary=self.redactor.redact(result.summary)[:300] if result else "",
            made_by=wanted.made_by,
        )
        log.info("fix.proved", agent_id=wanted.agent_id, grade=proof.grade, step=proof.failed_step or "")
        return ProofMade(fix_key=await self.blobs.put_model(fix), grade=proof.grade)

    async def _prove(
        self,
        wanted: ProofWanted,
        room: Room,
        task: AgentTask,
        claimed: tuple[TrackedFinding, ...],
        data: bytes,
        commands: tuple[str, ...],
    ) -> Proof:
        by_model = wanted.made_by == "model"
        staged = await self.blobs.get_model(wanted.staged_key, StagedCode)
        linters = await self.blobs.get_model(wanted.linters_key, ReviewerReport)
        parts = ProvingParts(
            room=room,
            review_again=self.reviewing.of(task, staged, claimed, linters, by_model=by_model),
            put=self._put,
            name=f"proof-{wanted.agent_id}-{wanted.round}",
            checks=task.checks,
            critic=await self.critic(task) if by_model else None,
            pictures=await self._pictures(wanted.agent_id) if by_model else (),
            redactor=self.redactor,
            sandbox=wanted.sandbox.backend,
        )
        # Its own linter, asked in this room, is the reproduction of a rule's fix.
        rule = None if by_model else await rule_fix(parts.room, claimed[0])
        if rule is None:
            return await prove(Claim(patch=data, findings=claimed, commands=commands), parts)
        return await prove(Claim(patch=data, findings=claimed, linter=rule.check, linter_shown=rule.shown), parts)

    async def _pictures(self, agent_id: str) -> tuple[bytes, ...]:
        """The newest that the agent took."""
        agent = await self.agents.get(agent_id)
        messages = (await Conversations(self.blobs).read(agent.conversation)).messages if agent is not None else ()
        keys = [one.picture_key for one in messages if isinstance(one, Result) and one.picture_key]
        return tuple([await self.blobs.get(key) for key in keys[-_PICTURES:]])

    async def _put(self, _name: str, data: bytes, _mime: str) -> str:
        return await self.blobs.put(data)


def _claimed(task: AgentTask, wanted: ProofWanted, result: AgentResult | None) -> tuple[TrackedFinding, ...]:
    """The findings that the change is for: as its maker says, among those that it was given."""
    numbers = set(wanted.numbers or (result.numbers if result else ()))
    return tuple(one for one in task.findings if one.number in numbers) or task.findings
