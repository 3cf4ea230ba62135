"""What a command wrote: its beginning and its end are kept, the middle only counted."""


class Spool:
    """Keeps at most `limit` bytes, half of them from the beginning and half from the end."""

    def __init__(self, limit: int) -> None:
        self._head_limit = limit // 2
        self._tail_limit = limit - limit // 2
        self._head = bytearray()
        self._tail = bytearray()
        self.total = 0

    def add(self, data: bytes) -> None:
        self.total += len(data)
        room = self._head_limit - len(self._head)
        if room > 0:
            self._head += data[:room]
            data = data[room:]
        self._tail += data
        # Cut only now and then: moving the tail at every write would cost a flood's length squared.
        if len(self._tail) > 2 * self._tail_limit + 65536:
            del self._tail[: len(self._tail) - self._tail_limit]

    def read(self, offset: int, limit: int, *, ended: bool) -> tuple[int, bytes]:
        """The next kept bytes at or after `offset`, and where they are; no bytes when there are none (yet)."""
        if offset < len(self._head):
            return offset, bytes(self._head[offset : offset + limit])
        if not ended:
            return offset, b""
        # How many of the tail's bytes are within the limit; what was before them is left out.
        kept = min(len(self._tail), self._tail_limit)
        begin = max(offset, self.total - kept)
        at = len(self._tail) - (self.total - begin)
        return begin, bytes(self._tail[at : at + limit])

    def forget(self) -> None:
        self._head, self._tail = bytearray(), bytearray()
        self._head_limit = self._tail_limit = 0
