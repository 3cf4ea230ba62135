"""Runs as lists show them: which ones, in which order, with what is written in each row."""

from datetime import datetime
from typing import NamedTuple

from app.domain.phrases import dollars, seconds
from app.domain.pull_request import PullRequestRef
from app.store.run_rows import EVERY, RunFilter, RunRow
from app.store.runs import Runs
from app.web.access import Repos, Viewer
from app.web.pages.parts.words import Badge, badge, line

# How many runs does a page show?
PAGE = 50


class Listed(NamedTuple):
    """A run in a list, ready to be printed."""

    run_id: str
    badge: Badge
    # What the check says; while at work, the stage.
    said: str
    repository: str
    number: int
    pull_request_path: str
    title: str
    author: str
    head_sha: str
    at: datetime
    took: str
    # Seconds so far while it runs.
    elapsed: float | None
    cost: str


class Found(NamedTuple):
    """A page of runs; `older` is where the next one begins, empty when there is none."""

    runs: tuple[RunRow, ...]
    older: str


async def find(
    runs: Runs, repos: Repos | None, which: RunFilter = EVERY, *, before: str = "", limit: int = PAGE
) -> Found:
    """Newest first."""
    page = await runs.page(repos=repos, which=which, limit=limit + 1, before=before or None)
    return Found(tuple(page[:limit]), page[limit - 1].run.run_id if len(page) > limit else "")


async def of_pull_request(runs: Runs, ref: PullRequestRef, viewer: Viewer, *, limit: int = PAGE) -> tuple[RunRow, ...]:
    """The newest runs of one pull request, if the viewer may see it."""
    if not viewer.may_see(ref.connection, ref.repo_id):
        return ()
    return (await find(runs, viewer.repos, RunFilter(ref=ref), limit=limit)).runs


def listed(row: RunRow, now: datetime) -> Listed:
    run = row.run
    ended = run.finished_at
    return Listed(
        run_id=run.run_id,
        badge=badge(run.outcome, run.wait_until),
        said=line(run.title) if run.title else _stage(row),
        repository=line(row.full_name),
        number=row.number,
        pull_request_path=pull_request_path(run.ref),
        title=line(row.title) or "(no title)",
        author=line(row.author) or "ghost",
        head_sha=run.head_sha,
        at=run.started_at,
        took=seconds((ended - run.started_at).total_seconds()) if ended else "",
        elapsed=None if ended else max(0.0, (now - run.started_at).total_seconds()),
        cost=dollars(run.dollars) if run.model_calls else "–",
    )


def pull_request_path(ref: PullRequestRef) -> str:
    return f"/pulls/{ref.connection}/{ref.repo_id}/{ref.number}"


def _stage(row: RunRow) -> str:
    return row.run.stages[-1].stage if row.run.stages else "queued"
