"""Taking up an agent: what is open now, the words it was given, and the code, put where its sandbox finds them."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, time
from typing import NamedTuple

import structlog
from pydantic import JsonValue
from temporalio import activity

from app.checkouts.mirrors import Fetched, Mirrors
from app.checkouts.snapshot import Caps, make
from app.domain.agents import MOST_TRIES, Agent, AgentBudget, AgentTask
from app.domain.diff import Diff
from app.domain.fix_text import already_mended, money_is_spent, no_model_configured, tries_are_used
from app.domain.fixes import Fix
from app.domain.pull_request import PullRequest, Repo
from app.domain.repo_config import ConfigInForce
from app.forges.base import ForgeReader
from app.store.actions import Actions
from app.store.agents import ENDED, Agents
from app.store.blobs import Blobs
from app.store.effects import Effects
from app.store.findings import Findings
from app.store.usage import Usage
from autofix.rule_fixes import rule_check
from workflows.activities.agent_telling import Telling
from workflows.activities.configuration import Configurations
from workflows.activities.fetching import Fetching
from workflows.agent_messages import AgentWord, BeginAgent, BegunAgent

log = structlog.get_logger()

# A sandbox needs what reviewers need not read: a lock file of a large project has megabytes.
ALL_FILES = Caps(file_bytes=16_000_000)
UNANSWERED = "Nobody answered in time. Go on with your best judgement, or finish and say what you would need to know."


class _Found(NamedTuple):
    """What an agent is about, as it is now."""

    agent: Agent
    pull_request: PullRequest
    word: AgentWord
    # Whether the agent's newest task holds this word already.
    heard: bool


class AgentBeginning:
    def __init__(
        self,
        *,
        readers: Mapping[str, ForgeReader],
        agents: Agents,
        actions: Actions,
        findings: Findings,
        effects: Effects,
        blobs: Blobs,
        mirrors: Mirrors,
        fetching: Fetching,
        configurations: Configurations,
        telling: Telling,
        usage: Usage,
        has_model: bool,
        daily_budget: float | None,
        clock: Callable[[], datetime],
    ) -> None:
        self.readers = readers
        self.agents = agents
        self.actions = actions
        self.findings = findings
        self.effects = effects
        self.blobs = blobs
        self.mirrors = mirrors
        self.fetching = fetching
        self.configurations = configurations
        self.telling = telling
        self.usage = usage
        self.has_model = has_model
        self.daily_budget = daily_budget
        self.clock = clock

    @activity.defn(name="begin_agent")
    async def begin_agent(self, wanted: BeginAgent) -> BegunAgent:
        agent = await self._heed(wanted)
        if agent is None:
            return BegunAgent(status="over")
        pull_request = await self.readers[agent.ref.connection].pull_request(agent.ref)
        if pull_request.state != "open":
            await self.agents.end(agent.agent_id, "stopped", f"the pull request is {pull_request.state}", self.clock())
            return BegunAgent(status="over")
        if wanted.word.kind == "apply" and await self._fix_stands(agent, pull_request):
            return BegunAgent(status="deliver", kind=agent.kind)
        return await self._work(_Found(agent, pull_request, wanted.word, wanted.again), wanted.round)

    async def _heed(self, wanted: BeginAgent) -> Agent | None:
        """The agent at work; None when it did already what this word asks for."""
        agent = await self.agents.get(wanted.agent_id)
        if agent is None:
            raise LookupError(f"agent {wanted.agent_id} is not in the store")
        word = wanted.word
        if agent.state not in ENDED:
            await self.agents.enter(agent.agent_id, "working", self.clock())
            if word.kind == "prompt" and word.action_key != agent.action_key:
                await self.telling.heard(word.action_key)
            return agent
        if word.action_key == agent.action_key or word.kind == "unanswered":
            return None
        action = await self.actions.get(word.action_key)
        if action is None:
            raise LookupError(f"action {word.action_key} is not in the store")
        if word.kind == "prompt" and agent.kind == "fix" and agent.state == "failed" and agent.attempt >= MOST_TRIES:
            await self._tell_that_tries_are_used(agent.model_copy(update={"action_key": word.action_key}))
            return None
        attempt = agent.attempt + 1 if word.kind == "prompt" else agent.attempt
        # From here on it is this person's wish, and this person's right to have it pushed.
        agent = await self.agents.reopen(
            agent.agent_id, self.clock(), attempt=attempt, action_key=word.action_key, asked_by=action.actor
        )
        if agent is not None and word.kind == "apply":
            agent = await self.agents.change(agent.agent_id, delivery="commit")
        return agent

    async def _tell_that_tries_are_used(self, asked: Agent) -> None:
        text = tries_are_used(asked.numbers, self.telling.voice(asked), most_tries=MOST_TRIES)
        await self.telling.say(asked, text, about="tries are used")
        await self.telling.react(asked, "confused")

    async def _fix_stands(self, agent: Agent, pull_request: PullRequest) -> bool:
        """Whether the fix that is there was made on this head."""
        if not agent.fix_key:
            return False
        fix = await self.blobs.get_model(agent.fix_key, Fix)
        return fix.proof.grade != "none" and fix.patch is not None and fix.patch.head_sha == pull_request.head_sha

    async def _work(self, found: _Found, round_: int) -> BegunAgent:
        agent = found.agent
        if agent.kind == "fix" and not await self._open_numbers(agent):
            await self.telling.say_end(agent, "done", already_mended(agent.numbers), mended=True)
            return BegunAgent(status="over")

        async def write_down(_: bool) -> JsonValue:
            return await self.blobs.put_model(await self._task(found))

        # Once for each word: a second try must not say the same words twice to the agent.
        key = f"task/{agent.agent_id}/{agent.attempt}/{found.word.kind}/{found.word.action_key}/{round_}"
        task_key = str(await self.effects.perform(key, write_down, run_id=agent.agent_id))
        await self.agents.change(
            agent.agent_id, task_key=task_key, head_sha=found.pull_request.head_sha, asks_until=None
        )
        log.info("agent.begun", agent_id=agent.agent_id, pull_request=str(agent.ref), word=found.word.kind)
        task = await self.blobs.get_model(task_key, AgentTask)
        without_model = await self._without_model(agent, task)
        # Where a linter knows a fix it is tried first, and no model may be needed.
        by_rule = task.kind == "fix" and not agent.snapshot_key and any(map(rule_check, task.findings))
        return BegunAgent(
            status="work",
            kind=agent.kind,
            task_key=task_key,
            workspace_key=agent.snapshot_key,
            without_model=without_model,
            plans=not without_model and not by_rule,
        )

    async def _without_model(self, agent: Agent, task: AgentTask) -> str:
        """Why no model may be asked; where one may, the row says for how much."""
        if not self.has_model:
            return no_model_configured()
        limits = (await self.blobs.get_model(task.config_key, ConfigInForce)).config.budget
        today = datetime.combine(self.clock().date(), time(), UTC)
        spent = await self.usage.spent(agent.ref, today)
        left = {
            "budget.pull_request": limits.pull_request - spent.pull_request,
            "budget.day": limits.day - spent.repository,
        }
        of = {"budget.pull_request": limits.pull_request, "budget.day": limits.day}
        if self.daily_budget is not None:
            of["daily_budget"] = self.daily_budget
            left["daily_budget"] = self.daily_budget - await self.usage.spent_everywhere(today)
        key = min(left, key=left.__getitem__)
        if left[key] <= 0:
            return money_is_spent(key, of[key])
        # What it spent before, on earlier words, is counted already.
        dollars = agent.spent.dollars + min(left[key], AgentBudget().dollars)
        await self.agents.change(agent.agent_id, budget=agent.budget.model_copy(update={"dollars": dollars}))
        return ""

    async def _open_numbers(self, agent: Agent) -> tuple[int, ...]:
        return tuple(
            one.number
            for one in await self.findings.of(agent.ref)
            if one.number in agent.numbers and one.state == "open"
        )

    async def _task(self, found: _Found) -> AgentTask:
        agent, pull_request = found.agent, found.pull_request
        fetched = await self.fetching.fetch(pull_request, refresh=True)
        in_force = await self.configurations.at(pull_request, fetched)
        diff = await self.mirrors.diff(
            pull_request.repo,
            fetched.merge_base_sha,
            fetched.head_sha,
            limits=in_force.config.limits,
            ignore=in_force.config.ignore,
        )
        snapshot = await make(self.mirrors.git(pull_request.repo), fetched.head_tree_id, diff, ALL_FILES)
        wanted = await self._open_numbers(agent)
        return AgentTask(
            agent_id=agent.agent_id,
            ref=agent.ref,
            repo_name=pull_request.repo.full_name,
            kind=agent.kind,
            title=pull_request.title,
            head_sha=fetched.head_sha,
            merge_base_sha=fetched.merge_base_sha,
            findings=tuple(one for one in await self.findings.of(agent.ref) if one.number in wanted),
            prompts=await self._prompts(found),
            setup=in_force.config.setup,
            checks=in_force.config.checks,
            by_member=_is_by_member(pull_request, fetched),
            pull_request_key=await self.blobs.put_model(pull_request),
            diff_key=await self.blobs.put_model(diff),
            config_key=await self.blobs.put_model(in_force),
            snapshot_key=await self.blobs.put(snapshot),
            default_snapshot_key=await self._default_branch(pull_request.repo, fetched)
            if in_force.config.setup
            else "",
        )

    async def _default_branch(self, repo: Repo, fetched: Fetched) -> str:
        if not fetched.default_sha:
            return ""
        nothing = Diff(merge_base_sha=fetched.default_sha, head_sha=fetched.default_sha)
        return await self.blobs.put(await make(self.mirrors.git(repo), fetched.default_sha, nothing, ALL_FILES))

    async def _prompts(self, found: _Found) -> tuple[str, ...]:
        agent, word = found.agent, found.word
        if not agent.task_key:
            hint = (await self.blobs.get(agent.prompt_key)).decode() if agent.prompt_key else ""
            return (hint,) if hint else ()
        earlier = (await self.blobs.get_model(agent.task_key, AgentTask)).prompts
        if found.heard:
            return earlier
        match word.kind:
            case "unanswered":
                return (*earlier, UNANSWERED)
            case "prompt":
                action = await self.actions.get(word.action_key)
                return (*earlier, action.argument) if action is not None else earlier
            case "begin" | "apply":
                return earlier


def _is_by_member(pull_request: PullRequest, fetched: Fetched) -> bool:
    """Whoever pushed to a branch of the repository itself may write there."""
    return not pull_request.from_fork and fetched.head_sha == pull_request.head_sha
