"""Merge requests beside pull requests: what a large review asks of GitLab, and how long both journeys take."""

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from app.domain.pull_request import PullRequestRef
from app.forges.fake.gitlab.repo_scenario import FakeProject
from tests.bench.figures import Figure, percentile
from tests.contracts.standing import Standing, a_standing
from tests.contracts.worlds import AnyPull, comment_on, draft_of
from tests.harness.temporal import temporal_server

COMMENTS = 30
# Reviews before anything is measured.
WARM_UP = 3


async def measure(quick: bool) -> Sequence[Figure]:
    """Both forges stand at once and take turns, so that neither has the quieter or the warmer machine."""
    count = 5 if quick else 25
    with tempfile.TemporaryDirectory(prefix="bench-") as name, temporal_server(Path(name)) as temporal:
        folder = Path(name)
        async with (
            a_standing("gitlab", temporal, folder / "gitlab") as on_gitlab,
            a_standing("github", temporal, folder / "github") as on_github,
        ):
            asked = await _many_comments(on_gitlab)
            taken = [(await _journey(on_gitlab), await _journey(on_github)) for _ in range(WARM_UP + count)]
            answers = [[one.duration for one in each.fake.deliveries] for each in (on_gitlab, on_github)]
    merge_requests, pull_requests = (median(times) for times in zip(*taken[WARM_UP:], strict=True))
    acknowledged = [percentile(each, 0.99) * 1000 for each in answers]
    return [
        Figure(f"requests for a review with {COMMENTS} comments", asked, "", 35),
        Figure("opened to posted review, merge request p50", merge_requests, "s"),
        Figure("opened to posted review, pull request p50", pull_requests, "s"),
        Figure("    ratio", merge_requests / pull_requests, "", 1.1),
        Figure("hook acknowledged meanwhile, GitLab p99", acknowledged[0], "ms", 100),
        Figure("hook acknowledged meanwhile, GitHub p99", acknowledged[1], "ms", 100),
    ]


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


async def _journey(standing: Standing) -> float:
    began = time.monotonic()
    pull = await standing.open()
    await standing.fake.wait_until(lambda: _is_posted(pull), timeout=60)
    seconds = time.monotonic() - began
    await standing.reviewed(pull)
    return seconds


def _is_posted(pull: AnyPull) -> bool:
    return len(pull.threads) > 1
