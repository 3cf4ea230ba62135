"""Merge requests beside pull requests: what a large review asks of GitLab, and how long both journeys take."""

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from app.domain.pull_request import PullRequestRef
from app.forges.fake.gitlab.repo_scenario import FakeProject
from tests.bench.figures import Figure
from tests.contracts.standing import Standing, a_standing
from tests.contracts.worlds import AnyPull, comment_on, draft_of
from tests.harness.temporal import TemporalServer, temporal_server

COMMENTS = 30
# Reviews before anything is measured.
WARM_UP = 3


async def measure(quick: bool) -> Sequence[Figure]:
    count = 5 if quick else 25
    with tempfile.TemporaryDirectory(prefix="bench-") as name, temporal_server(Path(name)) as temporal:
        folder = Path(name)
        async with a_standing("gitlab", temporal, folder / "gitlab") as on_gitlab:
            asked = await _many_comments(on_gitlab)
            merge_requests = await _journeys(on_gitlab, count)
        pull_requests = await _on_github(temporal, folder, count)
    return [
        Figure(f"requests for a review with {COMMENTS} comments", asked, "", 35),
        Figure("opened to posted review, merge request p50", merge_requests, "s"),
        Figure("opened to posted review, pull request p50", pull_requests, "s"),
        Figure("    ratio", merge_requests / pull_requests, "", 1.1),
    ]


async def _on_github(temporal: TemporalServer, folder: Path, count: int) -> float:
    async with a_standing("github", temporal, folder / "github") as standing:
        return await _journeys(standing, count)


async def _many_comments(standing: Standing) -> int:
    """The adapter's own way, from a read pull request to threads that everybody sees."""
    standing.fake.hold_deliveries()
    assert isinstance(standing.repo, FakeProject)
    changes = {f"part_{number}.py": "one\ntwo\n" for number in range(COMMENTS)}
    pull = await standing.repo.open_pull_request(changes=changes, branch="many")
    forge = standing.at_work.running.forges.all["gitlab"]
    ref = PullRequestRef(connection="gitlab", repo_id=standing.repo.repo_id, number=pull.number)
    await forge.reader.pull_request(ref)
    before = len(standing.fake.requests)
    draft = draft_of(pull, *(comment_on(number + 1, f"part_{number}.py", 1) for number in range(COMMENTS)))
    await forge.writer.submit_review(ref, await forge.writer.stage_review(ref, draft, look_first=False))
    assert len(pull.threads) == COMMENTS
    asked = len(standing.fake.requests) - before
    standing.fake.release_deliveries()
    await standing.quiet()
    return asked


async def _journeys(standing: Standing, count: int) -> float:
    """The median of one after the other, from the act of opening to threads that people see."""
    taken = [await _journey(standing) for _ in range(WARM_UP + count)]
    return median(taken[WARM_UP:])


async def _journey(standing: Standing) -> float:
    began = time.monotonic()
    pull = await standing.open()
    await standing.fake.wait_until(lambda: _is_posted(pull), timeout=60)
    seconds = time.monotonic() - began
    await standing.reviewed(pull)
    return seconds


def _is_posted(pull: AnyPull) -> bool:
    return len(pull.threads) > 1
