"""Commit statuses: jobs of somebody else's system, in the commit's newest pipeline or in one of their own."""

from dataclasses import dataclass

from app.forges.fake.gitlab.entities import Access, Pipeline, Project, Status, StatusState, User
from app.forges.fake.gitlab.errors import forbidden, not_found, says
from app.forges.fake.gitlab.state import GitLabState

# The step that leads to each state; a step from a state to itself is refused, and one from an end begins a new status.
_STEPS = {"pending": "enqueue", "running": "run", "success": "success", "failed": "drop", "canceled": "cancel"}
_ENDS = ("success", "failed", "canceled", "skipped")
_LONGEST_TEXT = 255


@dataclass(frozen=True)
class WantedStatus:
    sha: str
    state: StatusState
    name: str
    ref: str | None = None
    description: str | None = None
    target_url: str | None = None
    pipeline_id: int | None = None


async def set_status(gitlab: GitLabState, project: Project, user: User, wanted: WantedStatus) -> Status:
    if await project.git.resolve(wanted.sha) is None:
        raise not_found("Commit")
    if wanted.description is not None and len(wanted.description) > _LONGEST_TEXT:
        raise says(400, {"description": ["is too long (maximum is 255 characters)"]})
    pipeline = await _pipeline_for(gitlab, project, wanted)
    if pipeline.ref in project.protected_branches and project.role_of(user) < project.protected_branches[pipeline.ref]:
        raise forbidden()
    status = _running_or_pending(pipeline, user, wanted.name)
    if status is None:
        now = gitlab.clock.now()
        status = Status(gitlab.new_id(), pipeline, user, wanted.name, wanted.state, None, None, now)
        pipeline.statuses.append(status)
    elif status.state == wanted.state or (status.state, wanted.state) == ("running", "pending"):
        step = _STEPS[wanted.state]
        reason = f'Status cannot transition via "{step}"'
        raise says(400, f"Cannot transition status via :{step} from :{status.state} (Reason(s): {reason})")
    _write(gitlab, status, wanted)
    return status


def start_pipeline(gitlab: GitLabState, project: Project, sha: str, ref: str, state: StatusState) -> Pipeline:
    """One of the project's own, as `.gitlab-ci.yml` makes it."""
    source = "merge_request_event" if ref.startswith("refs/merge-requests/") else "push"
    pipeline = Pipeline(gitlab.new_id(), project, sha, ref, source, gitlab.clock.now(), own=state)
    project.pipelines.append(pipeline)
    return pipeline


def may_set(project: Project, user: User) -> bool:
    return project.role_of(user) >= Access.DEVELOPER


async def _pipeline_for(gitlab: GitLabState, project: Project, wanted: WantedStatus) -> Pipeline:
    found = [
        one
        for one in project.pipelines
        if one.sha == wanted.sha and wanted.ref in (None, one.ref) and wanted.pipeline_id in (None, one.pipeline_id)
    ]
    if found:
        return found[-1]
    if wanted.pipeline_id is not None:
        raise not_found("Pipeline for pipeline_id, sha and ref")
    ref = wanted.ref or await _branch_with(project, wanted.sha)
    if ref is None:
        raise not_found("References for commit")
    pipeline = Pipeline(gitlab.new_id(), project, wanted.sha, ref, "external", gitlab.clock.now())
    project.pipelines.append(pipeline)
    return pipeline


async def _branch_with(project: Project, sha: str) -> str | None:
    """The first branch that contains a commit; a fork's commit is on none of the target's."""
    for name, tip in sorted((await project.git.refs()).items()):
        if await project.git.contains(sha, tip):
            return name.removeprefix("refs/heads/")
    return None


def _running_or_pending(pipeline: Pipeline, user: User, name: str) -> Status | None:
    return next(
        (one for one in pipeline.statuses if one.name == name and one.user is user and one.state not in _ENDS), None
    )


def _write(gitlab: GitLabState, status: Status, wanted: WantedStatus) -> None:
    now = gitlab.clock.now()
    status.state = wanted.state
    status.description = wanted.description if wanted.description is not None else status.description
    status.target_url = wanted.target_url if wanted.target_url is not None else status.target_url
    status.started_at = status.started_at or (now if wanted.state == "running" else None)
    status.finished_at = now if wanted.state in _ENDS else None
