"""`corrigent review` as a process: quick to start, quiet in a pipe, gone without a trace however it ends."""

import asyncio
import os
import pty
import re
import signal
import sys
import time
from pathlib import Path

import pytest

from tests.checkouts.repos import Repo
from tests.review_here.conftest import TWICE, WORK, Scripted
from tests.review_here.console import Console, ended

AT_ONCE = 2


@pytest.mark.timeout(600)
@pytest.mark.parametrize("runs", [5, pytest.param(60, marks=pytest.mark.soak)])
async def test_every_review_ends_with_the_right_code(console: Console, repo: Repo, runs: int) -> None:
    repo.write({"notes.txt": "hello\n"})
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> tuple[int, int | str | None]:
        wanted = 2 if number % 5 == 0 else 0
        arguments = ("--base", "nowhere") if wanted else ()
        async with gate:
            return wanted, (await console.run(*arguments)).code

    codes = await asyncio.gather(*(one(number) for number in range(runs)))
    assert [pair for pair in codes if pair[0] != pair[1]] == []
    assert list(console.temp.iterdir()) == []


async def test_a_review_loads_neither_the_server_s_libraries_nor_an_unused_model(console: Console, repo: Repo) -> None:
    repo.write(WORK)
    program = (
        f"import os, sys; os.chdir({str(repo.folder)!r})\n"
        "from app.reviewing.command import review_here\n"
        "review_here('.', base='', post=False, model='', output='json', fail_on='never')\n"
        "heavy = {'temporalio', 'sqlalchemy', 'githubkit', 'pydantic_ai', 'fastapi', 'rich', 'httpx', 'alembic'}\n"
        "sys.stderr.write(' '.join(sorted(heavy & set(sys.modules))))"
    )
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-c", program),
        env={"PATH": "/usr/bin:/bin", "HOME": str(console.home), "CORRIGENT_HOME": str(console.home)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    ran = await ended(process)
    assert (ran.code, ran.err) == (0, "")


async def test_help_comes_at_once(console: Console) -> None:
    if os.getloadavg()[0] > 2 * (os.cpu_count() or 1):
        pytest.skip("needs a machine that is not busy: shared caches make processor time longer too")
    took: list[float] = []
    for _ in range(5):
        before = os.times()
        await console.run("--help")
        after = os.times()
        took.append(after.children_user + after.children_system - before.children_user - before.children_system)
    # Of processor time, and the best of them, since the machine may have other things to do.
    assert min(took) <= 0.3


async def test_linters_are_told_while_the_model_still_reads(console: Console, repo: Repo, scripted: Scripted) -> None:
    repo.write(WORK)
    process = await console.start("--model", scripted({"findings": [TWICE], "delay": 3.0}))
    assert process.stdout is not None
    async with asyncio.timeout(30):
        first = [(await process.stdout.readline()).decode() for _ in range(2)]
    assert "ruff S608" in first[1]
    assert process.returncode is None
    ran = await ended(process)
    assert "A retried webhook pays the customer twice" in ran.out
    assert "ruff S608" not in ran.out


@pytest.mark.parametrize("wait_for_model", [True, False])
async def test_ctrl_c_ends_it_and_leaves_nothing(
    console: Console, repo: Repo, scripted: Scripted, tmp_path: Path, *, wait_for_model: bool
) -> None:
    repo.write(WORK)
    process = await console.start("--model", scripted({"findings": [], "delay": 60}))
    assert process.stdout is not None
    async with asyncio.timeout(30):
        await process.stdout.readline()
        while wait_for_model and not (tmp_path / "calls.jsonl").exists():
            await asyncio.sleep(0.02)
    process.send_signal(signal.SIGINT)
    started = time.monotonic()
    ran = await ended(process)
    assert time.monotonic() - started < 10
    assert ran.code == 130
    assert "Traceback" not in ran.err
    assert list(console.temp.iterdir()) == []


async def on_a_terminal(console: Console, *arguments: str, env: dict[str, str] | None = None) -> str:
    """What a terminal was sent, stdout and stderr together."""
    ours, theirs = pty.openpty()
    process = await console.start(*arguments, env=env, stdout=theirs, stderr=theirs)
    os.close(theirs)
    try:
        shown = await asyncio.to_thread(_read_all, ours)
        await process.wait()
    finally:
        if process.returncode is None:
            # The thread reads for as long as somebody has the other end.
            process.kill()
            await process.wait()
    return shown


def _read_all(descriptor: int) -> str:
    read = b""
    try:
        while chunk := os.read(descriptor, 65536):
            read += chunk
    except OSError:
        # How Linux says that the other side is gone.
        pass
    finally:
        os.close(descriptor)
    return read.decode()


async def test_a_terminal_gets_colours_and_progress_unless_it_wants_none(
    console: Console, repo: Repo, scripted: Scripted
) -> None:
    repo.write(WORK)
    model = scripted({"findings": [TWICE], "delay": 2.5})
    shown = await on_a_terminal(console, "--model", model, env={"TERM": "xterm-256color"})
    assert re.search(r"\x1b\[1;31mHigh", shown)
    assert re.search(r"model: read(ing, | )\d of 5", shown)
    plain = await on_a_terminal(console, "--model", model, env={"TERM": "xterm-256color", "NO_COLOR": "1"})
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]m", plain)
    assert "A retried webhook pays the customer twice" in plain


async def test_a_pipe_gets_neither(console: Console, repo: Repo, scripted: Scripted) -> None:
    repo.write(WORK)
    ran = await console.run("--model", scripted({"findings": []}), env={"TERM": "xterm-256color", "FORCE_COLOR": "1"})
    assert ran.err == ""
    assert "\x1b" not in ran.out


async def test_an_ascii_terminal_gets_what_it_can_show(console: Console, repo: Repo) -> None:
    repo.write({"ünï.py": "x = nowhere\n"})
    ran = await console.run(env={"PYTHONIOENCODING": "ascii"})
    assert ran.code == 1
    assert "?n?.py:1" in ran.out
