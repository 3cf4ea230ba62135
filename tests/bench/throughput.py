"""Reviews a minute with 20 pull requests in flight over 10 installations, and what else goes on meanwhile."""

import asyncio
import tempfile
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path

from app.domain.repo_config import Effort
from app.forges.fake.faults import Latency
from app.forges.fake.pull_scenario import FakePullRequest
from app.forges.fake.repo_scenario import FakeRepo
from tests.bench import accounting
from tests.bench.figures import Figure, percentile
from tests.bench.load import Load, Traffic, chatter
from tests.bench.product import up
from tests.bench.world import INSTALLATIONS, World, script, world

IN_FLIGHT = 20
TIME_SCALE = 0.001
TARGETS = {0: 200, 50: 140}
# Linters and one reading are what the targets were set for; five readings are what is done where nothing else is said.
EFFORTS: Mapping[Effort, str] = {"low": "one reading", "normal": "five readings"}
# Deliveries a second beside the reviews, whose acknowledgement is measured.
BESIDE = 5
# How long does the one call hang that must hurt nobody else?
HANGS = timedelta(seconds=20)


async def measure(quick: bool) -> Sequence[Figure]:
    count = 40 if quick else 300
    figures: list[Figure] = []
    for effort in EFFORTS:
        for milliseconds in TARGETS:
            figures += await _at(milliseconds, effort, count)
    return [*figures, *await _one_hangs(count // 2)]


async def _at(milliseconds: int, effort: Effort, count: int) -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        async with world(effort) as made, _running(Path(folder), made) as product:
            branches = await _warmed_up(made, count)
            made.slow_down(timedelta(milliseconds=milliseconds))
            load = Load(product.hooks_url, [chatter(made, Path(folder))])
            async with load.sending(Traffic(rate=BESIDE, seconds=3600)) as acknowledged:
                cpu, began, fake = product.cpu(), time.monotonic(), accounting.own()
                await _all(made, branches)
                took, spent, fake = time.monotonic() - began, product.cpu() - cpu, accounting.own() - fake
            answers = await acknowledged
            at = f"{EFFORTS[effort]}, forge at {milliseconds} ms: "
            return [
                Figure(f"{at}reviews a minute", 60 * count / took, "", TARGETS[milliseconds], at_least=True),
                Figure(f"{at}acknowledgement p99 meanwhile", answers.p99 * 1000, "ms", 100),
                Figure(f"{at}CPU a review", spent.total / count, "s", 0.4),
                Figure("    Corrigent", spent.ours / count, "s"),
                Figure("    Temporal", spent.temporal / count, "s"),
                Figure("    git and linters", spent.programs / count, "s"),
                Figure("    not counted: the fake forge", fake / count, "s"),
            ]


async def _one_hangs(count: int) -> list[Figure]:
    """The same without and with one pull request whose first request hangs."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        async with world() as made, _running(Path(folder), made):
            branches = await _warmed_up(made, 2 * count)
            calm = await _all(made, branches[:count])
            made.forge.fault(Latency(HANGS), method="POST", path="*/check-runs")
            beside = await _all(made, branches[count:])
            hurt = [seconds for seconds in beside if seconds < HANGS.total_seconds()]
            return [
                Figure("all calls answered: review p95", percentile(calm, 0.95), "s"),
                Figure("one call hangs: review p95 of the others", percentile(hurt, 0.95), "s"),
                Figure("one call hangs: reviews that waited with it", len(beside) - len(hurt), "", 1),
            ]


def _running(folder: Path, made: World):
    return up(folder / "home", made.forge, made.credentials, model=script(folder), time_scale=TIME_SCALE)


async def _warmed_up(made: World, count: int) -> list[tuple[FakeRepo, str]]:
    branches = await made.prepare(INSTALLATIONS + count)
    await _all(made, branches[:INSTALLATIONS])
    return branches[INSTALLATIONS:]


async def _all(made: World, branches: Sequence[tuple[FakeRepo, str]]) -> list[float]:
    """Seconds from webhook to completed check of each, so many at a time."""
    slots = asyncio.Semaphore(IN_FLIGHT)

    async def one(repo: FakeRepo, branch: str) -> FakePullRequest:
        async with slots:
            pull_request = await made.open(repo, branch)
            await made.reviewed(pull_request)
            return pull_request

    done = await asyncio.gather(*(one(repo, branch) for repo, branch in branches))
    return [_seconds(made, pull_request) for pull_request in done]


def _seconds(made: World, pull_request: FakePullRequest) -> float:
    seen = made.of(pull_request)
    assert seen.opened is not None
    assert seen.completed is not None
    assert seen.posted is not None, f"{pull_request.url} has no review"
    return (seen.completed - seen.opened).total_seconds()
