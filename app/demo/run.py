"""`corrigent demo`: a shop, four pull requests, and each promise shown being kept by the real product."""

import asyncio
import json
import platform
import shutil
import signal
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from app.checkouts.git import Git
from app.demo import shop
from app.demo.product import Product, free_port, prepare_home
from app.demo.screen import Screen
from app.demo.story import Story
from app.domain.errors import UserError
from app.forges.fake.scenario import FIX_PERMISSIONS, FakeForge

FAILED = 1
INTERRUPTED = 130

NEXT = """
Next   your code          corrigent review
       your pull request  corrigent review https://github.com/OWNER/REPO/pull/N
       your forge         corrigent setup github"""


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What was asked for on the command line; `model` is empty for the scripted one."""

    once: bool
    model: str
    port: int


def run_demo(*, once: bool, model: str, port: int, require_fixes: bool) -> int:
    """Exit code: 0 when every promise was kept before our eyes."""
    code = asyncio.run(_run(Wishes(once=once, model=model, port=port)))
    if code == 0 and require_fixes:
        raise UserError("--require-fixes: this version reviews and does not write code yet.")
    return code


async def _run(wishes: Wishes) -> int:
    """The show, until it ends or somebody stops it; nothing of it is left afterwards."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    folder = Path(tempfile.mkdtemp(prefix="corrigent-demo-"))
    showing = asyncio.create_task(_show(folder, stop, wishes))
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({showing, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not showing.done():
            showing.cancel()
        with suppress(asyncio.CancelledError):
            return 0 if await showing else FAILED
        return INTERRUPTED
    finally:
        stopping.cancel()
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


async def _show(folder: Path, stop: asyncio.Event, wishes: Wishes) -> bool:
    screen = Screen()
    async with FakeForge.start() as forge:
        port = free_port(wishes.port)
        repo = await forge.create_repo(shop.REPOSITORY, files=shop.BASE)
        credentials = await forge.install_app(repos=[repo], permissions=FIX_PERMISSIONS)
        script = folder / "script.json"
        script.write_text(json.dumps({"log": "calls.jsonl", "answers": shop.SCRIPT}))
        model = wishes.model or f"scripted:{script}"
        product = prepare_home(folder / "home", forge, credentials, model=model, port=port)
        try:
            screen.line("Corrigent demo · stays on this machine · no account, no key")
            await product.start()
            await _introduce(screen, folder, product, scripted=not wishes.model)
            story = Story(forge, repo, product, screen, folder / "calls.jsonl")
            try:
                kept = await story.tell()
            except AssertionError as unseen:
                # What was waited for did not come; the forge's story says how far it got.
                screen.line(f"\nNOT KEPT. {unseen}")
                return False
            screen.line(NEXT)
            if not wishes.once:
                screen.line(f"\nThe dashboard stays until you press Ctrl-C: {product.link()}")
                await stop.wait()
        finally:
            await product.stop()
    return kept


async def _introduce(screen: Screen, folder: Path, product: Product, *, scripted: bool) -> None:
    git = (await Git(git_dir=folder).run("--version")).decode().split()[2]
    screen.line(f"  Python {platform.python_version()} · git {git} · embedded Temporal, SQLite")
    screen.line(f"  dashboard  {product.link()}")
    screen.line("  Ctrl-C stops everything and removes it")
    scripted_parts = "the forge and the language model" if scripted else "the forge"
    screen.line(f"Real: webhooks, Temporal, git, linters, kill -9.   Scripted: {scripted_parts}.")
    screen.line()
