"""What 200 steps of an agent leave in Temporal's history: our chunks, and beside them pydantic-ai's own integration."""

import asyncio
import contextlib
import json
import re
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import httpx
from pydantic_ai.durable_exec.temporal import AgentPlugin, PydanticAIPlugin
from temporalio.client import Client, WorkflowFailureError
from temporalio.runtime import LoggingConfig, Runtime, TelemetryConfig
from temporalio.worker import Worker
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from app.sandboxes.base import WORK, Ended, Ran
from app.temporal_server import EmbeddedTemporal
from app.worker import PASSED_THROUGH
from autofix.scripted_agent import ScriptedAgent
from tests.autofix.chunks import desk
from tests.bench.agent_workflows import RESULT, THEIRS, Ours, Theirs
from tests.bench.figures import Figure
from workflows import queues
from workflows.activities.failures import SentenceFailures
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
        watch: Callable[[bytes], None] | None = None,
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
    model = ScriptedAgent(_script(folder, steps))
    async with desk(folder, model, Answering()) as made:
        before = await _actions(server)
        async with (
            Worker(client, task_queue=queues.CONTROL, workflows=[Ours], workflow_runner=_runner()),
            Worker(client, task_queue=queues.LLM, activities=[made.chunks.agent_chunk]),
        ):
            began = time.monotonic()
            end = await client.execute_workflow(Ours.run, made.step, id="ours", task_queue=queues.CONTROL)
            seconds = time.monotonic() - began
        if end != "finished":
            raise RuntimeError(f"the agent ended with {end!r}")
        actions = await _actions(server) - before
        calls = len((folder / "calls.jsonl").read_text().splitlines())
        return await _cost(client, "ours", actions=actions, seconds=seconds, model_calls=calls)


async def _theirs(server: EmbeddedTemporal, steps: int) -> Cost:
    # Its payloads are so large that every step is warned of.
    quiet = Runtime(telemetry=TelemetryConfig(logging=LoggingConfig(filter="ERROR")))
    client = await Client.connect(server.address, plugins=[PydanticAIPlugin()], runtime=quiet)
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
