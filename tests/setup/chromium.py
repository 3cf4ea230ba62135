"""A real browser without a window, driven through a pipe in its own debugging protocol."""

import asyncio
import json
import os
import shutil
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

PROGRAM = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chromium-browser")
PATIENCE_SECONDS = 30
_ARGUMENTS = (
    "--headless=new",
    "--remote-debugging-pipe",
    # Inside a container there is no other sandbox to be had; only our own pages are shown.
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--no-proxy-server",
    "--disable-background-networking",
)

# It reads what it is told from descriptor 3 and answers on 4.
_BECOME = (
    "import os, sys; os.dup2(int(sys.argv[1]), 3); os.dup2(int(sys.argv[2]), 4); os.execv(sys.argv[3], sys.argv[3:])"
)


class Tab:
    """One page."""

    def __init__(self, reader: asyncio.StreamReader, write_end: int) -> None:
        self._reader = reader
        self._write_end = write_end
        self._number = 0
        self._session: str | None = None

    async def open(self, url: str) -> None:
        target = await self._ask("Target.createTarget", url=url)
        attached = await self._ask("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        self._session = attached["sessionId"]

    async def until(self, expression: str) -> None:
        """Return when this is true in the page; with the page's address and text when it never is."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not await self.evaluate(expression):
                    await asyncio.sleep(0.1)
        except TimeoutError:
            shown = await self.evaluate("location.href + '\\n' + document.body.innerText")
            raise AssertionError(f"{expression} never held: {shown}") from None

    async def press(self) -> None:
        """The page's one button."""
        await self.until("document.readyState === 'complete' && document.querySelector('button') !== null")
        await self.evaluate("document.querySelector('button').click()")

    async def evaluate(self, expression: str) -> object:
        answer = await self._ask("Runtime.evaluate", expression=expression)
        return answer.get("result", {}).get("value")

    async def _ask(self, method: str, **params: object) -> dict[str, Any]:
        self._number += 1
        message: dict[str, object] = {"id": self._number, "method": method, "params": params}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._write_end, json.dumps(message).encode() + b"\0")
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                answer = json.loads((await self._reader.readuntil(b"\0"))[:-1])
                if answer.get("id") == self._number:
                    # While one page replaces another there may be none to ask.
                    return answer.get("result", {})


@asynccontextmanager
async def browser(home: Path) -> AsyncGenerator[Tab]:
    assert PROGRAM is not None
    theirs_in, ours_out = os.pipe()
    ours_in, theirs_out = os.pipe()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-c", _BECOME, str(theirs_in), str(theirs_out)),
        *(PROGRAM, *_ARGUMENTS, f"--user-data-dir={home}"),
        pass_fds=(theirs_in, theirs_out),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        env={"PATH": "/usr/bin:/bin", "HOME": str(home)},
    )
    os.close(theirs_in)
    os.close(theirs_out)
    reader = asyncio.StreamReader(limit=2**24)
    pipe = os.fdopen(ours_in, "rb")
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), pipe
    )
    try:
        yield Tab(reader, ours_out)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        transport.close()
        os.close(ours_out)
