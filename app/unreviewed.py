"""Open pull requests whose head nobody reviewed: those that were there before us, and those that were missed."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.domain.pull_request import PullRequest, Repo
from app.forges.base import ForgeReader
from app.store.pull_requests import PullRequests
from app.store.runs import Runs


@dataclass(frozen=True)
class Unreviewed:
    """`left_alone`: its head was open before its repository came under our care."""

    pull_request: PullRequest
    left_alone: bool


async def unreviewed(
    reader: ForgeReader, repos: Sequence[Repo], pull_requests: PullRequests, runs: Runs
) -> list[Unreviewed]:
    """Newest first."""
    found: list[Unreviewed] = []
    for repo in repos:
        for pull_request in await reader.open_pull_requests(repo):
            latest = await runs.latest(pull_request.ref)
            if latest is not None and latest.head_sha == pull_request.head_sha:
                continue
            state = await pull_requests.get(pull_request.ref)
            left_alone = state is not None and state.watermark_sha == pull_request.head_sha
            found.append(Unreviewed(pull_request, left_alone))
    return sorted(found, key=lambda one: one.pull_request.created_at, reverse=True)
