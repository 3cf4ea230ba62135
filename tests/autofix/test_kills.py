"""A worker that is killed at any point of an agent's work: at most one model call is paid twice, nothing is done twice."""

import asyncio
import json
import os
import re
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.domain.conversation import Message
from app.store.blobs import Blobs
from app.store.conversations import Conversations
from autofix.scripted_agent import ScriptedAgent
from tests.autofix.play import Play

ROOT = Path(__file__).parent.parent.parent
PROGRAM = Path(__file__).parent / "programs" / "agent_worker.py"
# Each appends: a command that ran twice would show.
STEPS = [
    {
        "say": f"Step {n}.",
        "calls": [
            {"tool": "run", "arguments": {"command": f"echo {n} >> steps.txt; cat steps.txt"}},
            {"tool": "edit", "arguments": {"path": "sums.py", "old": f"# {n}\n", "new": f"# {n + 1}\n"}},
        ],
    }
    for n in range(8)
]
SCRIPT = {
    "log": "calls.jsonl",
    "agents": [{"steps": [*STEPS, {"calls": [{"tool": "finish", "arguments": {"summary": "All eight."}}]}]}],
}
CALLS = len(STEPS) + 1


@dataclass
class Home:
    """What the worker leaves behind, however often it was killed."""

    folder: Path

    async def work(self, point: str = "") -> int:
        """Its exit code."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(PROGRAM), str(self.folder), *([point] if point else []), env=_environment()
        )
        return await process.wait()

    def calls(self) -> list[int]:
        """The steps that the model was asked for, in order."""
        return [json.loads(line)["step"] for line in (self.folder / "calls.jsonl").read_text().splitlines()]

    async def transcript(self) -> tuple[Message, ...]:
        head = (self.folder / "row").read_text().partition("\n")[0]
        return (await Conversations(Blobs(str(self.folder / "blobs"))).read(head)).messages


def _environment() -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}


def home_in(folder: Path) -> Home:
    folder.mkdir(exist_ok=True)
    (folder / "script.json").write_text(json.dumps(SCRIPT))
    (folder / "repo").mkdir()
    (folder / "repo" / "sums.py").write_text("x = 1\n# 0\n")
    return Home(folder)


async def undisturbed(folder: Path) -> tuple[Message, ...]:
    """What is said when nothing happens."""
    home = home_in(folder)
    play = Play(folder)
    model = ScriptedAgent(folder / "script.json")
    while (await play.chunk(model, steps=4)).end == "goes_on":
        pass
    assert home.calls() == list(range(CALLS))
    return await play.messages()


async def killed_at(folder: Path, *points: str) -> Home:
    home = home_in(folder)
    for point in points:
        assert await home.work(point) == -signal.SIGKILL, f"{point} was never reached"
    assert await home.work() == 0
    return home


def timeless(messages: tuple[Message, ...]) -> list[str]:
    """Without how long commands took."""
    return [re.sub(r", \d+ s\)", ")", message.model_dump_json()) for message in messages]


def points() -> list[str]:
    nth = range(1, CALLS)
    return [*(f"{kind}:{n}" for kind in ("asked", "answered") for n in nth), *(f"acted:{n}" for n in range(1, 17))]


async def test_a_killed_worker_repeats_at_most_one_model_call_and_no_act(tmp_path: Path) -> None:
    whole, (paid, home) = await asyncio.gather(undisturbed(tmp_path / "whole"), _thrice(tmp_path / "killed"))
    assert len(whole) == 1 + 3 * len(STEPS) + 1
    assert timeless(await home.transcript()) == timeless(whole)
    assert paid <= 1, "only the answer that was not yet written down"
    assert (home.folder / "repo" / "steps.txt").read_text().split() == [str(n) for n in range(8)]


async def _thrice(folder: Path) -> tuple[int, Home]:
    """Killed after an answer, after an act, and after something was written down; calls that were paid twice."""
    home = await killed_at(folder, "answered:4", "acted:5", "wrote:6")
    return len(home.calls()) - CALLS, home


@pytest.mark.soak
@pytest.mark.parametrize("point", [*points(), *(f"wrote:{n}" for n in range(1, 26))])
async def test_killed_at_every_point(tmp_path: Path, point: str) -> None:
    whole = await undisturbed(tmp_path / "whole")
    home = await killed_at(tmp_path / "killed", point)
    assert timeless(await home.transcript()) == timeless(whole)
    assert len(home.calls()) <= CALLS + 1
    assert (home.folder / "repo" / "steps.txt").read_text().split() == [str(n) for n in range(8)]
