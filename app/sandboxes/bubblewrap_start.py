"""How bubblewrap is started: as a user that is nobody, in its control groups, and outliving whoever started it."""

import asyncio
import os
import shutil
import socket
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from app.sandboxes import seccomp
from app.sandboxes.base import NotDone
from app.sandboxes.link import Streams

# Joins the groups, then lets bubblewrap go: the sandbox belongs to the machine's init and lives on when we are killed.
_SCRIPT = 'while [ "$1" != -- ]; do echo 0 > "$1/cgroup.procs" || exit 3; shift; done; shift; "$@" &'
_ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C"}
_BACKLOG = 64
# How much of what bubblewrap complained about is told?
_SAID = 400
_PYTHONS = ("python3", "python3.14", "python3.13", "python3.12", "python3.11")


@cache
def missing() -> str:
    """What this machine lacks, as a sentence; empty when nothing is."""
    for program, package in (("bwrap", "bubblewrap"), ("setpriv", "util-linux"), ("sh", "dash")):
        if not _program(program):
            return f"{program} is not installed (package {package})."
    if seccomp.machine() is None:
        return "System calls can be filtered on x86-64 and arm64 only."
    if not python():
        return "No Python 3.11 or newer below /usr, which the sandbox could use."
    return ""


@cache
def python() -> str:
    """A Python that can be seen inside, where nothing but /usr of this machine is."""
    for name in _PYTHONS:
        path = _program(name)
        if path and _version(path) >= (3, 11):
            return path
    return ""


def _program(name: str) -> str:
    return shutil.which(name, path=_ENVIRONMENT["PATH"]) or ""


def _version(path: str) -> tuple[int, ...]:
    """By the name of the file it really is (python3.11), without running it."""
    digits = Path(path).resolve().name.removeprefix("python").split(".")
    return tuple(int(part) for part in digits if part.isdigit())


class Descriptors:
    """What bubblewrap is handed open: contents of files, and the socket its supervisor listens at."""

    def __init__(self) -> None:
        self.passed: list[int] = []

    def contents(self, data: bytes) -> int:
        descriptor = self.keep(os.memfd_create("corrigent"))
        os.write(descriptor, data)
        os.lseek(descriptor, 0, os.SEEK_SET)
        return descriptor

    def bound(self, pairs: Sequence[tuple[str, str]], *, by_name: bool) -> list[str]:
        """Read-only mounts of things outside at places inside. By descriptor, the user that bubblewrap runs as need not
        be let into the folders above them."""
        words = list[str]()
        for outside, inside in pairs:
            if by_name:
                words += ["--ro-bind", outside, inside]
            else:
                words += ["--ro-bind-fd", str(self.keep(os.open(outside, os.O_PATH))), inside]
        return words

    def keep(self, descriptor: int) -> int:
        self.passed.append(descriptor)
        return descriptor

    def close(self) -> None:
        for descriptor in self.passed:
            os.close(descriptor)


async def start(
    folder: Path, uid: int | None, groups: Sequence[str], descriptors: Descriptors, arguments: Sequence[str]
) -> None:
    """Returns when bubblewrap is on its way; whether it came to something, its supervisor tells."""
    child = descriptors.keep(os.open(folder / "child.json", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
    rules = descriptors.contents(seccomp.program(seccomp.machine() or "x86_64"))
    command = [*_as(uid), _program("bwrap"), "--info-fd", str(child), "--seccomp", str(rules), *arguments]
    with (folder / "start.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *(_program("sh"), "-c", _SCRIPT, "sh", *groups, "--", *command),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=_ENVIRONMENT,
            cwd="/",
            pass_fds=descriptors.passed,
            start_new_session=True,
        )
    if await process.wait() != 0:
        raise NotDone(f"The sandbox could not be put into its control groups. {complaint(folder)}".strip())


def complaint(folder: Path) -> str:
    """What was said before the supervisor took over."""
    try:
        said = (folder / "start.log").read_text(errors="replace")
    except FileNotFoundError:
        return ""
    return " ".join(said.split())[:_SAID]


def listen(folder: Path) -> int:
    """A socket in the sandbox's own folder, where nobody inside can put another in its place."""
    with socket.socket(socket.AF_UNIX) as listening, _short(folder) as short:
        listening.bind(f"{short}/control")
        listening.listen(_BACKLOG)
        return listening.detach()


async def connect(folder: Path) -> Streams:
    with _short(folder) as short:
        return await asyncio.open_unix_connection(f"{short}/control")


def machine_bytes() -> int:
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _as(uid: int | None) -> list[str]:
    """Never as root: bubblewrap keeps its caller's user, and root's own is not one to be kept inside."""
    if uid is None:
        return []
    return [
        *(_program("setpriv"), "--reuid", str(uid), "--regid", str(uid), "--clear-groups"),
        *("--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"),
    ]


@contextmanager
def _short(folder: Path) -> Generator[str]:
    """The folder by a short name: the path of a socket may have 107 characters, those of people's homes have more."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)
