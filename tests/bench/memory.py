"""What it holds and burns at rest and at work, how soon it is up, and how long a person waits for the command line."""

import asyncio
import re
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.bench.figures import Figure
from tests.bench.product import Product, corrigent, up
from tests.bench.throughput import IN_FLIGHT, TIME_SCALE
from tests.bench.world import World, script, world

HELP_RUNS = 5
_FINDING = re.compile(rb"^\s+(High|Medium|Low)\b", re.MULTILINE)


async def measure(quick: bool) -> Sequence[Figure]:
    return [*await _at_rest_and_at_work(quick), *await _help(), *await _demo()]


async def _at_rest_and_at_work(quick: bool) -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        home, model = Path(folder) / "home", script(Path(folder))
        async with world() as made:
            async with up(home, made.forge, made.credentials, model=model, time_scale=TIME_SCALE) as product:
                first_start = product.started_in
                figures = await _at_rest(product, 5 if quick else 30)
                figures += await _at_work(made, product)
            async with up(home, made.forge, made.credentials, model=model, time_scale=TIME_SCALE) as again:
                return [
                    Figure("up is ready, first time", first_start, "s", 5),
                    Figure("up is ready, again", again.started_in, "s", 5),
                    *figures,
                ]


async def _at_rest(product: Product, seconds: int) -> list[Figure]:
    # What was needed for the start only is given back in the first seconds.
    await asyncio.sleep(2)
    before = product.cpu()
    await asyncio.sleep(seconds)
    spent, held = product.cpu() - before, product.memory()
    return [
        Figure("memory at rest", sum(held.values()), "MB", 350),
        *_by_program(held),
        Figure("CPU at rest, Corrigent", 100 * spent.ours / seconds, "%"),
        Figure("CPU at rest, Temporal", 100 * spent.temporal / seconds, "%"),
    ]


async def _at_work(made: World, product: Product) -> list[Figure]:
    """The most that was seen while 20 reviews ran, over and over."""
    branches = await made.prepare(2 * IN_FLIGHT)
    opened = [await made.open(*branch) for branch in branches[:IN_FLIGHT]]
    opened += [await made.open(*branch) for branch in branches[IN_FLIGHT:]]
    working = asyncio.gather(*(made.reviewed(one) for one in opened))
    most: dict[str, float] = {}
    while not working.done():
        held = await asyncio.to_thread(product.memory)
        most = max(most, held, key=lambda one: sum(one.values()))
        await asyncio.sleep(0.2)
    await working
    return [Figure(f"memory with {IN_FLIGHT} reviews", sum(most.values()), "MB", 600), *_by_program(most)]


def _by_program(held: dict[str, float]) -> list[Figure]:
    return [Figure(f"    {name}", megabytes, "MB") for name, megabytes in sorted(held.items())]


async def _help() -> list[Figure]:
    """The quickest of some: what a person with a calm machine sees."""
    took = [await _seconds("--help") for _ in range(HELP_RUNS)]
    return [Figure("corrigent --help", min(took), "s", 0.3)]


async def _seconds(*arguments: str) -> float:
    began = time.monotonic()
    process = await asyncio.create_subprocess_exec(str(corrigent()), *arguments, stdout=asyncio.subprocess.DEVNULL)
    assert await process.wait() == 0
    return time.monotonic() - began


async def _demo() -> list[Figure]:
    began = time.monotonic()
    process = await asyncio.create_subprocess_exec(str(corrigent()), "demo", "--once", stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    shown, first = b"", 0.0
    while line := await process.stdout.readline():
        shown += line
        if not first and _FINDING.search(line):
            first = time.monotonic() - began
    assert await process.wait() == 0, shown.decode(errors="replace")
    return [
        Figure("demo: first finding", first, "s", 20),
        Figure("demo: all of it", time.monotonic() - began, "s", 60),
    ]
