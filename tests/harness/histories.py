"""Recorded workflow histories: of which stories, how they are taken, and what a golden trace keeps of them."""

import asyncio
import base64
import json
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, cast

from temporalio.client import Client, WorkflowHistory

from tests.harness.stage import inside
from tests.harness.story import STORIES, Story, a_suggestion_is_tried
from tests.harness.temporal import TemporalServer, temporal_server

FOLDER = Path(__file__).parent.parent / "replays" / "data"
TRACE = FOLDER / "commands.txt"
REVIEWS = "WorkflowType='PullRequest' OR WorkflowType='Review'"
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
    """Every turn and review of a namespace."""
    return [history async for history in client.list_workflows(REVIEWS).map_histories()]


def load() -> Iterator[WorkflowHistory]:
    """The newest ones, and in folders those of earlier versions of the workflows, which may still be in flight."""
    for file in sorted(FOLDER.rglob("*.json")):
        for one in json.loads(file.read_text()):
            yield WorkflowHistory.from_json(one["id"], one["history"])


def commands(histories: Iterable[WorkflowHistory]) -> list[str]:
    """Each kind of command once: what it names, its options, the shape of its arguments."""
    return sorted({_line(history, event) for history in histories for event in _asked(history)})


def _asked(history: WorkflowHistory) -> Iterator[Event]:
    return (event for event in history.to_json_dict()["events"] if event["eventType"] in _ASKED)


def _line(history: WorkflowHistory, event: Event) -> str:
    asked: Event = event[_ASKED[event["eventType"]]]
    by = "Review" if "/review/" in history.workflow_id else "PullRequest"
    name = asked.get("signalName") or (asked.get("activityType") or asked["workflowType"])["name"]
    options = {key: asked[key]["name"] if key == "taskQueue" else asked[key] for key in _OPTIONS if key in asked}
    retry = asked.get("retryPolicy", {})
    told = " ".join(f"{key}={value}" for key, value in options.items())
    final = ",".join(retry.get("nonRetryableErrorTypes", ()))
    tries = f" attempts={retry['maximumAttempts']}" if "maximumAttempts" in retry else ""
    return f"{by} > {name} {told}{tries} final={final} {_shape(asked.get('input', {}))}"


def _shape(payloads: Event) -> str:
    values = [json.loads(base64.b64decode(payload["data"])) for payload in payloads.get("payloads", ())]
    return json.dumps([_kind(value) for value in values])


def _kind(value: Any) -> Any:
    """A value of JSON with the names of types in place of what it holds."""
    if isinstance(value, dict):
        fields = cast("dict[str, Any]", value)
        return {key: _kind(fields[key]) for key in sorted(fields)}
    return type(value).__name__


async def record(temporal: TemporalServer, story: Story, folder: Path) -> list[WorkflowHistory]:
    """What the story leaves in Temporal."""
    async with inside(temporal, folder) as stage:
        await story(stage)
        return await take(stage.turns.client)


async def _record_all(temporal: TemporalServer, folder: Path) -> None:
    FOLDER.mkdir(exist_ok=True)
    for story in (*STORIES, a_suggestion_is_tried):
        histories = await record(temporal, story, folder / story.__name__)
        kept = [{"id": one.workflow_id, "history": _anonymous(one)} for one in histories]
        (FOLDER / f"{story.__name__}.json").write_text(json.dumps(kept, separators=(",", ":")) + "\n")
    TRACE.write_text("\n".join(commands(load())) + "\n")


def _anonymous(history: WorkflowHistory) -> Event:
    """Without the names of the machine it was recorded on."""
    return json.loads(_IDENTITY.sub('"identity": "worker"', history.to_json()))


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, temporal_server(Path(folder) / "temporal") as temporal:
        asyncio.run(_record_all(temporal, Path(folder)))


if __name__ == "__main__":
    main()
