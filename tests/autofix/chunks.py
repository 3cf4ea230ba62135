"""The product's own chunk activity over a real store, with a model and a room of the test's choice."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from app.domain.agents import Agent, AgentBudget, AgentTask
from app.domain.pull_request import Person
from app.domain.secrets import Redactor
from app.llm.talk import TalkingModel
from app.sandboxes.base import Room, SandboxRef
from app.store.agents import Agents
from app.store.blobs import Blobs
from app.store.clock import utc_now
from app.store.database import Database
from app.store.schema import migrate
from app.store.streams import Streams
from autofix.tools.base import RunChecks
from tests.store.samples import HEAD, NOW, REF, seen_pull_request
from workflows.activities.agent_chunk import AgentChunks
from workflows.agent_messages import ChunkStep


@dataclass(frozen=True)
class Desk:
    """An agent that was begun, and what its chunks are run with."""

    agents: Agents
    streams: Streams
    chunks: AgentChunks
    step: ChunkStep

    async def agent(self) -> Agent:
        agent = await self.agents.get(self.step.agent_id)
        assert agent is not None
        return agent


@asynccontextmanager
async def desk(folder: Path, model: TalkingModel, room: Room) -> AsyncGenerator[Desk]:
    db = await Database.open(f"sqlite:///{folder / 'agents.db'}")
    try:
        await migrate(db)
        yield await _desk(db, Blobs(str(folder / "blobs")), model, room)
    finally:
        await db.close()


async def _desk(db: Database, blobs: Blobs, model: TalkingModel, room: Room) -> Desk:
    agents, streams = Agents(db), Streams(db)
    await seen_pull_request(db)
    agent = await agents.begin(
        ref=REF,
        claim="act-1",
        kind="fix",
        numbers=(),
        asked_by=Person(user_id="5", login="ada"),
        delivery="suggest",
        head_sha=HEAD,
        now=NOW,
        budget=AgentBudget(steps=1_000, tokens=10**12),
    )
    task = AgentTask(
        agent_id=agent.agent_id,
        ref=REF,
        repo_name="acme/shop",
        kind="fix",
        title="Refund on retry",
        head_sha=HEAD,
        merge_base_sha="b" * 40,
    )
    sandbox = SandboxRef(backend="none", sandbox_id="1", lease_until=NOW)
    step = ChunkStep(agent_id=agent.agent_id, task_key=await blobs.put_model(task), sandbox=sandbox)

    async def open_model(_: AgentTask) -> TalkingModel:
        return model

    async def report_problem(_: AgentTask, problem: str) -> None:
        raise NotImplementedError(problem)

    chunks = AgentChunks(
        agents=agents,
        blobs=blobs,
        streams=streams,
        model=open_model,
        enter=lambda _: nullcontext(room),
        checks=_no_checks,
        report_problem=report_problem,
        redactor=Redactor(),
        clock=utc_now,
    )
    return Desk(agents, streams, chunks, step)


def _no_checks(_: AgentTask) -> RunChecks:
    async def run(room: Room, *, exec_id: str, within: timedelta) -> str:
        raise NotImplementedError

    return run
