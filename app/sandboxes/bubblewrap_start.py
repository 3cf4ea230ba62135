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
# As root, in a view of the files for this sandbox alone: what it is lent gets a place where its user can find it, for
# the folders above may be closed to it.
_LEND = (
    'mount -t tmpfs -o mode=755,size=64k none /mnt || exit; n=0; while [ "$1" != -- ]; do '
    'if [ -d "$1" ]; then mkdir /mnt/$n; else : > /mnt/$n; fi; mount --bind "$1" /mnt/$n || exit; '
    'n=$((n + 1)); shift; done; shift; exec "$@"'
)
_ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL": "C"}
_BACKLOG = 64
# How much of what bubblewrap complained about is told?
_SAID = 400
_NO_NAMESPACES = "(This system does not let bwrap make namespaces; allow it with an AppArmor profile, or use Docker.)"
_PROGRAMS = {"bwrap": "bubblewrap", "setpriv": "util-linux", "unshare": "util-linux", "mount": "mount", "sh": "dash"}
_PYTHONS = ("python3", "python3.14", "python3.13", "python3.12", "python3.11")


@cache
def missing() -> str:
    """What this machine lacks, as a sentence; empty when nothing is."""
    for program, package in _PROGRAMS.items():
        if not _program(program):
            return f"{program} is not installed; install the package {package}."
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

    def keep(self, descriptor: int) -> int:
        self.passed.append(descriptor)
        return descriptor

    def close(self) -> None:
        for descriptor in self.passed:
            os.close(descriptor)


async def start(
    folder: Path,
    uid: int | None,
    groups: Sequence[str],
    lent: Sequence[tuple[str, str]],
    descriptors: Descriptors,
    arguments: Sequence[str],
) -> None:
    """Returns when bubblewrap is on its way; whether it came to something, its supervisor tells. `lent` are things
    outside that are to be seen inside, read-only."""
    child = descriptors.keep(os.open(folder / "child.json", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
    rules = descriptors.contents(seccomp.program(seccomp.machine() or "x86_64"))
    lending, places = (
        _lending([outside for outside, _ in lent]) if uid is not None else ([], [pair[0] for pair in lent])
    )
    bound = [word for place, (_, inside) in zip(places, lent, strict=True) for word in ("--ro-bind", place, inside)]
    command = [
        *lending,
        *_as(uid),
        _program("bwrap"),
        "--info-fd",
        str(child),
        "--seccomp",
        str(rules),
        *bound,
        *arguments,
    ]
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


def _lending(things: Sequence[str]) -> tuple[list[str], list[str]]:
    """What is to be run before all else, and where bubblewrap finds each thing then."""
    if not things:
        return [], []
    words = [
        _program("unshare"),
        "--mount",
        "--propagation",
        "private",
        _program("sh"),
        "-c",
        _LEND,
        "sh",
        *things,
        "--",
    ]
    return words, [f"/mnt/{number}" for number in range(len(things))]


def complaint(folder: Path) -> str:
    """What was said before the supervisor took over."""
    try:
        said = (folder / "start.log").read_text(errors="replace")
    except FileNotFoundError:
        return ""
    # Ubuntu since 24.04 lets only programs it knows make namespaces, and says so in riddles.
    hint = _NO_NAMESPACES if "uid map" in said or "RTM_NEWADDR" in said or "creating new namespace" in said else ""
    return f"{' '.join(said.split())[:_SAID]} {hint}".strip()


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
