"""Carrying out what people asked for: read the permission, plan, do it, and answer in the least noisy way."""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import TypeAlias, assert_never

import structlog
from temporalio import activity

from app.commands.base import (
    DecideRule,
    Dismiss,
    Facts,
    Pause,
    Remember,
    Resume,
    Say,
    ShowConfig,
    ShowHelp,
    ShowRules,
    ShowStatus,
    StartAgent,
    StartFix,
    StartReview,
    Stop,
)
from app.commands.dismiss import kept_as
from app.commands.registry import help_lines
from app.domain.actions import OPERATORS, Action
from app.domain.findings import TrackedFinding
from app.domain.outcomes import Outcome, Verdict
from app.domain.pull_request import Permission, PullRequest
from app.domain.repo_config import ConfigInForce
from app.domain.review import ReviewResult
from app.domain.status_text import config_text, help_text, status_text
from app.domain.talk import QUESTION
from app.forges.base import ForgeReader
from app.store.actions import Actions
from app.store.blobs import Blobs
from app.store.findings import Findings
from app.store.pull_requests import PullRequests
from app.store.runs import Runs
from workflows.activities.agent_start import AgentStarts
from workflows.activities.answering import Answering
from workflows.activities.checks import Checks
from workflows.activities.configuration import Configurations
from workflows.activities.dismiss import RESOLVED, Dismissing
from workflows.activities.fetching import Fetching
from workflows.activities.learning import Learning
from workflows.activities.planning import Planning
from workflows.activities.replying import Replying
from workflows.messages import Acted, ActRequest
from workflows.messages import Stop as StopOrder

log = structlog.get_logger()

# Plans that are carried out here and now.
Doable: TypeAlias = (
    Say
    | StartReview
    | Dismiss
    | Remember
    | DecideRule
    | Pause
    | Resume
    | Stop
    | ShowStatus
    | ShowConfig
    | ShowHelp
    | ShowRules
)


