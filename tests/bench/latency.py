"""From a pull request's webhook to its posted review, one after the other on an idle system, at two forge latencies."""

import tempfile
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median

from temporalio.client import Client

from app.domain.pull_request import PullRequestRef
from app.forges.fake.pull_scenario import FakePullRequest
from app.forges.fake.repo_scenario import FakeRepo
from tests.bench.figures import Figure, percentile
from tests.bench.history import steps_of
from tests.bench.product import Product, up
from tests.bench.requests import api_requests
from tests.bench.world import Seen, World, script, world

# Reviews before anything is measured: mirrors are cloned, tokens minted, libraries imported.
WARM_UP = 10
# Nobody pushes twice here, and a first review does not wait; this is for everything else that waits.
TIME_SCALE = 0.001
TARGETS = {0: 0.8, 100: 1.6}


async def measure(quick: bool) -> Sequence[Figure]:
    count = 10 if quick else 60
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        async with (
            world() as made,
            up(
                Path(folder) / "home", made.forge, made.credentials, model=script(Path(folder)), time_scale=TIME_SCALE
            ) as product,
        ):
            branches = iter(await made.prepare(WARM_UP + 2 * count))
            for _ in range(WARM_UP):
                await made.reviewed(await made.open(*next(branches)))
            figures: list[Figure] = []
            for milliseconds in TARGETS:
                made.slow_down(timedelta(milliseconds=milliseconds))
                chosen = [next(branches) for _ in range(count)]
                figures += await _one_by_one(made, product, chosen, milliseconds)
            return figures


async def _one_by_one(
    made: World, product: Product, branches: Sequence[tuple[FakeRepo, str]], milliseconds: int
) -> list[Figure]:
    client = await Client.connect(product.temporal_address)
    cpu, actions, asked = product.cpu(), await product.temporal_actions(), len(made.forge.requests)
    opened: list[FakePullRequest] = []
    for repo, branch in branches:
        opened.append(await made.open(repo, branch))
        await made.reviewed(opened[-1])
    spent, count = product.cpu() - cpu, len(opened)
    requests = api_requests(made.forge.requests[asked:])
    at = f"forge at {milliseconds} ms: "
    return [
        *_waits(made, opened, at, TARGETS[milliseconds]),
        Figure(f"{at}forge requests a review", sum(requests.values()) / count, "", 10),
        *(Figure(f"    {kind}", number / count) for kind, number in requests.most_common()),
        Figure(f"{at}Temporal actions a review", (await product.temporal_actions() - actions) / count, "", 16),
        Figure(f"{at}CPU a review", spent.total / count, "s", 0.4),
        Figure("    Corrigent", spent.ours / count, "s"),
        Figure("    Temporal", spent.temporal / count, "s"),
        Figure("    git and linters", spent.programs / count, "s"),
        *await _steps(client, made, opened),
    ]


def _waits(made: World, opened: Sequence[FakePullRequest], at: str, target: float) -> list[Figure]:
    seen = [made.of(pull_request) for pull_request in opened]
    posted = [_between(one, one.posted) for one in seen]
    checks = [_between(one, one.check) for one in seen]
    done = [_between(one, one.completed) for one in seen]
    return [
        Figure(f"{at}webhook to posted review p50", percentile(posted, 0.5), "s", target),
        Figure(f"{at}webhook to posted review p95", percentile(posted, 0.95), "s"),
        Figure(f"{at}check visible p95", percentile(checks, 0.95), "s", 3),
        Figure(f"{at}check completed p50", percentile(done, 0.5), "s"),
    ]


def _between(seen: Seen, end: datetime | None) -> float:
    assert seen.opened is not None
    # A review that was never posted would make the figure lie.
    assert end is not None, "a review or a check was not posted"
    return (end - seen.opened).total_seconds()


async def _steps(client: Client, made: World, opened: Sequence[FakePullRequest]) -> list[Figure]:
    """The median of every step, so that one knows where the time goes."""
    taken: dict[str, list[float]] = {}
    for pull_request in opened:
        sent = made.of(pull_request).opened
        assert sent is not None
        ref = PullRequestRef(
            connection="github", repo_id=str(pull_request.pull.repo.repo_id), number=pull_request.number
        )
        for step, seconds in (await steps_of(client, ref, sent)).items():
            taken.setdefault(step, []).append(seconds)
    return [Figure(f"    {step} p50", median(values), "s") for step, values in taken.items()]
