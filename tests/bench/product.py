"""The measured product: `corrigent up` in a process of its own, with settings of a real installation."""

import asyncio
import json
import os
import re
import signal
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx

from app.demo.product import free_port
from app.forges.fake.scenario import AppCredentials, FakeForge
from tests.bench import accounting

READY_WITHIN = timedelta(seconds=60)


@dataclass
class Product:
    """A running `corrigent up`."""

    home: Path
    port: int
    temporal_port: int
    process: asyncio.subprocess.Process
    # From the start of the process to the first good answer of /healthz.
    started_in: float = 0.0

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def hooks_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hooks/github"

    @property
    def temporal_address(self) -> str:
        return f"127.0.0.1:{self.temporal_port}"

    def cpu(self) -> accounting.Cpu:
        return accounting.cpu(self.pid)

    def memory(self) -> dict[str, float]:
        return accounting.pss_megabytes(self.pid)

    async def temporal_actions(self) -> float:
        """What Temporal would bill so far."""
        port = accounting.temporal_option(self.pid, "--metrics-port")
        text = await asyncio.to_thread(_get, f"http://127.0.0.1:{port}/metrics")
        return sum(float(value) for value in re.findall(r"^action\{[^}]*\} ([\d.e+]+)$", text, re.MULTILINE))

    def freeze_temporal(self) -> None:
        """It neither answers nor refuses: the worst way to be down."""
        self._signal_temporal(signal.SIGSTOP)

    def thaw_temporal(self) -> None:
        self._signal_temporal(signal.SIGCONT)

    def _signal_temporal(self, number: signal.Signals) -> None:
        pid = accounting.temporal_pid(self.pid)
        assert pid is not None
        os.kill(pid, number)


@asynccontextmanager
async def up(
    home: Path,
    forge: FakeForge,
    credentials: AppCredentials,
    *,
    model: str = "",
    time_scale: float = 1.0,
    database: str = "",
) -> AsyncGenerator[Product]:
    """Ready when this is entered, gone when it is left; the forge's webhooks point at it."""
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    port, temporal_port = free_port(0), free_port(0)
    _write_settings(home, forge, credentials, {
        "listen_port": port,
        "temporal_port": temporal_port,
        # With one, deliveries are pushed to us and the list is read every two minutes only.
        "public_url": f"http://127.0.0.1:{port}",
        "model": model,
        "time_scale": time_scale,
        **({"database_url": database} if database else {}),
    })  # fmt: skip
    forge.webhook_url = f"http://127.0.0.1:{port}/hooks/github"
    began = time.monotonic()
    with (home / "corrigent.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", str(corrigent()), "up", "--home", str(home)),
            env={"PATH": os.defpath, "LANG": "C.UTF-8"}, stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log,
            start_new_session=True,
        )  # fmt: skip
    product = Product(home, port, temporal_port, process)
    try:
        await _until_ready(product)
        product.started_in = time.monotonic() - began
        yield product
    finally:
        if process.returncode is None:
            process.terminate()
            try:
                await asyncio.wait_for(process.wait(), 20)
            except TimeoutError:
                process.kill()
                await process.wait()


def corrigent() -> Path:
    """The console script beside our Python."""
    return Path(sys.executable).with_name("corrigent")


def _write_settings(
    home: Path, forge: FakeForge, credentials: AppCredentials, settings: dict[str, int | float | str]
) -> None:
    key = home / "app.pem"
    key.write_text(credentials.private_key_pem)
    key.chmod(0o600)
    lines = [
        *(f"{name} = {json.dumps(value)}" for name, value in settings.items()),
        "[[connections]]",
        'key = "github"',
        'kind = "github"',
        f"web_url = {json.dumps(forge.url)}",
        f"api_url = {json.dumps(forge.api_url)}",
        f"app_id = {credentials.app_id}",
        f"slug = {json.dumps(credentials.slug)}",
        f"private_key_file = {json.dumps(str(key))}",
        f"webhook_secret = {json.dumps(credentials.webhook_secret)}",
    ]
    file = home / "settings.toml"
    file.touch(mode=0o600)
    file.write_text("\n".join(lines) + "\n")


async def _until_ready(product: Product) -> None:
    async with asyncio.timeout(READY_WITHIN.total_seconds()):
        while product.process.returncode is None:
            if await asyncio.to_thread(_healthy, product.port):
                return
            await asyncio.sleep(0.02)
    words = (product.home / "corrigent.log").read_text(errors="replace").strip().splitlines()
    raise RuntimeError(f"corrigent up ended at its start: {words[-1] if words else 'it said nothing'}")


def _healthy(port: int) -> bool:
    try:
        return bool(_get(f"http://127.0.0.1:{port}/healthz"))
    except httpx.TransportError:
        return False


def _get(url: str) -> str:
    answer = httpx.get(url, timeout=2, trust_env=False)
    return answer.text if answer.is_success else ""
