"""Recorded workflow histories: of which stories, how they are taken, and what a golden trace keeps of them."""

import asyncio
import base64
import json
import re
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from temporalio.client import Client, WorkflowHistory

from tests.harness.agent_stories import AGENT_STORIES
from tests.harness.stage import Inside, inside
from tests.harness.story import STORIES, a_suggestion_is_tried
from tests.harness.system import OPEN_TYPES
from tests.harness.temporal import TemporalServer, temporal_server

FOLDER = Path(__file__).parent.parent / "replays" / "data"
TRACE = FOLDER / "commands.txt"
# What a workflow asks for; everything else in a history is an answer, or Temporal's own.
_ASKED = {
    "EVENT_TYPE_ACTIVITY_TASK_SCHEDULED": "activityTaskScheduledEventAttributes",
    "EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED": "startChildWorkflowExecutionInitiatedEventAttributes",
    "EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED": "signalExternalWorkflowExecutionInitiatedEventAttributes",
}
_OPTIONS = ("taskQueue", "scheduleToCloseTimeout", "startToCloseTimeout", "heartbeatTimeout", "parentClosePolicy")
_IDENTITY = re.compile(r'"identity": ?"[^"]*"')

# A protobuf message as a dict: only its writer knows the types.
Event = Mapping[str, Any]


async def take(client: Client) -> list[WorkflowHistory]:
    """Every turn, review, agent and talk of a namespace."""
    return [history async for history in client.list_workflows(" OR ".join(OPEN_TYPES)).map_histories()]


def load() -> Iterator[WorkflowHistory]:
    """The newest ones, and in folders those of earlier versions of the workflows, which may still be in flight."""
    for file in sorted(FOLDER.rglob("*.json")):
        for one in json.loads(file.read_text()):
            yield WorkflowHistory.from_json(one["id"], one["history"])


def kind(history: WorkflowHistory) -> str:
    """The name of its workflow."""
    started: Event = history.to_json_dict()["events"][0]["workflowExecutionStartedEventAttributes"]
    return started["workflowType"]["name"]


def commands(histories: Iterable[WorkflowHistory]) -> list[str]:
    """Each kind of command once: what it names, its options, the shape of its arguments."""
    return sorted({_line(history, event) for history in histories for event in _asked(history)})


def _asked(history: WorkflowHistory) -> Iterator[Event]:
    return (event for event in history.to_json_dict()["events"] if event["eventType"] in _ASKED)


def _line(history: WorkflowHistory, event: Event) -> str:
    asked: Event = event[_ASKED[event["eventType"]]]
    name = asked.get("signalName") or (asked.get("activityType") or asked["workflowType"])["name"]
    options = {key: asked[key]["name"] if key == "taskQueue" else asked[key] for key in _OPTIONS if key in asked}
    retry = asked.get("retryPolicy", {})
    told = " ".join(f"{key}={value}" for key, value in options.items())
    final = ",".join(retry.get("nonRetryableErrorTypes", ()))
    tries = f" attempts={retry['maximumAttempts']}" if "maximumAttempts" in retry else ""
    return f"{kind(history)} > {name} {told}{tries} final={final} {_shape(asked.get('input', {}))}"


def _shape(payloads: Event) -> str:
    values = [json.loads(base64.b64decode(payload["data"])) for payload in payloads.get("payloads", ())]
    return json.dumps([_kind(value) for value in values])


def _kind(value: Any) -> Any:
    """A value of JSON with the names of types in place of what it holds."""
    if isinstance(value, dict):
        fields = cast("dict[str, Any]", value)
        return {key: _kind(fields[key]) for key in sorted(fields)}
    return type(value).__name__


async def record(
    temporal: TemporalServer, story: Callable[[Inside], Awaitable[None]], folder: Path
) -> list[WorkflowHistory]:
    """What the story leaves in Temporal."""
    async with inside(temporal, folder) as stage:
        await story(stage)
        return await take(stage.turns.client)


async def _record(temporal: TemporalServer, folder: Path, names: Sequence[str]) -> None:
    FOLDER.mkdir(exist_ok=True)
    told = {story.__name__: story for story in (*STORIES, a_suggestion_is_tried, *AGENT_STORIES)}
    for story in [told[name] for name in names or told]:
        histories = await record(temporal, story, folder / story.__name__)
        kept = [{"id": one.workflow_id, "history": _anonymous(one)} for one in histories]
        (FOLDER / f"{story.__name__}.json").write_text(json.dumps(kept, separators=(",", ":")) + "\n")
    TRACE.write_text("\n".join(commands(load())) + "\n")


def _anonymous(history: WorkflowHistory) -> Event:
    """Without the names of the machine it was recorded on."""
    return json.loads(_IDENTITY.sub('"identity": "worker"', history.to_json()))


def main() -> None:
    """`poe record-histories [STORY …]`: all stories when none is named."""
    with tempfile.TemporaryDirectory() as folder, temporal_server(Path(folder) / "temporal") as temporal:
        asyncio.run(_record(temporal, Path(folder), sys.argv[1:]))


if __name__ == "__main__":
    main()
