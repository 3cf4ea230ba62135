"""Who begins an agent: a command, a reply in its thread, or a review whose findings are to be mended unasked."""

import hashlib
from collections.abc import Callable, Sequence
from datetime import datetime

import structlog

from app.commands.base import StartAgent, StartFix
from app.domain.actions import Action
from app.domain.agents import Agent, Delivery
from app.domain.findings import Severity, TrackedFinding
from app.domain.pull_request import Person, PullRequest, PullRequestRef
from app.domain.repo_config import AutofixMode, RepoConfig
from app.store.agents import ENDED, UNASKED, Agents
from app.store.blobs import Blobs
from app.store.effects import Effects
from workflows.agent_messages import AgentWord
from workflows.client import Turns
from workflows.messages import Stop

log = structlog.get_logger()

# How many fixes of one pull request begin without being asked for? Our own commits are reviewed and would go on.
MOST_UNASKED = 3
# Kind of the effects that note who asked for what an agent was at already.
JOINED = "joined"
NOBODY = Person(user_id="", login="", is_bot=True)
_MODES: dict[AutofixMode, Delivery] = {"off": "suggest", "suggest": "suggest", "branch": "branch", "commit": "commit"}


class AgentStarts:
    """Safe to repeat: a row is claimed by what it is for, and an agent that heard a word does not heed it twice."""

    def __init__(
        self, *, agents: Agents, effects: Effects, blobs: Blobs, turns: Turns, clock: Callable[[], datetime]
    ) -> None:
        self.agents = agents
        self.effects = effects
        self.blobs = blobs
        self.turns = turns
        self.clock = clock

    async def fix(self, action: Action, plan: StartFix, pull_request: PullRequest, config: RepoConfig) -> Agent:
        """The agent that mends these findings: a new one, one at work on them, or one whose fix is there."""
        known = await self._on_the_same(action, plan, pull_request.head_sha)
        if known is not None:
            return known
        # A branch of ours is as far as it goes without `apply`.
        shown: Delivery = "suggest" if config.autofix in {"off", "suggest"} else "branch"
        agent = await self.agents.begin(
            ref=action.ref,
            claim=action.action_key,
            kind="fix",
            numbers=plan.numbers,
            asked_by=action.actor,
            delivery="commit" if plan.apply else shown,
            head_sha=pull_request.head_sha,
            now=self.clock(),
            action_key=action.action_key,
            prompt_key=await self.blobs.put(plan.hint.encode()) if plan.hint else "",
            thread_comment_id=thread_of(action),
        )
        return await self._tell(agent, AgentWord(kind="begin", action_key=action.action_key))

    async def prompt(self, action: Action, plan: StartAgent, pull_request: PullRequest) -> Agent:
        """In an agent's thread, or while one alone waits for an answer, the words are for that one."""
        known = await self._spoken_to(action)
        word = AgentWord(kind="prompt", action_key=action.action_key)
        if known is not None:
            return await self._tell(known, word)
        agent = await self.agents.begin(
            ref=action.ref,
            claim=action.action_key,
            kind="prompt",
            numbers=(),
            asked_by=action.actor,
            delivery="suggest",
            head_sha=pull_request.head_sha,
            now=self.clock(),
            action_key=action.action_key,
            prompt_key=await self.blobs.put(plan.prompt.encode()),
            thread_comment_id=thread_of(action),
        )
        return await self._tell(agent, word.model_copy(update={"kind": "begin"}))

    async def after_review(
        self, ref: PullRequestRef, run_id: str, head_sha: str, found: Sequence[TrackedFinding], config: RepoConfig
    ) -> int:
        """Mend what a review left open, as far as the configuration goes; how many agents it is now at."""
        if config.autofix == "off":
            return 0
        left = MOST_UNASKED - await self.agents.unasked(ref)
        worth = [one for one in found if one.state == "open" and one.finding.severity.at_least(Severity.MEDIUM)]
        # Each commit is reviewed anew, which leads to the next finding; several at once would only collide.
        most = 1 if config.autofix == "commit" else left
        tried = {number for agent in await self.agents.of(ref) for number in agent.numbers}
        chosen = [one for one in worth if one.number not in tried][: max(0, min(most, left))]
        for one in chosen:
            agent = await self.agents.begin(
                ref=ref,
                claim=f"{UNASKED}{run_id}/{one.finding_id}",
                kind="fix",
                numbers=(one.number,),
                asked_by=NOBODY,
                delivery=_MODES[config.autofix],
                head_sha=head_sha,
                now=self.clock(),
                thread_comment_id=one.comment_id or "",
            )
            await self._tell(agent, AgentWord(kind="begin"))
        if worth and left <= 0:
            log.info("autofix.rounds_are_used", pull_request=str(ref), most=MOST_UNASKED)
        return len(chosen)

    async def stop(self, ref: PullRequestRef, stop: Stop) -> int:
        """How many were at work; one whose workflow is gone is ended here."""
        running = await self.agents.running(ref)
        for agent in running:
            await self._stop(agent, stop)
        return len(running)

    async def stop_one(self, ref: PullRequestRef, agent_id: str, stop: Stop) -> None:
        """Nothing when it has ended, or works elsewhere."""
        for agent in await self.agents.running(ref):
            if agent.agent_id == agent_id:
                await self._stop(agent, stop)

    async def _stop(self, agent: Agent, stop: Stop) -> None:
        if not await self.turns.stop_agent(agent.agent_id, stop):
            await self.agents.end(agent.agent_id, "stopped", f"stopped by {stop.by}".strip(), self.clock())

    async def _on_the_same(self, action: Action, plan: StartFix, head_sha: str) -> Agent | None:
        word = AgentWord(kind="apply", action_key=action.action_key)
        for agent in reversed(await self.agents.of(action.ref)):
            if agent.action_key == action.action_key:
                # An earlier try of ours; only its word may not have been said.
                return await self._tell(agent, AgentWord(kind="begin", action_key=action.action_key))
            if agent.kind != "fix" or set(agent.numbers) != set(plan.numbers):
                continue
            if agent.state not in ENDED and not plan.hint:
                # It is being prepared; whoever asks for more gets more, and all of them get its end.
                await self.effects.keep(
                    f"{JOINED}/{agent.agent_id}/{action.action_key}", action.action_key, run_id=agent.agent_id
                )
                if plan.apply:
                    await self.agents.change(agent.agent_id, delivery="commit", asked_by=action.actor)
                return agent
            has_fix = agent.grade in {"proved", "checked"}
            if plan.apply and has_fix and agent.head_sha == head_sha:
                return await self._tell(agent, word)
        return None

    async def _spoken_to(self, action: Action) -> Agent | None:
        if action.root_comment_id and (found := await self.agents.in_thread(action.ref, action.root_comment_id)):
            return found
        asking = [one for one in await self.agents.running(action.ref) if one.state == "asking"]
        return asking[0] if len(asking) == 1 else None

    async def _tell(self, agent: Agent, word: AgentWord) -> Agent:
        await self.turns.tell_agent(agent.agent_id, agent.ref, word)
        return agent


def thread_of(action: Action) -> str:
    """The first comment of the thread that a command stands in; empty below the pull request."""
    return (action.root_comment_id or action.comment_id or "") if action.source == "thread" else ""


def mark_of(*parts: str) -> str:
    """An action key of our own, for what no action asked for."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
