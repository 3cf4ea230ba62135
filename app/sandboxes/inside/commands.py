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
    """No process could be made: the ending says which limit was met."""

    def __init__(self, ending: str) -> None:
        super().__init__(ending)
        self.ending = ending


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
    said, says = os.pipe()
    if request.terminal:
        outside, inside = os.openpty()
        fcntl.ioctl(inside, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
        stdin, stdout, ours, to_it = inside, inside, outside, outside
    else:
        ours, stdout = os.pipe()
        stdin, to_it = os.pipe()
    # When memory runs out a command goes, not PID 1; what is forked inherits the score.
    os.pwrite(score, b"1000", 0)
    try:
        pid = os.fork()
    except OSError as error:
        os.pwrite(score, b"0", 0)
        for descriptor in {said, says, stdin, stdout, ours, to_it}:
            os.close(descriptor)
        raise NotStarted("too_many_processes" if error.errno == errno.EAGAIN else "out_of_memory") from error
    if pid == 0:
        _become(request, stdin, stdout)
    os.pwrite(score, b"0", 0)
    for descriptor in {says, stdin, stdout}:
        os.close(descriptor)
    # Until the program runs, or cannot be run: either closes the child's end.
    os.read(said, 1)
    os.close(said)
    os.set_blocking(ours, False)
    os.set_blocking(to_it, False)
    return ours, to_it, pid


def _become(request: Request, stdin: int, stdout: int) -> None:
    """In the child: turn into the program, or say why not and end as a shell would."""
    try:
        os.setsid()
        if request.terminal:
            fcntl.ioctl(stdin, termios.TIOCSCTTY, 0)
        for target, descriptor in enumerate((stdin, stdout, stdout)):
            os.dup2(descriptor, target)
        for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGCHLD, signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        signal.set_wakeup_fd(-1)
        os.chdir(request.cwd)
        os.execvpe(request.argv[0], request.argv, request.env)  # noqa: S606 — there is no shell to be wanted
    except OSError as error:
        name = request.argv[0] if error.filename != request.cwd else request.cwd
        os.write(2, f"{name}: {os.strerror(error.errno or 0)}\n".encode(errors="replace"))
        os._exit(127 if error.errno == errno.ENOENT else 126)
    finally:
        os._exit(126)
