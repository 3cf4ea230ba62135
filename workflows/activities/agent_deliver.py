"""The end of an agent's work: its fix is shown with its proof and goes where it may, or why there is none is said."""

import hashlib
from collections.abc import Callable, Mapping
from datetime import datetime

from temporalio import activity

from app.domain.agent_text import answer_text, question_text
from app.domain.agents import MOST_TRIES, Agent, AgentResult
from app.domain.errors import HeadMoved
from app.domain.fix_text import Whereabouts, agent_failed, branch_moved, fix_text, no_fix, no_model, no_sandbox
from app.domain.fixes import Fix
from app.domain.pull_request import PullRequest
from app.forges.base import ForgeReader
from app.store.agents import ENDED, Agents
from app.store.blobs import Blobs
from app.store.environment_problems import EnvironmentProblems
from app.store.repositories import Repositories
from app.store.usage import Usage
from workflows import timing
from workflows.activities.agent_push import Pushed, Pushing
from workflows.activities.agent_start import NOBODY
from workflows.activities.agent_telling import Telling
from workflows.agent_messages import AgentEnding, Asked, DeliverFix, FixDelivered, Question

# A change of more bytes is not shown in a comment at all.
_SHOWN_BYTES = 8_000


class Delivering:
    """May be killed between any two lines: each write is looked for before it is made again."""

    def __init__(
        self,
        *,
        readers: Mapping[str, ForgeReader],
        agents: Agents,
        problems: EnvironmentProblems,
        repositories: Repositories,
        usage: Usage,
        blobs: Blobs,
        pushing: Pushing,
        telling: Telling,
        model: str,
        time_scale: float,
        clock: Callable[[], datetime],
    ) -> None:
        self.readers = readers
        self.agents = agents
        self.problems = problems
        self.repositories = repositories
        self.usage = usage
        self.blobs = blobs
        self.pushing = pushing
        self.telling = telling
        self.model = model
        self.time_scale = time_scale
        self.clock = clock

    @activity.defn(name="deliver_fix")
    async def deliver_fix(self, wanted: DeliverFix) -> FixDelivered:
        agent = await self._agent(wanted.agent_id)
        if agent.state in ENDED:
            return FixDelivered(status="none")
        await self._write_down(agent, wanted.problem)
        agent = await self._take(agent, wanted)
        pull_request = await self._open(agent)
        if pull_request is None:
            return FixDelivered(status="none")
        if not agent.fix_key:
            return await self._without_fix(agent, wanted.result_key)
        return await self._deliver(agent, await self.blobs.get_model(agent.fix_key, Fix), wanted, pull_request)

    async def _open(self, agent: Agent) -> PullRequest | None:
        """None when it was closed: the agent's work ends with it, and no branch of its own stays."""
        pull_request = await self.readers[agent.ref.connection].pull_request(agent.ref)
        if pull_request.state == "open":
            return pull_request
        await self.pushing.take_back_of(agent, pull_request)
        await self.agents.end(agent.agent_id, "stopped", f"the pull request is {pull_request.state}", self.clock())
        return None

    async def _take(self, agent: Agent, wanted: DeliverFix) -> Agent:
        """The row as it is from now on."""
        await self.agents.enter(agent.agent_id, "delivering", self.clock())
        fix_key = wanted.fix_key or (agent.fix_key if wanted.word.kind == "apply" and not wanted.result_key else "")
        grade = (await self.blobs.get_model(fix_key, Fix)).proof.grade if fix_key else ""
        workspace = wanted.workspace_key or agent.snapshot_key
        changed = await self.agents.change(agent.agent_id, fix_key=fix_key, grade=grade, snapshot_key=workspace)
        return changed or agent

    async def _deliver(self, agent: Agent, fix: Fix, wanted: DeliverFix, pull_request: PullRequest) -> FixDelivered:
        if fix.proof.grade == "none" or fix.patch is None:
            await self._no_fix(agent, fix.numbers or agent.numbers, fix.proof.reason)
            return FixDelivered(status="none")
        said_apply = wanted.word.kind == "apply"
        try:
            pushed = await self.pushing.push(agent, fix, said_apply=said_apply, now_at=pull_request)
        except HeadMoved as moved:
            if wanted.may_try_again:
                return FixDelivered(status="moved", head_sha=moved.head_sha)
            text = branch_moved(fix.patch.head_sha, moved.head_sha, fix.numbers, self.telling.voice(agent))
            await self.telling.say_end(agent, "failed", text, mended=False)
            return FixDelivered(status="moved", head_sha=moved.head_sha)
        # Looked at once more: who closed it in between found no branch yet that could go.
        if pushed.where == "branch" and await self._open(agent) is None:
            return FixDelivered(status="none")
        await self._show(agent, fix.model_copy(update=_whereabouts(pushed)), pushed)
        return FixDelivered(status="refused" if pushed.refusal else "shown" if pushed.where == "nowhere" else "pushed")

    async def _show(self, agent: Agent, fix: Fix, pushed: Pushed) -> None:
        assert fix.patch is not None  # noqa: S101 - a fix without a patch has no grade
        await self.agents.change(agent.agent_id, fix_key=await self.blobs.put_model(fix))
        where = Whereabouts(
            pushed_sha=pushed.commit_sha if pushed.where == "head" else "",
            branch=pushed.branch if pushed.where == "branch" else "",
            refusal=pushed.refusal,
            diff=await self._diff(fix.patch.patch_key) if pushed.where == "nowhere" else "",
        )
        asked_by = "" if agent.asked_by == NOBODY else agent.asked_by.login
        text = fix_text(fix, where, head_sha=fix.patch.head_sha, asked_by=asked_by, voice=self.telling.voice(agent))
        await self.telling.say(agent, text, about="end")
        await self.telling.react(agent, "confused" if pushed.refusal else "done")
        ending = f"{fix.proof.grade}, {pushed.where}" if not pushed.refusal else f"{fix.proof.grade}, {pushed.refusal}"
        await self.agents.end(agent.agent_id, "done", ending[:300], self.clock())

    async def _diff(self, patch_key: str) -> str:
        """The change as people read it: without what only git needs."""
        data = await self.blobs.get(patch_key)
        if len(data) > _SHOWN_BYTES:
            return ""
        kept = [line for line in data.decode("utf-8", "replace").split("\n") if not line.startswith("index ")]
        return "\n".join(kept)

    async def _without_fix(self, agent: Agent, result_key: str) -> FixDelivered:
        """Nothing was changed: an answer in words, or the reason."""
        result = await self.blobs.get_model(result_key, AgentResult) if result_key else AgentResult(summary="")
        said = result.answer or result.summary
        if agent.kind == "prompt" and said:
            text = answer_text(said, self.telling.voice(agent))
            await self.telling.say_end(agent, "done", text, mended=True)
        else:
            await self._no_fix(agent, agent.numbers, said or "the agent changed nothing")
        return FixDelivered(status="none")

    async def _no_fix(self, agent: Agent, numbers: tuple[int, ...], reason: str) -> None:
        text = no_fix(
            numbers,
            reason or "it could not be proved",
            self.telling.voice(agent),
            tries=agent.attempt,
            most_tries=MOST_TRIES,
            in_thread=await self.telling.in_thread(agent),
            agent_id=agent.agent_id,
        )
        await self.telling.say_end(agent, "failed", text, mended=False)

    @activity.defn(name="ask_people")
    async def ask_people(self, question: Question) -> Asked:
        agent = await self._agent(question.agent_id)
        until = self.clock() + timing.ASKS_FOR * self.time_scale
        if agent.state == "asking" and agent.asks_until is not None:
            # An earlier try of this: the time that was told counts.
            until = agent.asks_until
        await self.agents.change(
            agent.agent_id, asks_until=until, snapshot_key=question.workspace_key or agent.snapshot_key
        )
        words = (await self.blobs.get(question.question_key)).decode("utf-8", "replace")
        in_thread = await self.telling.in_thread(agent)
        text = question_text(words, until, self.telling.voice(agent), in_thread=in_thread)
        about = hashlib.sha256(f"{question.round}\0{question.question_key}".encode()).hexdigest()
        comment_id = await self.telling.say(agent, text, about=about)
        await self.agents.change(agent.agent_id, question_comment_id=comment_id)
        await self.agents.enter(agent.agent_id, "asking", self.clock())
        return Asked(until=until)

    @activity.defn(name="end_agent")
    async def end_agent(self, ending: AgentEnding) -> None:
        agent = await self._agent(ending.agent_id)
        if agent.state in ENDED:
            return
        await self._write_down(agent, ending.problem)
        if not ending.told:
            await self.agents.end(agent.agent_id, ending.state, ending.reason, self.clock())
        elif ending.no_sandbox:
            await self.telling.say_end(agent, ending.state, no_sandbox(ending.reason), mended=False)
        elif ending.no_model:
            await self.telling.say_end(agent, ending.state, no_model(agent.numbers, ending.reason), mended=False)
        elif agent.kind == "fix":
            await self._no_fix(agent, agent.numbers, ending.reason)
        else:
            await self.telling.say_end(agent, ending.state, agent_failed(ending.reason), mended=False)

    async def _write_down(self, agent: Agent, problem: str) -> None:
        """For those who pay, what it cost; for the operator, what was wrong with its sandbox."""
        await self._write_usage(agent)
        if problem:
            await self.problems.report(
                agent.ref.connection,
                agent.ref.repo_id,
                fingerprint=hashlib.sha256(problem.encode()).hexdigest(),
                text=problem,
                agent_id=agent.agent_id,
                now=self.clock(),
            )

    async def _write_usage(self, agent: Agent) -> None:
        """Once for each try and model: what later ones add is told apart from what is written down."""
        written = await self.usage.written(agent.agent_id)
        installation = await self._installation(agent)
        for usage in agent.spent.by_model(self.model):
            new = usage.without(written.get(usage.model))
            if new.requests:
                name = f"agent {agent.attempt}"
                await self.usage.add(agent.agent_id, agent.ref, installation, new, self.clock(), reviewer=name)

    async def _installation(self, agent: Agent) -> str:
        repo = await self.repositories.get(agent.ref.connection, agent.ref.repo_id)
        return repo.installation_id if repo else ""

    async def _agent(self, agent_id: str) -> Agent:
        agent = await self.agents.get(agent_id)
        if agent is None:
            raise LookupError(f"agent {agent_id} is not in the store")
        return agent


def _whereabouts(pushed: Pushed) -> dict[str, str]:
    return {
        "pushed_sha": pushed.commit_sha if pushed.where == "head" else "",
        "branch": pushed.branch if pushed.where == "branch" else "",
    }
