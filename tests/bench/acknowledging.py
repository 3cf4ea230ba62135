"""How soon a delivery is acknowledged, and that none that was acknowledged is lost."""

import asyncio
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.store.database import Database
from app.store.deliveries import Deliveries
from tests.bench.figures import Figure, percentile
from tests.bench.load import Answers, Load, Traffic, chatter, large_chatter, traffic_like
from tests.bench.product import Product, up
from tests.bench.world import World, world
from tests.harness.postgres import postgres

# The pull requests that are pushed to meanwhile; each is reviewed once it has been quiet.
BUSY = 20
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
# A delivery that could not be handed on is tried again after a pause of at most half a minute.
DRAINED_WITHIN = 180
# Seconds in which 25 MB are parsed, whatever the pace.
HANDLED_WITHIN = 10


@dataclass(frozen=True)
class Storm:
    """`p99` in milliseconds is what is allowed."""

    rate: int
    seconds: int
    p99: float

    @property
    def name(self) -> str:
        return f"{self.rate}/s for {self.seconds} s: "

    def shortened(self, quick: bool) -> "Storm":
        return Storm(self.rate, max(5, self.seconds // 10), self.p99) if quick else self


async def on_sqlite(quick: bool) -> Sequence[Figure]:
    return await _measure("", [Storm(100, 60, 250).shortened(quick)])


async def on_postgresql(quick: bool) -> Sequence[Figure]:
    storms = [Storm(200, 60, 100).shortened(quick), Storm(400, 10, 1000).shortened(quick)]
    try:
        with postgres() as server:
            # The server's socket is in its folder; the name `postgres` has no password on it.
            return await _measure(server.create(), storms)
    except pytest.skip.Exception as lacking:
        raise SystemExit(f"PostgreSQL cannot be measured here: {lacking}") from lacking


async def without_temporal(quick: bool) -> Sequence[Figure]:
    """It hangs for the whole storm, which is worse than being gone; afterwards the inbox is drained."""
    return await _measure("", [Storm(100, 60, 250).shortened(quick)], frozen=True)


async def _measure(database: str, storms: Sequence[Storm], *, frozen: bool = False) -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        async with world() as made:
            branches = await made.prepare(BUSY)
            async with up(folder / "home", made.forge, made.credentials, database=database) as product:
                # Their deliveries are what the generator sends, as often as it likes.
                made.forge.hold_deliveries()
                for repo, branch in branches:
                    await repo.open_pull_request(branch=branch)
                address = database or f"sqlite:///{folder / 'home' / 'corrigent.db'}"
                if frozen:
                    product.freeze_temporal()
                figures: list[Figure] = []
                for storm in storms:
                    figures += await _under(storm, made, product, folder, address)
                if not frozen:
                    figures += await _beside_a_large_one(made, product, folder)
                if frozen:
                    product.thaw_temporal()
                    figures += await _drained(address)
                return figures


async def _under(storm: Storm, made: World, product: Product, folder: Path, address: str) -> list[Figure]:
    cpu = product.cpu()
    answers = await Load(product.hooks_url, traffic_like(made, folder)).send(Traffic(storm.rate, storm.seconds))
    spent = product.cpu() - cpu
    return [
        Figure(f"{storm.name}p50", percentile(answers.seconds, 0.5) * 1000, "ms"),
        Figure(f"{storm.name}p99", answers.p99 * 1000, "ms", storm.p99),
        Figure(f"{storm.name}longest", max(answers.seconds) * 1000, "ms"),
        Figure(f"{storm.name}answers other than 2xx", answers.not_2xx, "", 0),
        Figure(f"{storm.name}acknowledged and lost", len(await _lost(answers, address)), "", 0),
        Figure("    deliveries", len(answers.seconds)),
        Figure("    CPU: Corrigent", spent.ours, "s"),
        Figure("    CPU: Temporal", spent.temporal, "s"),
        Figure("    CPU: the generator, not counted", answers.cpu, "s"),
    ]


async def _beside_a_large_one(made: World, product: Product, folder: Path) -> list[Figure]:
    """One delivery of 25 MB among small ones, until it was handled."""
    large, small = large_chatter(made, folder), chatter(made, folder)
    async with Load(product.hooks_url, [small]).sending(Traffic(rate=20, seconds=3600, duplicates=0)) as others:
        answered = await Load(product.hooks_url, [large]).send(Traffic(rate=1, seconds=1, duplicates=0))
        await asyncio.sleep(HANDLED_WITHIN)
    beside = await others
    return [
        Figure("one of 25 MB: acknowledged", max(answered.seconds) * 1000, "ms", 10_000),
        Figure("    others beside it, p99", beside.p99 * 1000, "ms", 250),
        Figure("    longest", max(beside.seconds) * 1000, "ms"),
        Figure("    answers other than 2xx", answered.not_2xx + beside.not_2xx, "", 0),
    ]


async def _lost(answers: Answers, address: str) -> set[str]:
    db = await Database.open(address)
    try:
        return answers.acknowledged - await Deliveries(db).known("github", LONG_AGO)
    finally:
        await db.close()


async def _drained(address: str) -> list[Figure]:
    """How fast the inbox empties once Temporal answers again."""
    db = await Database.open(address)
    try:
        deliveries, began = Deliveries(db), asyncio.get_running_loop().time()
        waiting, _ = await deliveries.backlog()
        async with asyncio.timeout(DRAINED_WITHIN):
            while (await deliveries.backlog())[0]:
                await asyncio.sleep(0.1)
        took = asyncio.get_running_loop().time() - began
        return [
            Figure("waited in the inbox when Temporal came back", waiting),
            Figure("    until it was empty", took, "s"),
        ]
    finally:
        await db.close()
