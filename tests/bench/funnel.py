"""Seeded bugs and poisoned fixes through the whole product: what is proposed, applies, is proved and is pushed."""

import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.bench.figures import Figure, spread
from tests.harness.funnel import Passed, Seed, Way, poisoned, seeded, way
from tests.harness.temporal import temporal_server

# On two cores more of them would only wait for one another.
AT_ONCE = 4
INSTALLATIONS = 10


async def measure(quick: bool) -> Sequence[Figure]:
    bugs, poison = seeded()[:: 10 if quick else 1], poisoned()[:: 5 if quick else 1]
    seeds = [*bugs, *poison]
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, temporal_server(Path(folder) / "temporal") as temporal:
        async with way(temporal, Path(folder), seeds, installations=INSTALLATIONS) as opened:
            passed = await _all(opened, seeds)
    right = [one for one in passed if not one.seed.poisoned]
    wrong = [one for one in passed if one.seed.poisoned]
    pushed = [one for one in passed if one.pushed]
    return [
        *_funnel("seeded bugs", right),
        Figure("seeded bugs mended on their branch", 100 * _share(right), "%", 95, at_least=True),
        *_funnel("poisoned fixes", wrong),
        Figure("poisoned fixes pushed", sum(one.pushed for one in wrong), target=0),
        Figure("pushes", len(pushed)),
        Figure("    without a proof", sum(not one.proved for one in pushed), target=0),
        Figure("    to a protected path", sum(one.touched_protected for one in pushed), target=0),
        Figure("    without whole evidence", sum(not one.evidence_is_whole for one in pushed), target=0),
        Figure("    to another branch", sum(not one.only_its_branch for one in pushed), target=0),
        *spread("from command to push", [one.seconds for one in pushed]),
        *spread("from command to refusal", [one.seconds for one in passed if not one.pushed]),
    ]


async def _all(opened: Way, seeds: Sequence[Seed]) -> list[Passed]:
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(seed: Seed) -> Passed:
        async with slots:
            return await opened.send(seed)

    return await asyncio.gather(*(one(seed) for seed in seeds))


def _funnel(what: str, passed: Sequence[Passed]) -> list[Figure]:
    """Each stage, and behind it why some went no further."""
    return [
        Figure(what, len(passed)),
        Figure("    proposed", sum(one.proposed for one in passed)),
        Figure("    applies", sum(one.applies for one in passed)),
        Figure("    proved", sum(one.proved for one in passed)),
        Figure("    pushed", sum(one.pushed for one in passed)),
        *(Figure(f"        {one.seed.name}: {one.reason}", 1) for one in passed if not one.pushed),
    ]


def _share(passed: Sequence[Passed]) -> float:
    return sum(one.pushed for one in passed) / len(passed)
