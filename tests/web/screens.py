"""Pictures of every page, to be looked at: `python -m tests.web.screens FOLDER`."""

import asyncio
import sys
import tempfile
from pathlib import Path

from app.process import running
from tests.harness.temporal import temporal_server
from tests.web.browser import Tab, browser, find_chromium
from tests.web.filling import dashboard_only, fill

# Name, width, whether it is dark.
LOOKS = (("light", 1280, False), ("dark", 1280, True), ("phone", 390, False))


async def take(home: Path, folder: Path) -> None:
    program = find_chromium()
    assert program is not None, "install chromium to take pictures"
    async with running(dashboard_only(home), parts=frozenset({"serve"})) as state, browser(program) as started:
        tab = await started.new_tab()
        assert state.new_link is not None
        await tab.open(f"http://127.0.0.1:{state.port}/enter")
        await picture(tab, folder, "enter")
        await tab.open(state.new_link())
        await picture(tab, folder, "list")
        runs = await tab.run("[...document.querySelectorAll('.go')].map(one => one.href)")
        pulls = await tab.run("[...document.querySelectorAll('.where a')].map(one => one.href)")
        for number, address in enumerate(runs):
            await tab.open(address)
            await picture(tab, folder, f"run-{number}")
        await tab.open(pulls[-1])
        await picture(tab, folder, "pull")
        await tab.open(f"http://127.0.0.1:{state.port}/nothing")
        await picture(tab, folder, "missing")
        await tab.open(f"http://127.0.0.1:{state.port}/?outcome=nonsense&open=maybe")
        await picture(tab, folder, "wrong")


async def picture(tab: Tab, folder: Path, name: str) -> None:
    for look, width, dark in LOOKS:
        await tab.look(width=width, dark=dark)
        await tab.picture(folder / f"{name}-{look}.png")


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home, temporal_server(Path(home) / "temporal") as temporal:
        asyncio.run(fill(Path(home) / "corrigent", temporal))
        asyncio.run(take(Path(home) / "corrigent", folder))


if __name__ == "__main__":
    main()
