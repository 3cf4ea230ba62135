"""Making what agents work with: sandboxes that passed their probe, a model to talk to, and those who look again."""

import asyncio
import sys
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import structlog

from app.domain.agents import AgentTask
from app.domain.pull_request import PullRequest
from app.domain.repo_config import ConfigInForce
from app.domain.secrets import Redactor
from app.llm.budget import Allowance, Budget
from app.llm.chat import ModelOutputUnusable, ModelRefused, PromptTooLong
from app.llm.models import ModelSpec
from app.llm.talk import TalkingModel
from app.model_access import model_access
from app.reviewer_making import ModelReviewers
from app.sandboxes.base import Backend, NotDone, Room, SandboxGone, SandboxRef
from app.sandboxes.egress_ways import Ways
from app.sandboxes.registry import BACKENDS, Means, choose
from app.sandboxes.room import SandboxRoom
from app.settings import Settings
from app.wiring import Store
from autofix import checks
from autofix.critic import Critic, Criticism, Proposal, by_model
from autofix.rule_fixes import programs, rule_fix
from autofix.tools.base import RunChecks
from reviewers.base import Reviewer
from reviewers.registry import MODEL_REVIEWERS, REVIEWERS, Parts
from workflows.activities.agent_room import Chosen, MadeByRule, Sandboxes
from workflows.activities.answers import StoredAnswers

log = structlog.get_logger()

# How long is a probe's answer believed? A machine loses its abilities when somebody changes it.
PROBED_FOR = timedelta(hours=6)
# How long until a machine without a sandbox is asked again: somebody may have installed one.
ASKED_AGAIN_AFTER = timedelta(minutes=2)
# How soon is a sandbox gone whose lease is over?
REAP_EVERY = timedelta(seconds=30)
SCRIPTED = "scripted"


class OwnSandboxes:
    """The backends of this process, in the order of preference; the first that passes its probe is used."""

    def __init__(self, names: Sequence[str], means: Means, *, clock: Callable[[], datetime]) -> None:
        self._names = names
        self._means = means
        self._clock = clock
        self._lock = asyncio.Lock()
        self._backends: dict[str, Backend] = {}
        self._chosen = Chosen()
        self._until: datetime | None = None

    async def choose(self) -> Chosen:
        """One probe for all who wait."""
        async with self._lock:
            if self._until is None or self._clock() >= self._until:
                choice = await choose(self._names, self._means)
                self._chosen = Chosen(backend=choice.backend, reason="" if choice.backend else choice.reason)
                self._until = self._clock() + (PROBED_FOR if choice.backend else ASKED_AGAIN_AFTER)
                log.info("sandbox.chosen", backend=choice.backend.name if choice.backend else "none")
            return self._chosen

    def enter(self, ref: SandboxRef) -> Room:
        """Whoever made the sandbox: another process of this machine, or this one before it was killed."""
        return SandboxRoom(self._backend(ref.backend), ref)

    def parts(self) -> Sandboxes:
        return Sandboxes(choose=self.choose, enter=self.enter, programs=programs(Path(sys.executable).parent))

    @asynccontextmanager
    async def reaping(self) -> AsyncGenerator[None]:
        """While this is entered, what crashed workers left is destroyed: now, and whenever a lease ends."""
        task = asyncio.create_task(self._reap_for_ever())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def _reap_for_ever(self) -> None:
        while True:
            for name in self._names:
                try:
                    backend = self._backend(name)
                    if reaped := await backend.reap(self._clock()):
                        log.info("sandbox.reaped", backend=name, count=len(reaped))
                except (OSError, NotDone, SandboxGone) as error:
                    log.warning("sandbox.not_reaped", backend=name, error=str(error))
            await asyncio.sleep(REAP_EVERY.total_seconds())

    def _backend(self, name: str) -> Backend:
        if name not in self._backends:
            if name not in BACKENDS:
                raise SandboxGone(f"{name} is not a backend of this worker")
            self._backends[name] = BACKENDS[name](self._means)
        return self._backends[name]


def own_sandboxes(settings: Settings, *, clock: Callable[[], datetime]) -> OwnSandboxes:
    """The backends that this machine may have."""
    return OwnSandboxes(tuple(BACKENDS), Means(folder=settings.home / "sandboxes", ways=Ways()), clock=clock)


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

    async def talking(self, _task: AgentTask) -> TalkingModel:
        """UserError when the configured model cannot be opened."""
        return await asyncio.to_thread(self._open)

    def _open(self) -> TalkingModel:
        # Imported when first used: the libraries of models are large.
        spec = ModelSpec.parse(self.settings.model)
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
        limits, ref = config.config.budget, pull_request.ref
        midnight = datetime.combine(self.clock().date(), time(), UTC)
        parts = Parts(
            model=await self.chat.model(),
            budget=Budget(
                pull_request=Allowance(limit=limits.pull_request, spent=await self.store.usage.spent(ref)),
                day=Allowance(
                    limit=limits.day,
                    spent=await self.store.usage.spent_since(ref.connection, ref.repo_id, midnight),
                ),
                clock=self.clock,
            ),
            answers=StoredAnswers(run_id=task.agent_id, effects=self.store.effects, blobs=self.store.blobs),
            secrets=self.settings.secret_values(),
        )
        return tuple(REVIEWERS[name](parts) for name in MODEL_REVIEWERS)

    async def critic(self, _task: AgentTask) -> Critic | None:
        if not self.settings.model:
            return None
        asked = by_model((await self.chat.model()).ask, self.redactor)

        async def critic(proposal: Proposal) -> Criticism:
            try:
                return await asked(proposal)
            except (ModelOutputUnusable, ModelRefused, PromptTooLong) as error:
                # Silence is no agreement.
                return Criticism(agrees=False, reason=f"a second look could not be had ({error})"[:300])

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
