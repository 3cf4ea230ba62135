"""Making what agents work with: sandboxes that passed their probe, a model to talk to, and those who look again."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import structlog

from app.domain.agents import AgentTask
from app.domain.fixes import SecondLook
from app.domain.pull_request import PullRequest
from app.domain.repo_config import ConfigInForce
from app.domain.secrets import Redactor
from app.llm.chat import ModelOutputUnusable, ModelRefused, PromptTooLong
from app.llm.models import ModelSpec
from app.llm.talk import TalkingModel
from app.llm.talking_chain import TalkingChain
from app.model_access import model_access
from app.model_making import allowed_models
from app.reviewer_making import ModelReviewers
from app.sandboxes.base import Room
from app.settings import Settings
from app.wiring import Store
from autofix import checks
from autofix.critic import Critic, Proposal, by_model
from autofix.rule_fixes import rule_fix
from autofix.tools.base import RunChecks
from reviewers.base import Reviewer
from reviewers.registry import MODEL_REVIEWERS, REVIEWERS, Parts
from workflows.activities.agent_room import MadeByRule
from workflows.activities.answers import StoredAnswers

log = structlog.get_logger()

SCRIPTED = "scripted"


class AgentModels:
    """For the queue that holds model keys: whom an agent talks to, and who looks at its work."""

    def __init__(
        self, settings: Settings, store: Store, reviewers: ModelReviewers, *, clock: Callable[[], datetime]
    ) -> None:
        self.settings = settings
        self.store = store
        self.chat = reviewers
        self.clock = clock
        self.redactor = Redactor(settings.secret_values())

    async def talking(self, task: AgentTask) -> TalkingModel:
        """The first that may see the code and can be opened, with those that stand in for it.

        UserError when there is none. What the reviews know of a model that cannot be used is known here, and in turn.
        """
        names = (self.settings.model, *self.settings.fallback_models)
        allowed = allowed_models(self.settings, names, task.repo_name)
        return await TalkingChain.begin(allowed, self._open, self.chat.models.standing)

    async def _open(self, name: str) -> TalkingModel:
        """In a thread: the libraries of models are large, and imported when they are first used."""
        return await asyncio.to_thread(self._opened, name)

    def _opened(self, name: str) -> TalkingModel:
        spec = ModelSpec.parse(name)
        if spec.provider == SCRIPTED:
            from autofix.scripted_agent import ScriptedAgent

            return ScriptedAgent(Path(spec.name))
        from app.llm.direct import open_talking_model

        return open_talking_model(spec, model_access(self.settings, spec))

    async def reviewers(
        self, task: AgentTask, pull_request: PullRequest, config: ConfigInForce
    ) -> tuple[Reviewer, ...]:
        """Those with a model, on this agent's account."""
        if not self.settings.model:
            return ()
        parts = Parts(
            model=await self.chat.models.model(task.repo_name),
            budget=await self.chat.accounts.beside(pull_request.ref, config.config.budget),
            answers=StoredAnswers(run_id=task.agent_id, effects=self.store.effects, blobs=self.store.blobs),
            secrets=self.settings.secret_values(),
        )
        return tuple(REVIEWERS[name](parts) for name in MODEL_REVIEWERS)

    async def critic(self, task: AgentTask) -> Critic | None:
        if not self.settings.model:
            return None
        asked = by_model((await self.chat.models.model(task.repo_name)).ask, self.redactor)

        async def critic(proposal: Proposal) -> SecondLook:
            try:
                return await asked(proposal)
            except (ModelOutputUnusable, ModelRefused, PromptTooLong) as error:
                # Silence is no agreement.
                return SecondLook(agrees=False, reason=f"a second look could not be had ({error})"[:300])

        return critic

    async def report_problem(self, task: AgentTask, text: str) -> None:
        await self.store.environment_problems.report(
            task.ref.connection,
            task.ref.repo_id,
            fingerprint=" ".join(text.lower().split())[:200],
            text=self.redactor.redact(text)[:500],
            agent_id=task.agent_id,
            now=self.clock(),
        )


def checks_of(task: AgentTask) -> RunChecks:
    """The repository's checks, as an agent may run them itself."""

    async def run(room: Room, *, exec_id: str, within: timedelta) -> str:
        commands = await checks.find(room, task.checks)
        if not commands:
            return "No checks are configured, and none were recognised."
        said: list[str] = []
        for number, command in enumerate(commands):
            ran = await checks.run(room, command, exec_id=f"{exec_id}-{number}", within=within)
            said.append(f"$ {command}\n{ran.summary}\n{ran.output}")
        return "\n\n".join(said)

    return run


async def rule_fixes(room: Room, task: AgentTask) -> MadeByRule | None:
    """The first finding whose own linter knows a safe fix."""
    for tracked in task.findings:
        fix = await rule_fix(room, tracked)
        if fix is not None:
            return MadeByRule(patch=fix.patch, numbers=(tracked.number,))
    return None
