"""A headless Chromium, driven over two pipes: opens pages, presses keys, and reports what a page complained about."""

import asyncio
import base64
import fcntl
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = (
    "--headless=new",
    "--remote-debugging-pipe",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
)


def find_chromium() -> str | None:
    return next((found for name in PROGRAMS if (found := shutil.which(name))), None)


@dataclass
class Tab:
    """One page; `complaints` are console errors and exceptions, `requests` every address it asked for."""

    browser: "Browser"
    session: str
    complaints: list[str] = field(default_factory=list[str])
    requests: list[str] = field(default_factory=list[str])

    async def open(self, url: str) -> None:
        await self.call("Page.navigate", url=url)
        await self.ready()

    async def ready(self) -> None:
        """Until the page that is shown now has loaded; a page that sends on to another is waited for."""
        async with asyncio.timeout(20):
            while await self.run("document.readyState + document.querySelectorAll('meta[http-equiv]').length") != (
                "complete0"
            ):
                await asyncio.sleep(0.05)

    async def until(self, script: str) -> None:
        """Until this is true on the page."""
        async with asyncio.timeout(20):
            while not await self.run(script):
                await asyncio.sleep(0.05)

    async def run(self, script: str) -> Any:  # whatever the page answers
        answer = await self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        return answer["result"].get("value")

    async def press(self, key: str) -> None:
        text = {"text": "\r"} if key == "Enter" else {"text": key}
        code = {"windowsVirtualKeyCode": 13} if key == "Enter" else {}
        await self.call("Input.dispatchKeyEvent", type="keyDown", key=key, **text, **code)
        await self.call("Input.dispatchKeyEvent", type="keyUp", key=key, **code)

    async def look(self, *, width: int = 1280, height: int = 900, dark: bool = False) -> None:
        await self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self.call("Emulation.setEmulatedMedia", features=[scheme])

    async def picture(self, file: Path) -> None:
        answer = await self.call("Page.captureScreenshot", captureBeyondViewport=True)
        file.write_bytes(base64.b64decode(answer["data"]))

    async def call(self, method: str, **params: object) -> Any:  # the protocol's answers are plain JSON
        return await self.browser.call(method, params, self.session)

    def hear(self, method: str, params: Mapping[str, Any]) -> None:  # the protocol's events are plain JSON
        match method:
            case "Network.requestWillBeSent":
                self.requests.append(params["request"]["url"])
            case "Runtime.exceptionThrown":
                self.complaints.append(str(params["exceptionDetails"]))
            case "Log.entryAdded" if params["entry"]["level"] == "error":
                self.complaints.append(f"{params['entry']['text']} {params['entry'].get('url', '')}")
            case "Runtime.consoleAPICalled" if params["type"] in {"error", "warning"}:
                self.complaints.append(str(params["args"]))
            case _:
                pass


class Browser:
    """The process, and who waits for which of its answers."""

    def __init__(self, reader: asyncio.StreamReader, write: int) -> None:
        self._reader = reader
        self._write = write
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._tabs: dict[str, Tab] = {}

    async def new_tab(self) -> Tab:
        target = await self.call("Target.createTarget", {"url": "about:blank"})
        attached = await self.call("Target.attachToTarget", {"targetId": target["targetId"], "flatten": True})
        tab = self._tabs[attached["sessionId"]] = Tab(self, attached["sessionId"])
        for domain in ("Page", "Runtime", "Log", "Network"):
            await tab.call(f"{domain}.enable")
        return tab

    async def call(self, method: str, params: Mapping[str, object], session: str = "") -> Any:  # plain JSON
        number = len(self._waiting) + 1
        self._waiting[number] = asyncio.get_running_loop().create_future()
        message = {"id": number, "method": method, "params": params} | ({"sessionId": session} if session else {})
        os.write(self._write, json.dumps(message).encode() + b"\0")
        return await asyncio.wait_for(self._waiting[number], 20)

    async def listen(self) -> None:
        while True:
            message = json.loads((await self._reader.readuntil(b"\0"))[:-1])
            if "id" in message:
                answer = self._waiting[message["id"]]
                if "error" in message:
                    answer.set_exception(RuntimeError(str(message["error"])))
                else:
                    answer.set_result(message["result"])
            elif tab := self._tabs.get(message.get("sessionId", "")):
                tab.hear(message["method"], message["params"])


@asynccontextmanager
async def browser(program: str) -> AsyncGenerator[Browser]:
    """Chromium reads from its file descriptor 3 and writes to 4."""
    theirs_in, ours_out = (_high(end) for end in os.pipe())
    ours_in, theirs_out = (_high(end) for end in os.pipe())

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = _start([program, *_FLAGS, f"--user-data-dir={profile}"], theirs_in, theirs_out)
        os.close(theirs_in)
        os.close(theirs_out)
        # A screenshot is one message of a megabyte or more.
        reader = asyncio.StreamReader(limit=64 * 1024 * 1024)
        pipe, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(ours_in, "rb", 0)
        )
        started = Browser(reader, ours_out)
        listening = asyncio.create_task(started.listen())
        try:
            yield started
        finally:
            listening.cancel()
            await asyncio.wait([listening])
            process.kill()
            process.wait()
            pipe.close()
            os.close(ours_out)


def _start(command: list[str], reads: int, writes: int) -> "subprocess.Popen[bytes]":
    def connect() -> None:
        os.dup2(reads, 3)
        os.dup2(writes, 4)

    return subprocess.Popen(
        command,
        preexec_fn=connect,  # noqa: PLW1509 - two system calls, and no other way to number a descriptor
        pass_fds=(3, 4),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _high(descriptor: int) -> int:
    """Out of the way of 3 and 4."""
    copy = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 10)
    os.close(descriptor)
    return copy
