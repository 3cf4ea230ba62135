"""From nothing to the first review with the programs that people run, and no public address."""

import asyncio
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from app.demo import shop
from app.forges.fake.scenario import FakeForge
from tests.setup.browsing import Browser

CORRIGENT = str(Path(sys.executable).with_name("corrigent"))


@asynccontextmanager
async def corrigent(home: Path, *words: str) -> AsyncGenerator[asyncio.subprocess.Process]:
    """A command in an environment of its own; it is gone at the end."""
    process = await asyncio.create_subprocess_exec(
        CORRIGENT,
        *words,
        "--home",
        str(home),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={"PATH": "/usr/bin:/bin", "CORRIGENT_TIME_SCALE": "0.02"},
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        # Read to its end: asyncio calls no process ended whose pipes are not empty.
        await process.communicate()


async def line_with(process: asyncio.subprocess.Process, words: str) -> str:
    """The first line that holds these words; everything printed until then when none does."""
    assert process.stdout is not None
    seen: list[str] = []
    async with asyncio.timeout(30):
        while line := (await process.stdout.readline()).decode():
            seen.append(line)
            if words in line:
                return line
    raise AssertionError(f"{words!r} was not printed: {''.join(seen)}")


async def test_an_enterprise_server_is_set_up_and_its_first_pull_request_is_reviewed(
    key: RSAPrivateKey, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    async with FakeForge.start(flavour="ghes-3.5", key=key) as forge:
        repo = await forge.create_repo(shop.REPOSITORY, files=shop.BASE)
        words = ("setup", "github", "--host", forge.url, "--fixes", "--port", "0")
        async with corrigent(home, *words) as interrupted, httpx.AsyncClient(trust_env=False) as http:
            browser = Browser(http)
            await browser.open((await line_with(interrupted, "Open http")).split()[1].rstrip(","))
            install_at = (await browser.create()).headers["location"]
            await line_with(interrupted, "Waiting for the repository")
        async with corrigent(home, *words) as again, httpx.AsyncClient(trust_env=False) as http:
            await line_with(again, "There is one already")
            await Browser(http).install(install_at)
            await line_with(again, f"Installed on {shop.REPOSITORY}.")
            await line_with(again, "corrigent up --home")
            assert await again.wait() == 0
        assert len(forge.github.apps) == 1
        async with corrigent(home, "up", "--port", "0") as up:
            assert "polling" in await line_with(up, "Corrigent is up")
            sample = shop.SAMPLES[1]
            pull_request = await repo.open_pull_request(
                author=sample.author, title=sample.title, branch=sample.branch, changes=sample.changes
            )
            async with corrigent(home, "doctor") as doctor:
                assert "embedded, running, worker version embedded" in await line_with(doctor, "Temporal")
                assert f"App {browser.name}, 1 repository" in await line_with(doctor, "GitHub")
                assert await doctor.wait() == 0
            await forge.wait_until(lambda: [one for one in pull_request.checks if one.conclusion], timeout=40)
        (check,) = pull_request.checks
        assert (check.conclusion, check.title) == ("neutral", "Linters found nothing · no model configured")
