"""`corrigent demo`: a shop on two forges, and each promise shown being kept by the real product."""

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
from app.demo.mending import AGREES, Planted, agents, planted
from app.demo.merge_request import PROJECT
from app.demo.product import Product, free_port, prepare_home
from app.demo.screen import Screen
from app.demo.story import Story
from app.forges.fake.gitlab.scenario import FakeGitLab
from app.forges.fake.scenario import FIX_PERMISSIONS, FakeForge
from app.sandboxes.egress_ways import Ways
from app.sandboxes.registry import BACKENDS, Choice, Means, choose

FAILED = 1
INTERRUPTED = 130

NEXT = """
Next   your code          corrigent review
       your pull request  corrigent review https://github.com/OWNER/REPO/pull/N
       your forge         corrigent setup github   or   corrigent setup gitlab"""


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What was asked for on the command line; `model` is empty for the scripted one."""

    once: bool
    model: str
    port: int
    require_fixes: bool


def run_demo(*, once: bool, model: str, port: int, require_fixes: bool) -> int:
    """Exit code: 0 when every promise was kept before our eyes."""
    return asyncio.run(_run(Wishes(once=once, model=model, port=port, require_fixes=require_fixes)))


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
    async with FakeForge.start() as forge, FakeGitLab.start() as gitlab, planted(folder) as lies:
        port = free_port(wishes.port)
        repo = await forge.create_repo(shop.REPOSITORY, files=shop.BASE)
        credentials = await forge.install_app(repos=[repo], permissions=FIX_PERMISSIONS)
        model = wishes.model or f"scripted:{_script(folder, lies)}"
        product = prepare_home(
            folder / "home", forge, credentials, model=model, port=port, environment={"NOTES": lies.variable}
        )
        project = await gitlab.create_repo(PROJECT, files=shop.BASE)
        product.connect_gitlab(gitlab, await gitlab.install_bot(repos=[project]))
        try:
            screen.line("Corrigent demo · stays on this machine · no account, no key")
            choice, _ = await asyncio.gather(_sandbox(folder), product.start())
            await _introduce(screen, folder, product, choice, scripted=not wishes.model)
            has_fixes = choice.backend is not None
            story = Story(
                forge,
                repo,
                gitlab,
                project,
                product,
                screen,
                folder / "calls.jsonl",
                lies=lies if has_fixes else None,
                no_sandbox=choice.reason,
            )
            kept = await _tell(story, screen)
            if kept is None:
                return False
            screen.line(NEXT)
            if not wishes.once:
                screen.line(f"\nThe dashboard stays until you press Ctrl-C: {product.link()}")
                await stop.wait()
        finally:
            await product.stop()
    return kept and (has_fixes or not wishes.require_fixes)


def _script(folder: Path, lies: Planted) -> Path:
    script = folder / "script.json"
    script.write_text(json.dumps({"log": "calls.jsonl", "answers": [AGREES, *shop.SCRIPT], "agents": agents(lies)}))
    return script


async def _tell(story: Story, screen: Screen) -> bool | None:
    """Whether the promises were kept; None when what was waited for did not come."""
    try:
        return await story.tell()
    except AssertionError as unseen:
        # The forge's own story says how far it got.
        screen.line(f"\nNOT KEPT. {unseen}")
        return None


async def _sandbox(folder: Path) -> Choice:
    """What fixes will be made in, found out as the product itself does."""
    return await choose(tuple(BACKENDS), Means(folder=folder / "probe", ways=Ways()))


async def _introduce(screen: Screen, folder: Path, product: Product, choice: Choice, *, scripted: bool) -> None:
    git = (await Git(git_dir=folder).run("--version")).decode().split()[2]
    screen.line(f"  Python {platform.python_version()} · git {git} · embedded Temporal, SQLite · {_described(choice)}")
    screen.line(f"  dashboard  {product.link()}")
    screen.line("  Ctrl-C stops everything and removes it")
    scripted_parts = "the forges and the language model" if scripted else "the forges"
    screen.line(f"Real: webhooks, Temporal, git, linters, sandbox, tests, kill -9.   Scripted: {scripted_parts}.")
    screen.line()


def _described(choice: Choice) -> str:
    if choice.backend is None:
        return "sandbox: none (install bubblewrap, or start Docker, and run this again to see a fix)"
    probes = choice.reports[-1].probes
    return f"sandbox: {choice.backend.name}, isolation probe {sum(one.held for one in probes)} of {len(probes)}"
