"""Histories that were recorded before still replay, and what a replay cannot see is compared as text."""

from pathlib import Path

import pytest
from temporalio import workflow
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner, WorkflowRunner

from app.worker import sandboxed_runner
from tests.harness import histories
from tests.harness.agent_stories import a_rule_mends
from tests.harness.histories import kind
from tests.harness.story import a_finding_is_dismissed, first_review
from tests.harness.temporal import TemporalServer
from tests.journeys.fixing import need_sandbox
from workflows.activities.failures import SentenceFailures
from workflows.agent import Agent
from workflows.converter import data_converter
from workflows.messages import ReviewInput
from workflows.pull_request import PullRequest
from workflows.review import Review
from workflows.talk import Talk

RECORDED = list(histories.load())


@workflow.defn(name="Review")
class ReviewThatWaits:
    """What somebody might write without thinking of the reviews in flight."""

    @workflow.run
    async def run(self, _start: ReviewInput) -> None:
        await workflow.sleep(1)


async def failing(
    review: type[object], recorded: list[WorkflowHistory], runner: WorkflowRunner | None = None
) -> list[str]:
    """The ids of the histories that do not replay."""
    replayer = Replayer(
        workflows=[PullRequest, review, Agent, Talk],
        data_converter=data_converter(SentenceFailures),
        workflow_runner=runner or sandboxed_runner(),
    )
    failed: list[str] = []
    for history in recorded:
        result = await replayer.replay_workflow(history, raise_on_replay_failure=False)
        if result.replay_failure is not None:
            failed.append(f"{history.workflow_id}: {result.replay_failure}")
    return failed


async def test_every_recorded_history_replays() -> None:
    assert len(RECORDED) >= 25
    assert {"Review", "PullRequest", "Agent", "Talk"} == {kind(one) for one in RECORDED}
    assert await failing(Review, RECORDED) == []


async def test_a_change_that_reviews_in_flight_would_not_survive_is_caught() -> None:
    reviews = [one for one in RECORDED if kind(one) == "Review"]
    assert len(await failing(ReviewThatWaits, reviews[:3], UnsandboxedWorkflowRunner())) == 3


async def test_options_and_arguments_of_every_command_are_the_recorded_ones(
    temporal: TemporalServer, tmp_path: Path
) -> None:
    """A replay sees neither. Meant to change? Then run `poe record-histories` and look at the difference."""
    golden = histories.TRACE.read_text().splitlines()
    assert histories.commands(RECORDED) == golden
    made = [
        *await histories.record(temporal, first_review, tmp_path / "first"),
        *await histories.record(temporal, a_finding_is_dismissed, tmp_path / "second"),
    ]
    now = histories.commands(made)
    assert [line for line in now if line not in golden] == []
    assert len(now) >= 7


async def test_an_agent_s_commands_are_the_recorded_ones(temporal: TemporalServer, tmp_path: Path) -> None:
    need_sandbox()
    made = histories.commands(await histories.record(temporal, a_rule_mends, tmp_path))
    assert [line for line in made if line not in histories.TRACE.read_text().splitlines()] == []
    assert {line.partition(" ")[0] for line in made} == {"Agent", "PullRequest", "Review"}


@pytest.mark.parametrize(
    ("before", "after"),
    [('"startToCloseTimeout": "120s"', '"startToCloseTimeout": "121s"'), ('"name": "control"', '"name": "elsewhere"')],
    ids=["a timeout", "a queue"],
)
def test_a_changed_option_shows_in_the_trace(before: str, after: str) -> None:
    changed = [WorkflowHistory.from_json(one.workflow_id, one.to_json().replace(before, after)) for one in RECORDED]
    assert histories.commands(changed) != histories.commands(RECORDED)
