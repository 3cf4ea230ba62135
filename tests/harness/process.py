"""The real `corrigent up` in a process of its own, which a test kills and which comes back."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import JsonValue
from sqlalchemy import Select, func, select
from temporalio.client import Client
from temporalio.service import RPCError

from app.demo import shop as samples
from app.demo.product import Product, free_port, prepare_home
from app.forges.fake.faults import Fault, Reset
from app.forges.fake.scenario import FIX_PERMISSIONS, FakeForge
from app.store.database import Database
from app.store.tables import deliveries, effects, runs
from tests.harness.invariants import Invariants
from tests.harness.keys import app_key
from tests.harness.stage import OPEN, PATIENCE, Stage, prompt_answers
from tests.harness.system import Script


@dataclass
class Deadly(Fault):
    """Kills the product as the request arrives, which is done or not done as its effect says."""

    product: Product | None = None

    def strikes(self, method: str, path: str) -> bool:
        struck = super().strikes(method, path)
        if struck and self.product is not None:
            self.product.kill()
        return struck


@dataclass
class World(Stage):
    """A Corrigent that is started again whenever it dies."""

    product: Product
    temporal_port: int
    restarts: int = 0
    stopping: asyncio.Event = field(default_factory=asyncio.Event)

    def kill_at(self, method: str, path: str, *, nth: int, applied: bool) -> Deadly:
        """As a crash would, when this request arrives for the nth time; the request is carried out or lost."""
        fault = Deadly(Reset(after=applied), method=method, path=path, nth=nth, product=self.product)
        self.forge.server.faults.add(fault)
        return fault

    async def quiet(self) -> None:
        await self.forge.deliveries_answered()
        async with asyncio.timeout(PATIENCE):
            while await self._rows_open() or await self._workflows_open():
                await asyncio.sleep(0.1)

    async def keep_running(self) -> None:
        """Start it again whenever it is gone, as a service manager would."""
        while True:
            await self.product.gone()
            if self.stopping.is_set():
                return
            self.restarts += 1
            await self.product.start()

    async def answers_kept(self) -> int:
        """Answers of models that a restart would find in the store."""
        kept = effects.c.effect_key.startswith("answer/") & effects.c.settled_at.is_not(None)
        return await self._count(select(func.count()).where(kept))

    async def _rows_open(self) -> int:
        waiting = select(func.count()).where(deliveries.c.status == "waiting")
        running = select(func.count()).where(runs.c.outcome.is_(None))
        return await self._count(waiting) + await self._count(running)

    async def _count(self, query: Select[int]) -> int:
        db = await Database.open(f"sqlite:///{self.product.home / 'corrigent.db'}")
        try:
            return await db.read(lambda sql: sql.execute(query).scalar_one())
        finally:
            await db.close()

    async def _workflows_open(self) -> bool:
        try:
            client = await Client.connect(f"127.0.0.1:{self.temporal_port}")
            return (await client.count_workflows(OPEN)).count > 0
        except (RuntimeError, RPCError):
            # It is being started.
            return True


@asynccontextmanager
async def world(folder: Path) -> AsyncGenerator[World]:
    """Everything up; `product.kill()` at any time."""
    folder.mkdir(parents=True, exist_ok=True)
    async with FakeForge.start(key=app_key()) as forge:
        repo = await forge.create_repo(samples.REPOSITORY, files=samples.BASE)
        credentials = await forge.install_app(repos=[repo], permissions=FIX_PERMISSIONS)
        script = Script(folder / "script.json")
        prompt_answers(script)
        port, temporal_port, home = free_port(0), free_port(0), folder / "home"
        invariants = Invariants(forge, credentials, home)
        product = prepare_home(home, forge, credentials, model=script.model, port=port)
        _add_setting(home / "settings.toml", temporal_port=temporal_port)
        await product.start()
        made = World(forge, repo, script, invariants, product, temporal_port)
        keeping = asyncio.create_task(made.keep_running())
        try:
            yield made
        finally:
            made.stopping.set()
            await product.stop()
            keeping.cancel()
            with suppress(asyncio.CancelledError):
                await keeping


def _add_setting(file: Path, **values: JsonValue) -> None:
    """Before the first table, where settings of the whole process stand."""
    lines = "".join(f"{name} = {json.dumps(value)}\n" for name, value in values.items())
    file.write_text(lines + file.read_text())
