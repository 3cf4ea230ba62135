"""Where a story is played: a shop on a fake forge, with Corrigent at work, inside the test or in a process of its own."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic import JsonValue
from temporalio.service import RPCError, RPCStatusCode

from app.demo import shop as samples
from app.domain.pull_request import PullRequestRef
from app.forges.fake.pull_scenario import FakePullRequest
from app.forges.fake.repo_scenario import FakeRepo
from app.forges.fake.scenario import FIX_PERMISSIONS, FakeForge
from app.sweeper import POLL_EVERY, Sweeper
from tests.harness.invariants import Invariants
from tests.harness.keys import app_key
from tests.harness.suggesting import suggest
from tests.harness.system import OPEN_TYPES, Script, System, corrigent
from tests.harness.temporal import TemporalServer
from workflows.client import Turns
from workflows.pull_request import pull_request_id

# A killed activity goes to another worker after ten seconds, and a process takes some to start.
PATIENCE = 60.0
OPEN = f"ExecutionStatus='Running' AND ({' OR '.join(OPEN_TYPES)})"


@dataclass
class Stage:
    """What every story needs."""

    forge: FakeForge
    repo: FakeRepo
    script: Script
    invariants: Invariants

    @property
    def model_calls(self) -> int:
        return len(self.script.calls())

    async def open(self, sample: samples.Sample = samples.SAMPLES[0], *, draft: bool = False) -> FakePullRequest:
        return await self.repo.open_pull_request(
            author=sample.author,
            title=sample.title,
            branch=sample.branch,
            changes=sample.changes,
            body=sample.body,
            draft=draft,
        )

    async def settled(self, pull_request: FakePullRequest, *, head_sha: str = "") -> None:
        """Until the head has a completed check and nothing more is going on."""
        head = head_sha or pull_request.head_sha
        await self.forge.wait_until(
            lambda: [check for check in pull_request.checks_of(head) if check.conclusion], timeout=PATIENCE
        )
        await self.quiet()

    async def quiet(self) -> None:
        """Until every delivery is handled, every run ended and no workflow open."""
        raise NotImplementedError


@dataclass
class Inside(Stage):
    """Corrigent in the test's own event loop: quick, and it cannot be killed."""

    system: System

    async def quiet(self) -> None:
        await self.system.quiet()

    async def next_attempts(self) -> list[float]:
        """In how many seconds each activity that waits is tried again."""
        found: list[float] = []
        async for execution in self.turns.client.list_workflows(OPEN):
            handle = self.turns.client.get_workflow_handle(execution.id)
            described = (await handle.describe()).raw_description
            for pending in described.pending_activities:
                at = pending.scheduled_time.ToDatetime(tzinfo=UTC)
                found.append((at - datetime.now(UTC)).total_seconds())
        return found

    async def end_all(self) -> None:
        """For tests whose end nobody can wait for."""
        async for execution in self.turns.client.list_workflows(OPEN):
            try:
                await self.turns.client.get_workflow_handle(execution.id).terminate()
            except RPCError as error:
                # The list is some moments old.
                if error.status != RPCStatusCode.NOT_FOUND:
                    raise

    async def sweep(self) -> int:
        """Look for missed deliveries now, beside the loop that does so every 15 s; how many were found."""
        running = self.system.running
        sweeper = Sweeper(
            inboxes=running.forges.inboxes,
            deliveries=running.store.deliveries,
            cursors=running.store.cursors,
            wake=running.wake,
            every=POLL_EVERY,
        )
        return await sweeper.sweep("github")

    async def enabled(self) -> None:
        """Until the repository is known: from then on its pull requests are ours."""
        async with asyncio.timeout(PATIENCE):
            while await self.system.running.store.repositories.get("github", self.repo.repo_id) is None:
                await asyncio.sleep(0.05)

    def ref_of(self, pull_request: FakePullRequest) -> PullRequestRef:
        return PullRequestRef(connection="github", repo_id=self.repo.repo_id, number=pull_request.number)

    async def turns_of(self, pull_request: FakePullRequest) -> int:
        """How many turns this pull request has had."""
        query = f"WorkflowId='{pull_request_id(self.ref_of(pull_request))}'"
        return (await self.turns.client.count_workflows(query)).count

    @property
    def turns(self) -> Turns:
        assert self.system.running.turns is not None
        return self.system.running.turns


@asynccontextmanager
async def inside(
    temporal: TemporalServer, folder: Path, *, with_model: bool = True, **settings: JsonValue
) -> AsyncGenerator[Inside]:
    async with FakeForge.start(key=app_key()) as forge:
        repo = await forge.create_repo(samples.REPOSITORY, files=samples.BASE)
        credentials = await forge.install_app(repos=[repo], permissions=FIX_PERMISSIONS)
        invariants = Invariants(forge, credentials, folder / "home")
        home = folder / "home"
        async with corrigent(
            forge, credentials, temporal, home, with_model=with_model, prepare=prompt_answers, **settings
        ) as made:
            yield Inside(forge, repo, made.script, invariants, made)


def prompt_answers(script: Script) -> None:
    """The demo's answers without its pauses, and those about fees."""
    suggest(script)
    script.answers += [{**entry, "delay": 0} for entry in samples.SCRIPT if isinstance(entry, dict)]
    script.write()
