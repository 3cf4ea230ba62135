"""Chores: heads that nobody told us about, checks whose workflow is gone, what is kept too long, what needs tending."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

import structlog
from temporalio import activity

from app.checkouts.mirrors import Mirrors
from app.commands.parser import button_key
from app.domain.actions import Action
from app.domain.agents import Agent
from app.domain.errors import ForgeRefused, ForgeUnavailable, RateLimited
from app.domain.pull_request import PullRequest, Repo
from app.domain.repo_config import ConfigInForce
from app.domain.runs import Run
from app.forges.base import ForgeReader, ForgeUpkeep
from app.store.actions import Actions
from app.store.agents import Agents
from app.store.audit import Audit
from app.store.blobs import Blobs
from app.store.pull_requests import PullRequests
from app.store.repositories import Repositories
from app.store.retention import Retention
from app.store.runs import Runs
from app.store.troubles import Troubles
from workflows import timing
from workflows.activities.checks import Checks
from workflows.activities.figures import Figures
from workflows.activities.settled import SettledThreads
from workflows.agent_messages import AgentWord
from workflows.client import Turns
from workflows.messages import Nudge

log = structlog.get_logger()

# A mirror costs disk and can be fetched again.
MIRRORS_AT_MOST = 20_000_000_000
MIRROR_UNUSED = timedelta(days=14)
# How long after its beginning is an agent worth beginning anew?
RESUMED_WITHIN = timedelta(days=1)
VANISHED = "its work was interrupted and could not be resumed; ask for it again"


# A forge tells whole seconds: what was opened within the second of our coming counts as ours.
FORGE_CLOCK = timedelta(seconds=1)


class Chores:
    def __init__(
        self,
        *,
        readers: Mapping[str, ForgeReader],
        upkeeps: Mapping[str, ForgeUpkeep],
        repositories: Repositories,
        pull_requests: PullRequests,
        runs: Runs,
        actions: Actions,
        blobs: Blobs,
        settled: SettledThreads,
        agents: Agents,
        audit: Audit,
        troubles: Troubles,
        retention: Retention,
        mirrors: Mirrors,
        checks: Checks,
        turns: Turns,
        figures: Figures,
        clock: Callable[[], datetime],
    ) -> None:
        self.readers = readers
        self.upkeeps = upkeeps
        self.repositories = repositories
        self.pull_requests = pull_requests
        self.runs = runs
        self.actions = actions
        self.blobs = blobs
        self.settled = settled
        self.agents = agents
        self.audit = audit
        self.troubles = troubles
        self.kept = retention
        self.mirrors = mirrors
        self.checks = checks
        self.turns = turns
        self.figures = figures
        self.clock = clock

    @activity.defn(name="reconcile")
    async def reconcile(self) -> None:
        """Every open pull request whose head should have a run and has none is looked at."""
        for connection, reader in self.readers.items():
            try:
                for repo in await reader.repositories():
                    await self._reconcile_quietly(reader, repo)
            except (ForgeUnavailable, ForgeRefused, RateLimited) as error:
                log.warning("reconcile.put_off", connection=connection, error=str(error))

    async def _reconcile_quietly(self, reader: ForgeReader, repo: Repo) -> None:
        """One repository that refuses us must not hide those behind it."""
        try:
            await self._reconcile(reader, repo)
        except ForgeRefused as refusal:
            log.warning("reconcile.refused", repo_id=repo.repo_id, status=refusal.status)

    async def _reconcile(self, reader: ForgeReader, repo: Repo) -> None:
        await self.repositories.ensure(repo)
        enabled_at = await self.repositories.enabled_at(repo.connection, repo.repo_id)
        for pull_request in await reader.open_pull_requests(repo):
            known = await self.pull_requests.get(pull_request.ref)
            if known is None and enabled_at is not None and pull_request.created_at + FORGE_CLOCK < enabled_at:
                # It was open before we came: its head is not ours unless somebody asks.
                await self.pull_requests.set_watermark(pull_request)
            elif await self._was_missed(pull_request):
                nudge = Nudge(kind="changed", delivery_id=f"reconcile-{pull_request.head_sha[:12]}")
                await self.turns.tell(pull_request.ref, nudge, fairness_key=repo.installation_id)
            else:
                await self._hear_of_threads(pull_request)

    async def _hear_of_threads(self, pull_request: PullRequest) -> None:
        """In a gate a resolved thread changes the outcome, and not every forge tells of it."""
        if not await self._is_gate(pull_request):
            return
        now = self.clock()
        for finding, by in await self.settled.found(pull_request):
            # As the forge's own delivery would: what was found again before it was acted on changes nothing.
            action = Action(
                action_key=button_key(pull_request.ref.connection, f"{finding.finding_id}-{now.isoformat()}"),
                ref=pull_request.ref,
                word="thread_resolved",
                actor=by,
                source="thread_resolved",
                root_comment_id=finding.comment_id,
                received_at=now,
            )
            await self.actions.record(action)
            nudge = Nudge(kind="action", delivery_id="reconcile", action_key=action.action_key)
            await self.turns.tell(pull_request.ref, nudge, fairness_key=pull_request.repo.installation_id)

    async def _is_gate(self, pull_request: PullRequest) -> bool:
        run = await self.runs.last_reviewed(pull_request.ref)
        if run is None:
            return False
        try:
            return (await self.blobs.get_model(run.config_key, ConfigInForce)).config.is_gate
        except FileNotFoundError:
            # Retention took it: nobody has touched this for half a year.
            return False

    async def _was_missed(self, pull_request: PullRequest) -> bool:
        state = await self.pull_requests.see(pull_request)
        if state.paused or state.watermark_sha == pull_request.head_sha:
            return False
        latest = await self.runs.latest(pull_request.ref)
        if latest is None or latest.head_sha != pull_request.head_sha:
            return True
        return latest.outcome is None and not await self.turns.is_open(pull_request.ref)

    @activity.defn(name="janitor")
    async def janitor(self) -> None:
        """A check whose workflow is gone is completed; nothing hangs."""
        late = await self.runs.unfinished(self.clock() - timing.JANITOR_AFTER)
        closed = 0
        for run in late:
            if not await self.turns.is_open(run.ref):
                closed += await self._close(run)
        self.figures.janitor(late=len(late) - closed, closed=closed)
        for agent in await self.agents.unfinished(self.clock() - timing.JANITOR_AFTER):
            if not await self.turns.agent_is_open(agent.agent_id):
                await self._resume(agent)

    async def _resume(self, agent: Agent) -> None:
        """Begun anew on the head as it is now, as somebody was promised an answer; after a day it is only ended."""
        log.warning("janitor.resumes", agent_id=agent.agent_id, pull_request=str(agent.ref))
        if self.clock() - agent.started_at > RESUMED_WITHIN:
            await self.agents.end(agent.agent_id, "failed", VANISHED, self.clock())
            return
        await self.turns.tell_agent(agent.agent_id, agent.ref, AgentWord(kind="begin", action_key=agent.action_key))

    async def _close(self, run: Run) -> bool:
        """Whether that worked; a forge that is away or limits us keeps no other run from being closed."""
        log.warning("janitor.closes", run_id=run.run_id, pull_request=str(run.ref))
        try:
            await self.checks.close(run, None, failure=VANISHED)
        except (ForgeUnavailable, RateLimited) as error:
            log.warning("janitor.put_off", run_id=run.run_id, error=str(error))
            return False
        return True

    @activity.defn(name="retention")
    async def retention(self) -> None:
        """Removes what is older than the operator keeps it; the audit log says how much, and stays."""
        removed = await self.kept.remove_old(self.clock())
        counts = {name: str(number) for name, number in removed.model_dump().items() if number}
        if counts:
            await self.audit.append("retention", "", None, counts, self.clock())
        evicted = await self.mirrors.evict(max_bytes=MIRRORS_AT_MOST, unused_for=MIRROR_UNUSED, now=self.clock())
        log.info("retention.done", mirrors=evicted, **counts)

    @activity.defn(name="upkeep")
    async def upkeep(self) -> None:
        """What a connection needs of us besides reviews; the audit log says what was done."""
        for connection, upkeep in self.upkeeps.items():
            try:
                tended = await upkeep.tend()
            except (ForgeUnavailable, ForgeRefused, RateLimited) as error:
                log.warning("upkeep.put_off", connection=connection, error=str(error))
                continue
            for done in tended.done:
                await self._note_upkeep("connection.tended", connection, done=done)
            if await self.troubles.say(connection, tended.trouble):
                await self._note_upkeep("connection.trouble", connection, trouble=tended.trouble)
                if tended.trouble:
                    log.error("upkeep.trouble", connection=connection, trouble=tended.trouble)

    async def _note_upkeep(self, kind: str, connection: str, **detail: str) -> None:
        await self.audit.append(kind, "", None, {"connection": connection, **detail}, self.clock())
