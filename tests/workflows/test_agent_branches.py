"""A branch of ours that is made in the moment its pull request closes: it goes too, once, whoever is killed when."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import func, select
from temporalio.client import Client

from app.demo import shop as samples
from app.domain.agents import Agent
from app.domain.fixes import ChangedFile, Fix, Patch, Proof
from app.domain.pull_request import OPERATOR, Person, PullRequest, PullRequestRef
from app.forges.fake.exchange import Answer, Request
from app.forges.fake.pull_scenario import FakePullRequest
from app.forges.fake.repo_scenario import FakeRepo
from app.forges.fake.scenario import FIX_PERMISSIONS, FakeForge
from app.metrics import Metrics
from app.queue_activities import Control
from app.store.tables import audit
from app.wiring import Store, open_forges, open_store
from autofix.patches_content import make
from tests.harness.system import settings_for
from tests.harness.temporal import TemporalServer
from workflows.activities.agent_start import NOBODY
from workflows.activities.failures import SentenceFailures
from workflows.agent_messages import AgentWord, DeliverFix, FixDelivered
from workflows.client import Turns
from workflows.converter import data_converter
from workflows.messages import LookRequest

PUSH = "/acme/shop.git/git-receive-pack"
PATH = "billing/refunds.py"
BEGIN = AgentWord(kind="begin")


@dataclass(frozen=True)
class Scene:
    """An agent whose fix is ready for a branch of ours, and the activities that come next."""

    forge: FakeForge
    repo: FakeRepo
    pull_request: FakePullRequest
    store: Store
    agent: Agent
    deliver_fix: Callable[[DeliverFix], Awaitable[FixDelivered]]
    look: Callable[[LookRequest], Awaitable[object]]

    async def deliver(self) -> FixDelivered:
        return await self.deliver_fix(DeliverFix(agent_id=self.agent.agent_id, word=BEGIN, fix_key=self.agent.fix_key))

    async def heed_the_end(self) -> None:
        """What follows on the delivery that tells of it."""
        await self.look(LookRequest(ref=self.agent.ref, request="auto"))

    async def ours(self) -> list[str]:
        return [ref for ref in await self.repo.repository.git.refs() if "corrigent/" in ref]

    async def taken_back(self) -> int:
        rows = select(func.count()).where(audit.c.kind == "branch.removed")
        return await self.store.db.read(lambda sql: sql.execute(rows).scalar_one())


@pytest.fixture
async def scene(forge: FakeForge, temporal: TemporalServer, tmp_path: Path) -> AsyncGenerator[Scene]:
    sample = samples.SAMPLES[0]
    repo = await forge.create_repo(samples.REPOSITORY, files=samples.BASE)
    credentials = await forge.install_app(repos=[repo], permissions=FIX_PERMISSIONS)
    pull_request = await repo.open_pull_request(
        author="maria", title=sample.title, branch=sample.branch, changes=sample.changes, body=""
    )
    settings = settings_for(tmp_path / "home", credentials, forge)
    namespace, converter = await temporal.namespace(), data_converter(SentenceFailures)
    turns = Turns(await Client.connect(temporal.address, namespace=namespace, data_converter=converter))
    async with (
        open_store(settings, may_migrate=True) as store,
        open_forges(settings, store.limits, db=store.db) as forges,
    ):
        control = Control(settings=settings, store=store, forges=forges, turns=turns, figures=Metrics())
        by_name = {one.__name__: one for one in control.activities()}
        ref = PullRequestRef(connection="github", repo_id=repo.repo_id, number=pull_request.number)
        seen = await forges.readers["github"].pull_request(ref)
        await store.repositories.ensure(seen.repo)
        await store.pull_requests.see(seen)
        agent = await _ready(store, seen)
        # Its workflow, which nobody works on: the test is who calls.
        await turns.tell_agent(agent.agent_id, agent.ref, BEGIN)
        yield Scene(forge, repo, pull_request, store, agent, by_name["deliver_fix"], by_name["look"])


async def _ready(store: Store, pull_request: PullRequest) -> Agent:
    agent = await store.agents.begin(
        ref=pull_request.ref,
        claim="a test",
        kind="fix",
        numbers=(3,),
        asked_by=NOBODY,
        delivery="branch",
        head_sha=pull_request.head_sha,
        now=datetime.now(UTC),
    )
    before = (samples.SAMPLES[0].changes[PATH] or "").encode()
    patch_key = await store.blobs.put(make(PATH, before, before.replace(b"timeout=2000", b"timeout=2")))
    changed = ChangedFile(path=PATH, added=1, removed=1)
    fix = Fix(
        agent_id=agent.agent_id,
        numbers=(3,),
        patch=Patch(patch_key=patch_key, head_sha=pull_request.head_sha, files=(changed,)),
        proof=Proof(grade="proved"),
        summary="In seconds.",
    )
    with_fix = await store.agents.change(agent.agent_id, fix_key=await store.blobs.put_model(fix), grade="proved")
    assert with_fix is not None
    return with_fix


async def test_closed_while_the_push_is_under_way(scene: Scene) -> None:
    """Whoever heeds the end finds nothing to take back, as nothing is known to be pushed yet."""

    def close(request: Request, _: Answer) -> None:
        if request.path == PUSH:
            scene.pull_request.pull.state = "closed"

    scene.forge.observe(close)
    assert (await scene.deliver()).status == "none"
    await scene.heed_the_end()
    assert (await scene.ours(), await scene.taken_back()) == ([], 1)
    assert not scene.pull_request.comments


async def test_closed_after_a_push_whose_worker_was_killed(scene: Scene) -> None:
    """The push went through; who made it died before that was written down."""
    delivering = asyncio.create_task(scene.deliver())

    def kill(request: Request, _: Answer) -> None:
        if request.path == PUSH:
            delivering.cancel()

    scene.forge.observe(kill)
    with pytest.raises(asyncio.CancelledError):
        await delivering
    assert len(await scene.ours()) == 1
    await scene.pull_request.close()
    await scene.heed_the_end()
    # Tried again, as Temporal does, and once more.
    await scene.deliver()
    await scene.deliver()
    assert (await scene.ours(), await scene.taken_back()) == ([], 1)
    assert not scene.pull_request.comments


@pytest.mark.parametrize(("by", "status"), [(OPERATOR, "pushed"), (Person(user_id="77", login="operator"), "refused")])
async def test_the_operator_needs_no_account_and_no_account_is_the_operator(
    scene: Scene, by: Person, status: str
) -> None:
    await scene.store.agents.change(scene.agent.agent_id, asked_by=by)
    assert (await scene.deliver()).status == status
    assert len(await scene.ours()) == (1 if status == "pushed" else 0)


async def test_a_branch_stays_while_its_pull_request_is_open(scene: Scene) -> None:
    assert (await scene.deliver()).status == "pushed"
    assert len(await scene.ours()) == 1
    await scene.pull_request.close()
    await scene.heed_the_end()
    await scene.heed_the_end()
    assert (await scene.ours(), await scene.taken_back()) == ([], 1)


async def test_a_fix_that_names_dependencies_waits_for_a_person(scene: Scene) -> None:
    patch_key = await scene.store.blobs.put(make("requirements.txt", None, b"reqeusts==2.0\n"))
    changed = ChangedFile(path="requirements.txt", added=1, removed=0, status="added")
    fix = await scene.store.blobs.get_model(scene.agent.fix_key, Fix)
    assert fix.patch is not None
    named = fix.model_copy(update={"patch": Patch(patch_key=patch_key, head_sha=fix.patch.head_sha, files=(changed,))})
    wanted = DeliverFix(agent_id=scene.agent.agent_id, word=BEGIN, fix_key=await scene.store.blobs.put_model(named))
    assert (await scene.deliver_fix(wanted)).status == "refused"
    assert await scene.ours() == []
    [comment] = scene.pull_request.comments
    assert "Requirements.txt names dependencies, so it waits for somebody's apply." in comment.body
