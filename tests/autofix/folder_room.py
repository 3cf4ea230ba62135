"""A room that is a folder of this machine: for tests of what is done in a room, not of the room's walls."""

import asyncio
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from app.sandboxes.base import WORK, Ended, Ending, Ran


@dataclass
class FolderRoom:
    """Commands run in the folder; one with an exec_id that ran already is not run again."""

    folder: Path
    # Where what ran is kept, so that it outlives this process as a sandbox does.
    ledger: Path | None = None
    ran: dict[str, Ran] = field(default_factory=dict[str, Ran])
    path: str = f"{Path(sys.base_prefix) / 'bin'}:/usr/bin:/bin"
    # What every command comes to, in place of running it.
    always: Ran | None = None
    # Every program that really ran.
    started: list[tuple[str, ...]] = field(default_factory=list[tuple[str, ...]])

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
        if self.always is not None:
            return self.always
        kept = self.ledger / exec_id if self.ledger and exec_id else None
        if kept is not None and kept.is_file():
            return Ran.model_validate_json(kept.read_bytes())
        if exec_id and exec_id in self.ran:
            return self.ran[exec_id]
        self.started.append(tuple(argv))
        done = await self._run(argv, self._inside(cwd), env or {}, stdin, within, output_bytes)
        if watch is not None:
            watch(done.output)
        if exec_id:
            self.ran[exec_id] = done
        if kept is not None:
            kept.write_text(done.model_dump_json())
        return done

    async def write(self, files: Mapping[str, bytes], folder: str = WORK) -> None:
        for name, data in files.items():
            path = self._inside(folder) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)

    async def read(self, paths: Sequence[str], *, max_bytes: int = 10_000_000) -> Mapping[str, bytes]:
        found = {path: self._inside(WORK) / path.removeprefix(f"{WORK}/") for path in paths}
        return {path: file.read_bytes()[:max_bytes] for path, file in found.items() if file.is_file()}

    def _inside(self, path: str) -> Path:
        return self.folder / path.removeprefix(WORK).lstrip("/")

    async def _run(
        self, argv: Sequence[str], cwd: Path, env: Mapping[str, str], stdin: bytes, within: timedelta, most: int
    ) -> Ran:
        began = time.monotonic()
        with tempfile.TemporaryFile() as output:
            process = await asyncio.create_subprocess_exec(
                *argv,
                cwd=cwd,
                env={"PATH": self.path, "PYTHONDONTWRITEBYTECODE": "1", **env},
                stdin=asyncio.subprocess.PIPE,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
            ending: Ending = "exited"
            try:
                async with asyncio.timeout(within.total_seconds()):
                    await process.communicate(stdin)
            except TimeoutError:
                ending = "timeout"
                os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
            output.seek(0)
            written = output.read()
        ended = Ended(
            ending=ending,
            exit_code=process.returncode if ending == "exited" else None,
            output_bytes=len(written),
            seconds=time.monotonic() - began,
        )
        return Ran(ended=ended, output=_cut(written, most))


def _cut(output: bytes, most: int) -> bytes:
    if len(output) <= most:
        return output
    return output[: most // 2] + b"\n[...]\n" + output[-most // 2 :]
