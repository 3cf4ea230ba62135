"""Works on an agent until its end, in a process that a test can have killed at a point of its choice.

agent_worker.py HOME [POINT]    POINT: asked:3, answered:3, acted:3, wrote:3 (of the third of its kind)
"""

import asyncio
import os
import signal
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path

from app.domain.agents import Spending
from app.domain.conversation import Answered
from app.llm.talk import Hear, TalkRequest
from app.sandboxes.base import WORK, Ran
from autofix.scripted_agent import ScriptedAgent
from tests.autofix.folder_room import FolderRoom
from tests.autofix.play import Play, Row

Reached = Counter[str]


class Killer:
    """Ends this process, as a power failure would, when a point is reached for the nth time."""

    def __init__(self, point: str) -> None:
        self.kind, _, nth = point.partition(":")
        self.nth = int(nth or 0)
        self.reached: Counter[str] = Counter()

    def at(self, kind: str) -> None:
        self.reached[kind] += 1
        if kind == self.kind and self.reached[kind] == self.nth:
            os.kill(os.getpid(), signal.SIGKILL)


class KilledAgent(ScriptedAgent):
    killer: Killer

    async def talk(self, request: TalkRequest, hear: Hear) -> Answered:
        self.killer.at("asked")
        answered = await super().talk(request, hear)
        self.killer.at("answered")
        return answered


class KilledRoom(FolderRoom):
    killer: Killer

    async def run(
        self,
        argv: Sequence[str],
        *,
        exec_id: str = "",
        cwd: str = WORK,
        env: Mapping[str, str] | None = None,
        stdin: bytes = b"",
        within: timedelta = timedelta(minutes=5),
        output_bytes: int = 200_000,
        watch: Callable[[bytes], None] | None = None,
    ) -> Ran:
        ran = await super().run(
            argv,
            exec_id=exec_id,
            cwd=cwd,
            env=env,
            stdin=stdin,
            within=within,
            output_bytes=output_bytes,
            watch=watch,
        )
        self.killer.at("acted")
        return ran


class FileRow(Row):
    """The agent's row in a file."""

    file: Path
    killer: Killer

    async def advance(self, *, after: str, head: str, spent: Spending) -> bool:
        going = await super().advance(after=after, head=head, spent=spent)
        written = self.file.with_suffix(".new")
        written.write_text(f"{head}\n{spent.model_dump_json()}")
        written.replace(self.file)
        self.killer.at("wrote")
        return going

    def load(self) -> None:
        if self.file.is_file():
            self.head, _, spent = self.file.read_text().partition("\n")
            self.spent = Spending.model_validate_json(spent)


async def main(home: Path, point: str) -> None:
    killer = Killer(point)
    row = FileRow()
    row.file, row.killer = home / "row", killer
    row.load()
    play = Play(home, row=row)
    (home / "ledger").mkdir(exist_ok=True)
    room = KilledRoom(play.repo, ledger=home / "ledger")
    room.killer = killer
    play.room = room
    model = KilledAgent(home / "script.json")
    model.killer = killer
    while (await play.chunk(model, steps=4)).end == "goes_on":
        pass


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else ""))
