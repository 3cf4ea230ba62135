"""What 200 steps of an agent leave in Temporal's history: our chunks, and beside them pydantic-ai's own integration."""

import asyncio
import contextlib
import json
import re
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import httpx
from pydantic_ai.durable_exec.temporal import AgentPlugin, PydanticAIPlugin
from temporalio.client import Client, WorkflowFailureError
from temporalio.worker import Worker
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from app.domain.agents import AgentBudget, AgentTask
from app.domain.pull_request import Person
from app.domain.secrets import Redactor
from app.llm.talk import TalkingModel
from app.sandboxes.base import WORK, Ended, Ran, Room, SandboxRef
from app.store.agents import Agents
from app.store.blobs import Blobs
from app.store.clock import utc_now
from app.store.database import Database
from app.store.schema import migrate
from app.store.streams import Streams
from app.temporal_server import EmbeddedTemporal
from app.worker import PASSED_THROUGH
from autofix.scripted_agent import ScriptedAgent
from autofix.tools.base import RunChecks
from tests.bench.agent_workflows import RESULT, THEIRS, Ours, Theirs
from tests.bench.figures import Figure
from tests.store.samples import HEAD, NOW, REF, seen_pull_request
from workflows import queues
from workflows.activities.agent_chunk import AgentChunks
from workflows.activities.failures import SentenceFailures
from workflows.agent_messages import ChunkStep
from workflows.converter import data_converter

STEPS = 200
QUICK_STEPS = 40
# The server writes its figures down now and then.
FLUSHED_AFTER = 3.0


class Answering:
    """A room in which every command prints 2 kB: what is measured is the history, not the sandbox."""

    async def run(
        self,
        argv: Sequence[str],
        *,
        exec_id: str = "",
        cwd: str = WORK,
        env: Mapping[str, str] | None = None,
        stdin: bytes = b"",
        within: timedelta = timedelta(minutes=5),
        output_bytes: int = 200_000,
    ) -> Ran:
        ended = Ended(ending="exited", exit_code=0, output_bytes=len(RESULT), seconds=0.01)
        return Ran(ended=ended, output=f"{argv[-1]} {RESULT}".encode())

    async def write(self, files: Mapping[str, bytes], folder: str = WORK) -> None:
        """Nothing is kept."""

    async def read(self, paths: Sequence[str], *, max_bytes: int = 10_000_000) -> Mapping[str, bytes]:
        return {}


@dataclass(frozen=True)
class Cost:
    """What a workflow left behind; `status` in Temporal's words."""

    status: str
    kilobytes: float
    events: int
    actions: int
    seconds: float
    model_calls: int


async def measure(quick: bool) -> Sequence[Figure]:
    steps = QUICK_STEPS if quick else STEPS
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        async with EmbeddedTemporal(folder / "temporal") as server:
            ours = await _ours(server, folder, steps)
            theirs = await _theirs(server, steps)
    return [
        Figure(f"history of {steps} steps", ours.kilobytes, "KiB", 20),
        Figure("Temporal actions", ours.actions, "", 20),
        Figure("    events", ours.events),
        Figure("    model calls", ours.model_calls),
        Figure("    wall time", ours.seconds, "s"),
        Figure(f"pydantic-ai's TemporalDurability, {theirs.status.lower()} at model call", theirs.model_calls),
        Figure("    its history", theirs.kilobytes, "KiB"),
        Figure("    its events", theirs.events),
        Figure("    its wall time", theirs.seconds, "s"),
        Figure("    its history by ours, for each model call", _each(theirs) / _each(ours), "times"),
    ]


def _each(cost: Cost) -> float:
    return cost.kilobytes / max(1, cost.model_calls)


async def _ours(server: EmbeddedTemporal, folder: Path, steps: int) -> Cost:
    converter = data_converter(SentenceFailures, assert_small=True)
    client = await Client.connect(server.address, data_converter=converter)
    db = await Database.open(f"sqlite:///{folder / 'bench.db'}")
    try:
        await migrate(db)
        script = _script(folder, steps)
        chunks, step = await _chunks(db, folder, script)
        before = await _actions(server)
        async with (
            Worker(client, task_queue=queues.CONTROL, workflows=[Ours], workflow_runner=_runner()),
            Worker(client, task_queue=queues.LLM, activities=[chunks.agent_chunk]),
        ):
            began = time.monotonic()
            handle = await client.start_workflow(Ours.run, step, id="ours", task_queue=queues.CONTROL)
            end = await handle.result()
            seconds = time.monotonic() - began
        if end != "finished":
            raise RuntimeError(f"the agent ended with {end!r}")
        actions = await _actions(server) - before
        calls = len((folder / "calls.jsonl").read_text().splitlines())
        return await _cost(client, "ours", actions=actions, seconds=seconds, model_calls=calls)
    finally:
        await db.close()


