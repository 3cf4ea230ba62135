"""Check runs with GitHub's limits; people press their buttons and ask for them again."""

from datetime import datetime
from typing import Literal

from pydantic import AwareDatetime, BaseModel

from app.forges.fake.acts.events import announce_check
from app.forges.fake.acts.suites import suite_for, tell_suite
from app.forges.fake.entities import App, CheckRun, CheckSuite, Repository, User
from app.forges.fake.errors import Refusal
from app.forges.fake.state import FakeGitHub

TEXT_LIMIT = 65_535
ANNOTATION_LIMIT = 50
ACTION_LIMIT = 3
_ACTION_LENGTHS = {"label": 20, "description": 40, "identifier": 20}

Conclusion = Literal["action_required", "cancelled", "failure", "neutral", "success", "skipped", "stale", "timed_out"]


class Annotation(BaseModel):
    path: str
    start_line: int
    end_line: int
    annotation_level: Literal["notice", "warning", "failure"]
    message: str
    start_column: int | None = None
    end_column: int | None = None
    title: str | None = None
    raw_details: str | None = None


class Output(BaseModel):
    title: str | None = None
    summary: str | None = None
    text: str | None = None
    annotations: list[Annotation] = []


class Button(BaseModel):
    label: str
    description: str
    identifier: str


class CheckInput(BaseModel):
    """What a create or update may hold; what is left out stays as it was."""

    name: str | None = None
    head_sha: str | None = None
    details_url: str | None = None
    external_id: str | None = None
    status: Literal["queued", "in_progress", "completed"] | None = None
    started_at: AwareDatetime | None = None
    conclusion: Conclusion | None = None
    completed_at: AwareDatetime | None = None
    output: Output | None = None
    actions: list[Button] | None = None


async def create_check(github: FakeGitHub, repo: Repository, app: App, wanted: CheckInput) -> CheckRun:
    if not wanted.name or not wanted.head_sha:
        missing = "name" if not wanted.name else "head_sha"
        raise Refusal(422, f'Invalid request.\n\n"{missing}" wasn\'t supplied.')
    if await repo.git.resolve(wanted.head_sha) != wanted.head_sha:
        raise Refusal(422, f"No commit found for SHA: {wanted.head_sha}")
    _check_limits(wanted)
    run = CheckRun(
        check_id=github.new_id(),
        repo=repo,
        suite=suite_for(github, repo, app, wanted.head_sha),
        name=wanted.name,
        head_sha=wanted.head_sha,
        status="queued",
        conclusion=None,
        external_id="",
        details_url=None,
        started_at=github.clock.now(),
    )
    _apply(run, wanted, github.clock.now())
    repo.check_runs[run.check_id] = run
    announce_check(github, run, "created", app.bot)
    if run.status == "completed":
        _tell_completed(github, run)
    return run


def update_check(github: FakeGitHub, run: CheckRun, wanted: CheckInput) -> None:
    _check_limits(wanted)
    was_done = run.status == "completed"
    _apply(run, wanted, github.clock.now())
    if run.status == "completed" and not was_done:
        _tell_completed(github, run)


def press_button(github: FakeGitHub, run: CheckRun, identifier: str, user: User) -> None:
    """Somebody pressed a button of the check."""
    if identifier not in {action["identifier"] for action in run.actions}:
        raise ValueError(f"The check has no button {identifier!r}, only {[one['identifier'] for one in run.actions]}.")
    announce_check(github, run, "requested_action", user, {"requested_action": {"identifier": identifier}})


def rerequest_check(github: FakeGitHub, run: CheckRun, user: User) -> None:
    announce_check(github, run, "rerequested", user)


def rerequest_suite(github: FakeGitHub, repo: Repository, suite: CheckSuite, user: User) -> None:
    tell_suite(github, repo, suite, "rerequested", user)


def _tell_completed(github: FakeGitHub, run: CheckRun) -> None:
    announce_check(github, run, "completed", run.suite.app.bot)
    tell_suite(github, run.repo, run.suite, "completed", run.suite.app.bot)


def _check_limits(wanted: CheckInput) -> None:
    if (wanted.status == "completed" or wanted.completed_at) and wanted.conclusion is None:
        raise Refusal(422, "Invalid request.\n\nconclusion is required when status is completed.")
    if wanted.output is not None:
        _check_output(wanted.output)
    if len(wanted.actions or []) > ACTION_LIMIT:
        raise Refusal(422, f"Invalid request.\n\nNo more than {ACTION_LIMIT} items are allowed; actions had more.")
    for action in wanted.actions or []:
        for name, limit in _ACTION_LENGTHS.items():
            if len(str(getattr(action, name))) > limit:
                raise Refusal(422, f"Invalid request.\n\nOnly {limit} characters are allowed; {name} had more.")


def _check_output(output: Output) -> None:
    if output.title is None or output.summary is None:
        missing = "title" if output.title is None else "summary"
        raise Refusal(422, f'Invalid request.\n\n"{missing}" wasn\'t supplied.')
    for name, text in (("summary", output.summary), ("text", output.text or "")):
        if len(text.encode()) > TEXT_LIMIT:
            raise Refusal(422, f"Invalid request.\n\nOnly {TEXT_LIMIT} characters are allowed; {name} had more.")
    if len(output.annotations) > ANNOTATION_LIMIT:
        raise Refusal(
            422, f"Invalid request.\n\nNo more than {ANNOTATION_LIMIT} items are allowed; annotations had more."
        )


def _apply(run: CheckRun, wanted: CheckInput, now: datetime) -> None:
    run.name = wanted.name or run.name
    run.external_id = run.external_id if wanted.external_id is None else wanted.external_id
    run.details_url = wanted.details_url or run.details_url
    run.started_at = wanted.started_at or run.started_at
    if wanted.status is not None:
        run.status = wanted.status
    if wanted.conclusion is not None:
        run.status, run.conclusion = "completed", wanted.conclusion
        run.completed_at = wanted.completed_at or now
    elif wanted.status is not None:
        run.conclusion = run.completed_at = None
    if wanted.actions is not None:
        run.actions = [action.model_dump() for action in wanted.actions]
    if wanted.output is not None:
        run.title, run.summary, run.text = wanted.output.title, wanted.output.summary, wanted.output.text
        # Annotations are added to those that are there.
        run.annotations += [item.model_dump() for item in wanted.output.annotations]
