"""One command inside a sandbox: how it is started, what it writes, and how it ended."""

import errno
import fcntl
import os
import signal
import struct
import termios
import time
from typing import Literal, NamedTuple

from app.sandboxes.inside import limits, processes
from app.sandboxes.inside.frames import Header
from app.sandboxes.inside.spool import Spool

# The size of the terminal a command gets when it asks for one.
COLUMNS, LINES = 120, 40
_READ = 256 * 1024
# How much is read at most after a command's end of what it left in the pipe? What it started may write on for ever.
_LAST_READ = 4 * 1024**2
# Which Python ignores or handles, and programs do not expect to be ignored.
_DEFAULT_SIGNALS = (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGCHLD, signal.SIGINT, signal.SIGTERM)

# What is done with descriptors between the start of a process and its program.
Actions = list[tuple[int, ...] | tuple[int, int, str, int, int]]


class Request(NamedTuple):
    exec_id: str
    argv: list[str]
    cwd: str
    env: dict[str, str]
    stdin: bytes
    within: float
    output_bytes: int
    terminal: bool


class NotStarted(Exception):
    """There is no process; what is told instead of its end."""

    def __init__(self, ending: str, exit_code: int | None, said: str) -> None:
        super().__init__(said or ending)
        self.said = said.encode(errors="replace")
        self.ended: Header = {"ending": ending, "exit_code": exit_code, "output_bytes": len(self.said), "seconds": 0.0}


class Running:
    """A command from its start to its end, and afterwards what is kept of it."""

    def __init__(self, request: Request, score: int) -> None:
        self.exec_id = request.exec_id
        self.spool = Spool(request.output_bytes)
        self.began = time.monotonic()
        self.deadline = self.began + request.within
        self.started = processes.ticks_now()
        self.counted = limits.counters()
        # Which limit was seen to be met while it ran; why we killed it, when we did.
        self.noticed = self.killed = ""
        # As `Ended` of the outside, set once.
        self.ended: Header | None = None
        self._stdin = memoryview(request.stdin)
        self.input: int | None
        self.output, self.input, self.pid = _start(request, score)
        if not self._stdin:
            self.close_input()

    def read(self) -> bool:
        """Take what is there; False when there will never be more."""
        return self._read(_READ) is not False

    def write(self) -> bool:
        """Give the command what it may read, as far as it takes it now; False when there is nothing more."""
        try:
            self._stdin = self._stdin[os.write(self.input or 0, self._stdin[:_READ]) :]
        except BlockingIOError:
            return True
        except OSError:
            # It does not care to read.
            return False
        return bool(self._stdin)

    def close_input(self) -> None:
        if self.input is not None and self.input != self.output:
            os.close(self.input)
        self.input = None

    def finish(self, status: int) -> None:
        """The process is gone: what it left in the pipe is read, and its end is decided."""
        left = _LAST_READ
        while left > 0 and (got := self._read(min(left, _READ))):
            left -= got
        code = os.waitstatus_to_exitcode(status)
        self.ended = {
            "ending": self._ending(code),
            "exit_code": code if code >= 0 else None,
            "output_bytes": self.spool.total,
            "seconds": round(time.monotonic() - self.began, 3),
        }

    @property
    def met_a_limit(self) -> bool:
        return self.ended is not None and self.ended["ending"] in {"out_of_memory", "too_many_processes"}

    def _ending(self, code: int) -> str:
        """A limit counts only for a command that failed: one that lived with it is simply done."""
        if code == 0:
            return "exited"
        if code == -signal.SIGXFSZ:
            return "disk_full"
        return limits.met_since(self.counted) or self.noticed or self.killed or ("exited" if code > 0 else "signalled")

    def _read(self, limit: int) -> int | Literal[False] | None:
        """How much was read; None when there is nothing now, False when there never will be."""
        try:
            data = os.read(self.output, limit)
        except BlockingIOError:
            return None
        except OSError:
            # A terminal whose programs are all gone.
            return False
        if not data:
            return False
        if self.ended is None:
            self.spool.add(data)
        return len(data)


def _start(request: Request, score: int) -> tuple[int, int, int]:
    """Where its output is read, where its input is written, and the process."""
    if request.terminal:
        ours, inside = os.openpty()
        fcntl.ioctl(inside, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
        to_it, theirs = ours, [inside]
        # Opened by the leader of a session, it becomes the terminal of that session.
        actions: Actions = [(os.POSIX_SPAWN_OPEN, 0, os.ttyname(inside), os.O_RDWR, 0)]
        actions += [(os.POSIX_SPAWN_DUP2, 0, 1)]
    else:
        ours, stdout = os.pipe()
        stdin, to_it = os.pipe()
        theirs = [stdin, stdout]
        actions = [(os.POSIX_SPAWN_DUP2, stdin, 0), (os.POSIX_SPAWN_DUP2, stdout, 1)]
    try:
        pid = _spawn(request, [*actions, (os.POSIX_SPAWN_DUP2, 1, 2)], score)
    except BaseException:
        for descriptor in {ours, to_it}:
            os.close(descriptor)
        raise
    finally:
        for descriptor in theirs:
            os.close(descriptor)
    os.set_blocking(ours, False)
    os.set_blocking(to_it, False)
    return ours, to_it, pid


def _spawn(request: Request, actions: Actions, score: int) -> int:
    """Not by fork(), which costs six times as much here. Raises NotStarted."""
    # When memory runs out a command goes, not PID 1; what is started inherits the score.
    os.pwrite(score, b"1000", 0)
    try:
        os.chdir(request.cwd)
        program = _found(request.argv[0], request.env.get("PATH", ""))
        return os.posix_spawn(
            program, request.argv, request.env, file_actions=actions, setsid=True, setsigdef=_DEFAULT_SIGNALS
        )
    except OSError as error:
        raise _not_started(error, request.argv[0]) from error
    finally:
        os.pwrite(score, b"0", 0)
        os.chdir("/")


def _found(name: str, path: str) -> str:
    if "/" in name:
        return name
    for folder in path.split(":"):
        if folder and os.path.isfile(f"{folder}/{name}") and os.access(f"{folder}/{name}", os.X_OK):
            return f"{folder}/{name}"
    raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)


def _not_started(error: OSError, name: str) -> NotStarted:
    """As a shell would end, unless a limit was met."""
    if error.errno in {errno.EAGAIN, errno.ENOMEM}:
        return NotStarted("too_many_processes" if error.errno == errno.EAGAIN else "out_of_memory", None, "")
    told = f"{error.filename or name}: {os.strerror(error.errno or 0)}\n"
    return NotStarted("exited", 127 if error.errno == errno.ENOENT else 126, told)
