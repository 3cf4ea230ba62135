"""The operator's button for fixes, from the inbox to the agent: planned as the command is, and refused in silence."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import JsonValue
from sqlalchemy import select
from temporalio.client import Client

from app.demo import shop as samples
from app.domain import answers
from app.domain.actions import Delivery
from app.domain.events import FixesAsked
from app.domain.names import OWN_CONNECTION
from app.domain.pull_request import OPERATOR, PullRequestRef
from app.forges.fake.pull_scenario import FakePullRequest
from app.forges.fake.scenario import FIX_PERMISSIONS, FakeForge
from app.metrics import Metrics
from app.process import open_routing
from app.queue_activities import Control
from app.routing import Meaning
from app.store.findings import Seen
from app.store.tables import audit
from app.wiring import Store, open_forges, open_store
from tests.harness.system import settings_for
from tests.harness.temporal import TemporalServer
from tests.web.stories import begin, found_at
from workflows.activities.failures import SentenceFailures
from workflows.client import Turns
from workflows.converter import data_converter
from workflows.messages import Acted, ActRequest


@dataclass(frozen=True)
class Page:
    """A pull request with a run on whose page the button is."""

    pull_request: FakePullRequest
    ref: PullRequestRef
    run_id: str
    store: Store
    act: Callable[[ActRequest], Awaitable[Acted]]

    async def routed(self, click: str) -> Meaning:
        event = FixesAsked(ref=self.ref, by=OPERATOR, run_id=self.run_id)
        delivery = Delivery(
            row_id=1,
            connection=OWN_CONNECTION,
            delivery_id=click,
            event="fix",
            headers={},
            body=b"",
            received_at=datetime.now(UTC),
            attempts=1,
        )
        return await open_routing(self.store, {}).route(event, delivery)

    async def press(self, click: str) -> Acted:
        (nudge,) = (await self.routed(click)).nudges
        return await self.act(ActRequest(ref=self.ref, action_key=nudge.action_key or ""))

    async def noted(self) -> list[Mapping[str, str]]:
        query = select(audit.c.actor, audit.c.detail).where(audit.c.kind == "command").order_by(audit.c.seq)
        rows = await self.store.db.read(lambda sql: sql.execute(query).all())
        kept = ("word", "argument", "answer")
        return [{"actor": row.actor, **{key: text for key, text in row.detail.items() if key in kept}} for row in rows]


@asynccontextmanager
async def page_of(
    forge: FakeForge, temporal: TemporalServer, home: Path, *, finds: bool = True, **more: JsonValue
) -> AsyncGenerator[Page]:
    sample = samples.SAMPLES[0]
    repo = await forge.create_repo(samples.REPOSITORY, files=samples.BASE)
    credentials = await forge.install_app(repos=[repo], permissions=FIX_PERMISSIONS)
    pull_request = await repo.open_pull_request(
        author="maria", title=sample.title, branch=sample.branch, changes=sample.changes, body=""
    )
    settings = settings_for(home, credentials, forge, **more)
    namespace, converter = await temporal.namespace(), data_converter(SentenceFailures)
    turns = Turns(await Client.connect(temporal.address, namespace=namespace, data_converter=converter))
    async with (
        open_store(settings, may_migrate=True) as store,
        open_forges(settings, store.limits, db=store.db) as forges,
    ):
        control = Control(settings=settings, store=store, forges=forges, turns=turns, figures=Metrics())
        (act,) = [one for one in control.activities() if one.__name__ == "act"]
        ref = PullRequestRef(connection="github", repo_id=repo.repo_id, number=pull_request.number)
        seen = await forges.readers["github"].pull_request(ref)
        await store.repositories.ensure(seen.repo)
        await store.pull_requests.see(seen)
        run = await begin(store, ref, head_sha=pull_request.head_sha)
        if finds:
            found = [
                Seen(finding=found_at("billing/refunds.py", line), keys=(str(line),), known_id=None) for line in (3, 9)
            ]
            await store.findings.track(ref, run.run_id, run.head_sha, found, run.started_at)
        yield Page(pull_request, ref, run.run_id, store, act)


async def test_two_clicks_lead_to_one_agent_for_all_that_is_open(
    forge: FakeForge, temporal: TemporalServer, tmp_path: Path
) -> None:
    async with page_of(forge, temporal, tmp_path / "home") as page:
        first = await page.routed("first")
        assert (await page.routed("first")).nudges == first.nudges
        assert (first.ref, first.reason, len(first.nudges)) == (page.ref, "operator: fix", 1)
        for click in ("first", "first", "second"):
            assert (await page.press(click)).order == "none"
        (agent,) = await page.store.agents.of(page.ref)
        assert (agent.kind, agent.numbers, agent.asked_by, agent.delivery) == ("fix", (1, 2), OPERATOR, "suggest")
        assert await page.noted() == [{"actor": "operator", "word": "fix", "argument": page.run_id}] * 2


@pytest.mark.parametrize("case", ["nothing is open", "locked", "closed meanwhile"])
async def test_a_refusal_is_noted_and_nobody_on_the_pull_request_is_told(
    forge: FakeForge, temporal: TemporalServer, tmp_path: Path, case: str
) -> None:
    more: dict[str, JsonValue] = {"locked": {"autofix": "off"}} if case == "locked" else {}
    async with page_of(forge, temporal, tmp_path / "home", finds=case != "nothing is open", **more) as page:
        if case == "closed meanwhile":
            await page.pull_request.close()
        for _ in range(2):
            assert (await page.press("click")).order == "none"
        answer = {
            "nothing is open": answers.nothing_to_mend(),
            "locked": answers.fixes_locked(),
            "closed meanwhile": f"This pull request is closed. {answers.NOTHING_DONE}",
        }[case]
        assert await page.noted() == [{"actor": "operator", "word": "fix", "argument": page.run_id, "answer": answer}]
        assert await page.store.agents.of(page.ref) == []
        assert not page.pull_request.comments
