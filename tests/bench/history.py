"""How the time of one review was spent, read from the histories of its two workflows."""

from datetime import UTC, datetime

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client, WorkflowHandle

from app.domain.pull_request import PullRequestRef
from workflows.pull_request import pull_request_id


async def steps_of(client: Client, ref: PullRequestRef, sent: datetime) -> dict[str, float]:
    """Seconds of each step in the order of the way; what lies between the activities is named `to …`."""
    turn = await _events(client.get_workflow_handle(pull_request_id(ref)))
    (child,) = [one for one in turn if one.event_type == EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_STARTED]
    execution = child.child_workflow_execution_started_event_attributes.workflow_execution
    review = await _events(client.get_workflow_handle(execution.workflow_id, run_id=execution.run_id))
    look, begin = _span(turn, "look"), _span(review, "begin_review")
    read, post = _span(review, "read_change"), _span(review, "post_review")
    return {
        "inbox and dispatch": (_time(turn[0]) - sent).total_seconds(),
        "to look": (look[0] - _time(turn[0])).total_seconds(),
        "look": _seconds(look),
        "to begin": (begin[0] - look[1]).total_seconds(),
        "begin": _seconds(begin),
        "to read": (read[0] - begin[1]).total_seconds(),
        "read": _seconds(read),
        "to post": (post[0] - read[1]).total_seconds(),
        "post": _seconds(post),
    }


async def _events(handle: WorkflowHandle[object, object]) -> list[HistoryEvent]:
    return [event async for event in handle.fetch_history_events()]


def _span(events: list[HistoryEvent], activity: str) -> tuple[datetime, datetime]:
    """From the first scheduling of this activity to the last completion of it."""
    scheduled = {
        event.event_id: event
        for event in events
        if event.activity_task_scheduled_event_attributes.activity_type.name == activity
    }
    completed = [
        event for event in events if event.activity_task_completed_event_attributes.scheduled_event_id in scheduled
    ]
    return min(map(_time, scheduled.values())), max(map(_time, completed))


def _time(event: HistoryEvent) -> datetime:
    return event.event_time.ToDatetime(UTC)


def _seconds(span: tuple[datetime, datetime]) -> float:
    return (span[1] - span[0]).total_seconds()