class Acting:
    """`act` may be called again after any crash: the action's row keeps what came of it, every answer has its mark."""

    def __init__(
        self,
        *,
        readers: Mapping[str, ForgeReader],
        actions: Actions,
        planning: Planning,
        answering: Answering,
        agent_starts: AgentStarts,
        findings: Findings,
        pull_requests: PullRequests,
        runs: Runs,
        fetching: Fetching,
        configurations: Configurations,
        dismissing: Dismissing,
        replying: Replying,
        learning: Learning,
        checks: Checks,
        blobs: Blobs,
    ) -> None:
        self.readers = readers
        self.actions = actions
        self.planning = planning
        self.answering = answering
        self.agent_starts = agent_starts
        self.findings = findings
        self.pull_requests = pull_requests
        self.runs = runs
        self.fetching = fetching
        self.configurations = configurations
        self.dismissing = dismissing
        self.replying = replying
        self.learning = learning
        self.checks = checks
        self.blobs = blobs

    @activity.defn(name="act")
    async def act(self, request: ActRequest) -> Acted:
        action = await self.actions.get(request.action_key)
        if action is None:
            raise LookupError(f"action {request.action_key} is not in the store")
        if action.result is not None:
            return Acted.model_validate_json(action.result)
        acted = await self._act(action)
        await self.actions.settle(action.action_key, acted.model_dump_json())
        log.info("action.done", pull_request=str(action.ref), word=action.word, order=acted.order)
        return acted

    async def _act(self, action: Action) -> Acted:
        if action.source in OPERATORS:
            return await self._obey_operator(action)
        pull_request, config = await self._now(action)
        if action.source == "merge_queue":
            return await self._judge_queued(action, pull_request, config)
        if action.actor.is_bot and not _allowed_bot(action.actor.login, config):
            return Acted()
        # Read now, not when the command was written: it may have been taken away since.
        permission = await self.readers[action.ref.connection].permission(pull_request.repo, action.actor)
        if action.source == "thread_resolved":
            return await self._thread_was_changed(action, permission)
        if action.word == QUESTION and action.source == "thread":
            return await self._hear(action, pull_request, permission)
        await self.answering.react(action, "eyes")
        if action.word == "accept":
            return await self._accept(action, permission)
        return await self._do(action, pull_request, config, permission)

    async def _now(self, action: Action) -> tuple[PullRequest, ConfigInForce]:
        pull_request = await self.readers[action.ref.connection].pull_request(action.ref)
        fetched = await self.fetching.fetch(pull_request, refresh=False)
        return pull_request, await self.configurations.at(pull_request, fetched)

    async def _do(
        self, action: Action, pull_request: PullRequest, config: ConfigInForce, permission: Permission
    ) -> Acted:
        facts = await self.planning.facts(action, pull_request, config, permission)
        planned = await self.planning.plan(action, facts)
        if isinstance(planned, StartFix | StartAgent):
            return await self._set_to_work(action, planned, pull_request, config)
        return await self._carry_out(action, planned, facts, config)

    async def _set_to_work(
        self, action: Action, planned: StartFix | StartAgent, pull_request: PullRequest, config: ConfigInForce
    ) -> Acted:
        """The agent itself says what becomes of it, in hours perhaps; here is only noted that it was asked for."""
        match planned:
            case StartFix():
                await self.agent_starts.fix(action, planned, pull_request, config.config)
            case StartAgent():
                await self.agent_starts.prompt(action, planned, pull_request)
        await self.answering.note(action)
        return Acted(by=action.actor.login)

    async def _carry_out(self, action: Action, planned: Doable, facts: Facts, config: ConfigInForce) -> Acted:
        by = action.actor.login
        match planned:
            case Say(text=text):
                await self.answering.answer(action, text)
                await self.answering.react(action, "confused")
                return Acted()
            case StartReview(full=full):
                acted = Acted(order="review_full" if full else "review", by=by)
            case Stop():
                await self.agent_starts.stop(action.ref, StopOrder(reason="stopped", by=by))
                acted = Acted(order="stop", by=by)
            case Pause():
                await self.pull_requests.set_paused(action.ref, True)
                acted = Acted()
            case Resume():
                await self.pull_requests.set_paused(action.ref, False)
                acted = Acted(order="review", by=by)
            case Dismiss():
                await self._dismiss(action, planned)
                acted = Acted()
            case Remember():
                await self.answering.answer(action, await self.learning.remember(action, planned, facts.voice))
                acted = Acted()
            case DecideRule():
                await self.learning.decide(action, planned)
                acted = Acted()
            case ShowStatus() | ShowConfig() | ShowHelp() | ShowRules():
                await self.answering.answer(action, await self._shown(action, planned, facts, config))
                acted = Acted()
            case _:
                assert_never(planned)
        await self.answering.note(action)
        await self.answering.react(action, "done")
        return acted

    async def _shown(
        self,
        action: Action,
        planned: ShowStatus | ShowConfig | ShowHelp | ShowRules,
        facts: Facts,
        config: ConfigInForce,
    ) -> str:
        match planned:
            case ShowRules():
                return await self.learning.listed(action, facts.voice)
            case ShowConfig():
                return config_text(config)
            case ShowHelp():
                return help_text(help_lines(), facts.voice)
            case ShowStatus():
                state = await self.pull_requests.get(action.ref)
                if state is None:
                    raise LookupError(f"{action.ref} is not in the store")
                return status_text(state, await self.runs.latest(action.ref), facts.open_findings, facts.voice)

    async def _dismiss(self, action: Action, planned: Dismiss) -> None:
        found = await self.findings.of(action.ref)
        chosen = [one for one in found if one.number in planned.numbers and one.state != "mended"]
        await self.learning.from_dismissal(action, planned, chosen)
        await self.dismissing.dismiss(action.ref, chosen, by=action.actor.login, why=kept_as(planned))

    async def _thread_was_changed(self, action: Action, permission: Permission) -> Acted:
        """Resolving by somebody who may write is a dismissal; opening such a thread again takes it back."""
        finding = await self.findings.by_comment(action.ref, action.root_comment_id or "")
        if finding is None or not permission.allows(Permission.WRITE):
            return Acted()
        if action.word == "thread_resolved" and finding.state == "open":
            await self.dismissing.dismiss(action.ref, [finding], by=action.actor.login, why=RESOLVED)
            await self.answering.note(action)
        elif action.word == "thread_reopened" and _closed_by_resolving(finding):
            await self.dismissing.open_again(action.ref, finding)
            await self.answering.note(action)
        return Acted()

    async def _hear(self, action: Action, pull_request: PullRequest, permission: Permission) -> Acted:
        """A reply is answered in its own time: the turn goes on."""
        if await self.replying.is_heard(action, pull_request, permission):
            await self.answering.react(action, "eyes")
            await self.replying.begin(action)
        return Acted()

    async def _accept(self, action: Action, permission: Permission) -> Acted:
        """What was not reviewed is taken as it is, by somebody who may write and whose name stands there."""
        if permission.allows(Permission.WRITE):
            await self.dismissing.show(action.ref, accepted_by=action.actor.login)
            await self.answering.note(action)
        return Acted()

    async def _obey_operator(self, action: Action) -> Acted:
        """Who may was settled where it was asked; but for a fix it does not matter whether the forge answers."""
        by = action.actor.login
        match action.word:
            case "fix":
                pull_request, config = await self._now(action)
                return await self._do(action, pull_request, config, Permission.ADMIN)
            case "stop":
                await self.agent_starts.stop_one(action.ref, action.argument, StopOrder(reason="stopped", by=by))
                acted = Acted(by=by)
            case "again":
                acted = Acted(order="review_full", by=by)
            case "rule":
                await self.learning.decide_here(action)
                acted = Acted(by=by)
            case _:
                # From now on its head is ours like any other.
                await self.pull_requests.take_over(action.ref)
                acted = Acted(order="review", by=by)
        await self.answering.note(action)
        return acted

    async def _judge_queued(self, action: Action, pull_request: PullRequest, config: ConfigInForce) -> Acted:
        """No model and no reviewer: the commit gets what the pull request's own check says."""
        verdict = Verdict(outcome=Outcome.COULD_NOT_RUN, reason="its head was not reviewed", gate=config.config.is_gate)
        last = await self.runs.last_reviewed(action.ref)
        if last is not None and last.head_sha == pull_request.head_sha:
            verdict = (await self.blobs.get_model(last.result_key, ReviewResult)).verdict
        await self.checks.carry_to_queue(action.ref, action.argument, action.action_key, verdict)
        return Acted()


def _allowed_bot(login: str, config: ConfigInForce) -> bool:
    names = {login, f"{login.removesuffix('[bot]')}[bot]"}
    patterns = [pattern.replace("[", "[[]") for pattern in config.config.authors.allow]
    return any(fnmatchcase(name, pattern) for name in names for pattern in patterns)


def _closed_by_resolving(finding: TrackedFinding) -> bool:
    return finding.state == "dismissed" and finding.dismissed_why == RESOLVED
