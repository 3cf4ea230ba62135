"""Parts of Corrigent as processes of their own, as a deployment of several machines runs them."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from pydantic import JsonValue

READY_SECONDS = 60


def script(*words: str) -> tuple[str, ...]:
    return (sys.executable, "-I", str(Path(sys.executable).with_name("corrigent")), *words)


def add_settings(home: Path, **values: JsonValue) -> None:
    """Before the first table, where settings of the whole process stand."""
    file = home / "settings.toml"
    file.touch(mode=0o600)
    file.write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in values.items()) + file.read_text())


async def run(*words: str, home: Path) -> tuple[int | None, str]:
    """To its end: the code and all that it said."""
    process = await asyncio.create_subprocess_exec(
        *script(*words, "--home", str(home)),
        env={"PATH": os.defpath, "LANG": "C.UTF-8"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    return process.returncode, said.decode()


@asynccontextmanager
async def part(
    *words: str, home: Path, environ: Mapping[str, str] | None = None
) -> AsyncGenerator[asyncio.subprocess.Process]:
    """At work while this is entered; afterwards it was told to stop, and did, unless it was killed meanwhile."""
    log = home / "corrigent.log"
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *script(*words, "--home", str(home)),
            env={"PATH": os.defpath, "LANG": "C.UTF-8", **(environ or {})},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        async with asyncio.timeout(READY_SECONDS):
            while "Corrigent is up" not in log.read_text():
                assert process.returncode is None, log.read_text()
                await asyncio.sleep(0.05)
        yield process
        if process.returncode != -signal.SIGKILL:
            process.terminate()
            assert await asyncio.wait_for(process.wait(), 30) == 0, log.read_text()[-2000:]
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
