"""A sandbox as those see it who work in it: run a program, write files, read files."""

import io
import tarfile
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import PurePosixPath
from uuid import uuid4

from app.sandboxes.base import WORK, Access, Command, Ended, Output, Ran, SandboxGone, SandboxRef


class SandboxRoom:
    """Room over one sandbox. SandboxGone when it is not there any more."""

    def __init__(self, access: Access, ref: SandboxRef) -> None:
        self._access, self.ref = access, ref

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
        terminal: bool = False,
        watch: Callable[[bytes], None] | None = None,
    ) -> Ran:
        command = Command(
            exec_id=exec_id or uuid4().hex,
            argv=tuple(argv),
            cwd=cwd,
            env=dict(env or {}),
            stdin=stdin,
            within=within,
            output_bytes=output_bytes,
            terminal=terminal,
        )
        outputs, end = list[Output](), Ended(ending="lost", exit_code=None, output_bytes=0, seconds=0.0)
        async for event in self._access.run(self.ref, command):
            if isinstance(event, Ended):
                end = event
            else:
                outputs.append(event)
                if watch is not None:
                    watch(event.data)
        return Ran(ended=end, output=_joined(outputs))

    async def write(self, files: Mapping[str, bytes], folder: str = WORK) -> None:
        await self._access.put(self.ref, packed(files), folder)

    async def read(self, paths: Sequence[str], *, max_bytes: int = 10_000_000) -> Mapping[str, bytes]:
        return unpacked(await self._access.get(self.ref, paths, max_bytes), paths, max_bytes)


class RoomNotReady(Exception):
    """The sandbox is still being made: whoever needs it has to come back."""


class RoomToCome:
    """Stands for a sandbox that is not there yet, for those who may not need one."""

    async def run(self, argv: Sequence[str], **_: object) -> Ran:
        raise RoomNotReady(argv[0])

    async def write(self, files: Mapping[str, bytes], folder: str = WORK) -> None:
        raise RoomNotReady(f"{len(files)} files for {folder}")

    async def read(self, paths: Sequence[str], *, max_bytes: int = 10_000_000) -> Mapping[str, bytes]:
        raise RoomNotReady(f"{len(paths)} files of {max_bytes} bytes")


def packed(files: Mapping[str, bytes]) -> bytes:
    """A tar of plain files; what begins like a script may be run."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for path, content in files.items():
            info = tarfile.TarInfo(path)
            info.size, info.mode = len(content), 0o755 if content.startswith(b"#!") else 0o644
            tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


def unpacked(tar: bytes, paths: Sequence[str], max_bytes: int) -> Mapping[str, bytes]:
    """The plain files of a tar that somebody hostile may have made, by the paths asked for."""
    asked = {_inside(path): path for path in paths}
    found, left = dict[str, bytes](), max_bytes
    try:
        with tarfile.open(fileobj=io.BytesIO(tar), mode="r:") as entries:
            for entry in entries:
                # A file with holes is announced as small and read as terabytes.
                if entry.name in asked and entry.isreg() and not entry.issparse() and entry.size <= left:
                    content = entries.extractfile(entry)
                    found[asked[entry.name]] = content.read() if content else b""
                    left -= entry.size
    except (tarfile.TarError, ValueError, ArithmeticError, LookupError, EOFError) as error:
        raise SandboxGone("the sandbox sent no tar") from error
    return found


def _inside(path: str) -> str:
    """As the supervisor names it: whole, without the first slash."""
    return str(PurePosixPath("/", WORK, path)).removeprefix("/")


def _joined(outputs: Sequence[Output]) -> bytes:
    joined, at = bytearray(), 0
    for output in outputs:
        if output.offset > at:
            joined += f"\n[… {output.offset - at:,} bytes left out …]\n".encode()
        joined += output.data
        at = output.offset + len(output.data)
    return bytes(joined)
