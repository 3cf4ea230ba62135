"""PID 1 of a sandbox: runs what it is asked to by frames, buries the dead, and ends itself when nobody asks any more.

Standard library only, Python 3.11 or newer, one thread. It is run as `python -I -S …/supervisor.py SETTINGS`.
"""

import json
import os
import selectors
import signal
import socket
import sys
import time
from contextlib import suppress
from functools import partial
from types import FrameType
from typing import cast

if __name__ == "__main__":
    # Inside, the package of this name is nothing but these files.
    sys.path.insert(0, __file__.removesuffix("/app/sandboxes/inside/supervisor.py"))

from app.sandboxes.inside import limits as limiting
from app.sandboxes.inside import processes
from app.sandboxes.inside.commands import NotStarted, Request, Running
from app.sandboxes.inside.connections import Connection
from app.sandboxes.inside.frames import BadFrame, Frame, Header

# How often are limits looked at while something runs?
_TICK = 0.25
# How long is it tried to make room for a command where bombs left none, in seconds?
_ROOM_WITHIN = 2.0
# Of how many commands that are over is the output kept? A retry asks for one of the last.
_KEPT = 32
# How long may putting or getting files take?
_FILES_SECONDS = 600
_HOME = "/tmp/home"  # noqa: S108 — as in base.py; inside, where nobody else is
_READ, _WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE


class Supervisor:
    """Everything there is in the sandbox: commands, connections, and the time that is left."""

    def __init__(self, settings: Header, score: int) -> None:
        self._score = score
        self.limits = limiting.Limits(**cast("dict[str, int]", settings["limits"]))  # type: ignore[arg-type]  # a bool is an int
        self._wall = time.monotonic() + cast("float", settings["wall"])
        self._lease = time.monotonic() + cast("float", settings["lease"])
        self._selector = selectors.DefaultSelector()
        self._door = socket.socket(fileno=cast("int", settings["listen"]))
        self._door.setblocking(False)
        # What we start must not be able to listen in our place.
        self._door.set_inheritable(False)
        self._commands = dict[str, Running]()
        # How many files there were at the last look.
        self._files_seen = 0
        self._connections = set[Connection]()

    def run(self) -> None:
        wakes, woken = socket.socketpair()
        wakes.setblocking(False)
        woken.setblocking(False)
        signal.signal(signal.SIGCHLD, _wake)
        signal.set_wakeup_fd(woken.fileno(), warn_on_full_buffer=False)
        self._selector.register(wakes, _READ, partial(_empty, wakes))
        self._selector.register(self._door, _READ, self._enter)
        while time.monotonic() < min(self._wall, self._lease):
            for key, events in self._selector.select(self._pause()):
                key.data(events)
            self._bury()
            self._look_at_limits()
            self._tell()

    def _pause(self) -> float:
        """How long nothing may happen before something is due."""
        due = min(self._wall, self._lease) - time.monotonic()
        running = [one.deadline - time.monotonic() for one in self._running()]
        return max(0.0, min(due, *running, _TICK) if running or self.limits.watch else due)

    def _running(self) -> list[Running]:
        return [one for one in self._commands.values() if one.ended is None]

    def _enter(self, _events: int) -> None:
        with suppress(OSError):
            # Whoever called may be gone again.
            connection = Connection(self._door.accept()[0])
            self._connections.add(connection)
            self._selector.register(connection.socket, _READ, partial(self._hear, connection))

    def _hear(self, connection: Connection, events: int) -> None:
        if not events & _READ:
            # It can be written to again, which `_tell` does.
            return
        try:
            received = connection.receive()
        except BadFrame:
            received = None
        if received is None:
            self._leave(connection)
        elif received and not connection.asked:
            connection.asked = True
            try:
                self._serve(connection, received)
            except (LookupError, TypeError, ValueError, OSError) as error:
                # Not understood, or there is no descriptor or process left to do it with.
                connection.answer({"kind": "refused", "reason": repr(error)})

    def _leave(self, connection: Connection) -> None:
        self._connections.discard(connection)
        self._selector.unregister(connection.socket)
        connection.socket.close()

    def _serve(self, connection: Connection, received: list[Frame]) -> None:
        header, body = received[0]
        match header.get("op"):
            case "exec":
                self._execute(connection, header, body)
            case "kill":
                self._kill(self._commands.get(str(header["exec_id"])), "")
                connection.answer({"kind": "done"})
            case "put" | "get":
                self._files(connection, header, received[1:])
            case "hello" | "lease":
                if "seconds" in header:
                    self._lease = time.monotonic() + float(cast("float", header["seconds"]))
                connection.answer({"kind": "done"})
            case "leave":
                sys.exit(0)
            case unknown:
                connection.answer({"kind": "refused", "reason": f"unknown request {unknown!r}"})

    def _execute(self, connection: Connection, header: Header, stdin: bytes) -> None:
        """Start it, unless this exec_id was seen before; then tell the connection what it writes."""
        exec_id = str(header["exec_id"])
        connection.offset = int(cast("int", header["offset"]))
        if exec_id not in self._commands:
            wanted = {name: header[name] for name in Request._fields if name != "stdin"}
            # What was put here while nothing ran is nobody's flood.
            self._files_seen = max(self._files_seen, limiting.files())
            try:
                command = self._started(Request(stdin=stdin, **wanted))  # type: ignore[arg-type]  # from outside, where it is checked
            except NotStarted as error:
                connection.say({"kind": "output", "offset": 0}, error.said)
                connection.answer({"kind": "ended", **error.ended})
                return
            self._commands[exec_id] = command
            self._follow(command)
        connection.follows = self._commands[exec_id]

    def _started(self, request: Request) -> Running:
        """Raises NotStarted. Where there is no room for a process and no command runs, ended ones left a bomb: a first
        process may die of the limit before anybody saw it met, and its children go on. All that is left goes then."""
        until = time.monotonic() + _ROOM_WITHIN
        while True:
            try:
                return Running(request, self._score)
            except NotStarted as error:
                if error.ended["ending"] != "too_many_processes" or self._running() or time.monotonic() > until:
                    raise
            processes.kill(-1)
            # Whoever was killed takes up room until it is buried.
            time.sleep(0.005)
            self._bury()

    def _follow(self, command: Running) -> None:
        both = _WRITE if command.input == command.output else 0
        self._selector.register(command.output, _READ | both, partial(self._pump, command))
        if command.input is not None and not both:
            self._selector.register(command.input, _WRITE, partial(self._pump, command))

    def _pump(self, command: Running, events: int) -> None:
        if events & _WRITE and command.input is not None and not command.write():
            if command.input == command.output:
                self._selector.modify(command.output, _READ, partial(self._pump, command))
            else:
                self._selector.unregister(command.input)
            command.close_input()
        if events & _READ and not command.read():
            self._selector.unregister(command.output)
            os.close(command.output)

    def _kill(self, command: Running | None, why: str) -> None:
        if command is not None and command.ended is None:
            command.killed = why
            self._hunt(command)

    def _hunt(self, command: Running) -> None:
        others = frozenset(one.pid for one in self._running() if one is not command)
        processes.end(command.pid, command.started, others)

    def _files(self, connection: Connection, header: Header, early: list[Frame]) -> None:
        """Done by a child, whom a slow reader or a hostile folder holds up alone."""
        from app.sandboxes.inside import files  # only those sandboxes pay for it that need it

        if os.fork() != 0:
            self._leave(connection)
            return
        try:
            signal.set_wakeup_fd(-1)
            signal.alarm(_FILES_SECONDS)
            connection.socket.setblocking(True)
            if header["op"] == "put":
                files.put(connection.socket, early, connection.frames, str(header["folder"]))
            else:
                files.get(connection.socket, cast("list[str]", header["paths"]), int(cast("int", header["max_bytes"])))
        finally:
            os._exit(0)

    def _bury(self) -> None:
        """Everybody's orphans are ours."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            for command in self._running():
                if command.pid == pid:
                    command.finish(status)
                    if command.met_a_limit:
                        # What it left running would meet the same limit for the next command.
                        self._hunt(command)
                    self._forget_the_oldest()

    def _forget_the_oldest(self) -> None:
        over = [one for one in self._commands.values() if one.ended is not None]
        for command in over[:-_KEPT]:
            command.spool.forget()

    def _look_at_limits(self) -> None:
        running = self._running()
        for command in running:
            if time.monotonic() > command.deadline:
                self._kill(command, "timeout")
        met = limiting.noticed(self.limits, self._files_seen) if running or self.limits.watch else ""
        self._files_seen = limiting.files()
        for command in running:
            command.noticed = met or command.noticed

    def _tell(self) -> None:
        """Send everybody what is new to them."""
        for connection in tuple(self._connections):
            if connection.has_more:
                try:
                    over = connection.send()
                except OSError:
                    over = True
                if over:
                    self._leave(connection)
                else:
                    events = _READ | _WRITE if connection.has_more else _READ
                    self._selector.modify(connection.socket, events, partial(self._hear, connection))


def _wake(_number: int, _frame: FrameType | None) -> None:
    """Nothing but the byte that the wake-up descriptor gets."""


def _empty(wakes: socket.socket, _events: int) -> None:
    wakes.recv(4096)


def _quiet() -> None:
    """Whoever started us heard what there was to hear; from now on nobody reads it."""
    nothing = os.open("/dev/null", os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)


def main() -> None:
    score = limiting.keep_to_ourselves()
    settings: Header = json.loads(sys.argv[1])
    os.makedirs(_HOME, exist_ok=True)
    supervisor = Supervisor(settings, score)
    limiting.apply(supervisor.limits)
    _quiet()
    supervisor.run()


if __name__ == "__main__":
    main()
