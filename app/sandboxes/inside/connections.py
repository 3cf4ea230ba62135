"""The supervisor's end of a connection: what was asked, and what still has to be said."""

import socket

from app.sandboxes.inside.commands import Running
from app.sandboxes.inside.frames import CHUNK, Frame, Frames, Header, pack


class Connection:
    """One request and its answers. Whoever is slow to read holds up nobody else."""

    def __init__(self, of: socket.socket) -> None:
        of.setblocking(False)
        self.socket = of
        self.frames = Frames()
        self.asked = False
        self._out = memoryview(b"")
        # The command it listens to, and how far it has heard.
        self.follows: Running | None = None
        self.offset = 0
        self.last = False

    def receive(self) -> list[Frame] | None:
        """Frames that are complete; None when the other side is gone."""
        try:
            data = self.socket.recv(CHUNK)
        except BlockingIOError:
            return []
        except OSError:
            return None
        return list(self.frames.feed(data)) if data else None

    def say(self, header: Header, body: bytes = b"") -> None:
        self._out = memoryview(bytes(self._out) + pack(header, body))

    def answer(self, header: Header) -> None:
        """The last that is said."""
        self.say(header)
        self.last = True

    def send(self) -> bool:
        """Send what there is; True when all was said that ever will be. OSError when the other side is gone."""
        while self._out or self._more():
            try:
                self._out = self._out[self.socket.send(self._out) :]
            except BlockingIOError:
                return False
        return self.last

    @property
    def has_more(self) -> bool:
        return bool(self._out) or self._more()

    def _more(self) -> bool:
        """Take the next piece of what it listens to."""
        if self.follows is None or self.last:
            return False
        ended = self.follows.ended
        at, data = self.follows.spool.read(self.offset, CHUNK, ended=ended is not None)
        if data:
            self.offset = at + len(data)
            self._out = memoryview(pack({"kind": "output", "offset": at}, data))
        elif ended is not None:
            self.answer({"kind": "ended", **ended})
        return bool(self._out)