async def _theirs(server: EmbeddedTemporal, steps: int) -> Cost:
    client = await Client.connect(server.address, plugins=[PydanticAIPlugin()])
    before = await _actions(server)
    async with Worker(client, task_queue="theirs", workflows=[Theirs], plugins=[AgentPlugin(THEIRS)]):
        began = time.monotonic()
        handle = await client.start_workflow(Theirs.run, steps, id="theirs", task_queue="theirs")
        # The server ends what has grown beyond its limit; the description says so.
        with contextlib.suppress(WorkflowFailureError):
            await handle.result()
        seconds = time.monotonic() - began
    cost = await _cost(client, "theirs", actions=await _actions(server) - before, seconds=seconds)
    # A request and its tool are an activity each: three events, and three for the workflow to take each up.
    return replace(cost, model_calls=cost.events // 12)


async def _cost(client: Client, workflow_id: str, *, actions: int, seconds: float, model_calls: int = 0) -> Cost:
    description = await client.get_workflow_handle(workflow_id).describe()
    info = description.raw_description.workflow_execution_info
    return Cost(
        status=description.status.name if description.status else "",
        kilobytes=info.history_size_bytes / 1024,
        events=info.history_length,
        actions=actions,
        seconds=seconds,
        model_calls=model_calls,
    )


def _script(folder: Path, steps: int) -> Path:
    moves = [
        {"say": f"Step {number}.", "calls": [{"tool": "run", "arguments": {"command": f"look {number}"}}]}
        for number in range(steps - 1)
    ]
    moves.append({"say": "Done.", "calls": [{"tool": "finish", "arguments": {"summary": "Looked at it all."}}]})
    path = folder / "script.json"
    path.write_text(json.dumps({"log": "calls.jsonl", "agents": [{"steps": moves}]}))
    return path


async def _chunks(db: Database, folder: Path, script: Path) -> tuple[AgentChunks, ChunkStep]:
    """The product's own activity over a real store, and the first step for it."""
    agents, blobs = Agents(db), Blobs(str(folder / "blobs"))
    await seen_pull_request(db)
    agent = await agents.begin(
        ref=REF,
        claim="bench",
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
        title="A long look",
        head_sha=HEAD,
        merge_base_sha="b" * 40,
    )
    sandbox = SandboxRef(backend="none", sandbox_id="1", lease_until=NOW)
    step = ChunkStep(agent_id=agent.agent_id, task_key=await blobs.put_model(task), sandbox=sandbox)

    async def model(_: AgentTask) -> TalkingModel:
        return ScriptedAgent(script)

    async def no_checks(room: Room, *, exec_id: str, within: timedelta) -> str:
        raise NotImplementedError

    async def report_problem(_: AgentTask, problem: str) -> None:
        raise NotImplementedError(problem)

    def checks(_: AgentTask) -> RunChecks:
        return no_checks

    made = AgentChunks(
        agents=agents,
        blobs=blobs,
        streams=Streams(db),
        model=model,
        room=lambda _: Answering(),
        checks=checks,
        report_problem=report_problem,
        redactor=Redactor(),
        clock=utc_now,
    )
    return made, step


def _runner() -> SandboxedWorkflowRunner:
    return SandboxedWorkflowRunner(
        restrictions=SandboxRestrictions.default.with_passthrough_modules(*PASSED_THROUGH, "pydantic_ai")
    )


async def _actions(server: EmbeddedTemporal) -> int:
    """What Temporal's cloud would bill, all that were counted so far."""
    await asyncio.sleep(FLUSHED_AFTER)
    async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
        text = (await client.get(server.metrics_url)).text
    return sum(int(count) for count in re.findall(r'^action{[^}]*namespace="default"[^}]*} (\d+)$', text, re.MULTILINE))
