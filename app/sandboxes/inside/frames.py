"""How a sandbox's supervisor and those outside speak: frames, each a JSON header and some bytes."""

import json
import struct
from collections.abc import Iterator
from typing import cast

# Before each frame: how long its header is, and how long the bytes after it.
SIZES = struct.Struct("!II")
# The largest header (an argument list fits), and the most bytes in one frame.
MAX_HEADER = 2 * 1024**2
MAX_BODY = 16 * 1024**2
# How much is sent at once of something long?
CHUNK = 256 * 1024

Header = dict[str, object]
Frame = tuple[Header, bytes]


class BadFrame(Exception):
    """What came is no frame; the other side is broken or hostile, and the connection is of no more use."""


def pack(header: Header, body: bytes = b"") -> bytes:
    text = json.dumps(header, separators=(",", ":")).encode()
    if len(text) > MAX_HEADER or len(body) > MAX_BODY:
        raise BadFrame("too large to be sent")
    return SIZES.pack(len(text), len(body)) + text + body


def sizes(start: bytes) -> tuple[int, int]:
    """What follows the first eight bytes; nothing larger than allowed is ever waited for."""
    header, body = SIZES.unpack(start)
    if header > MAX_HEADER or body > MAX_BODY:
        raise BadFrame("too large to be read")
    return header, body


def parse(text: bytes) -> Header:
    try:
        header = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadFrame("not JSON") from error
    if not isinstance(header, dict):
        raise BadFrame("not an object")
    return cast("Header", header)


class Frames:
    """Bytes as they come in, frames as they are complete."""

    def __init__(self) -> None:
        self._held = bytearray()

    def feed(self, data: bytes) -> Iterator[Frame]:
        self._held += data
        while len(self._held) >= SIZES.size:
            header, body = sizes(bytes(self._held[: SIZES.size]))
            end = SIZES.size + header + body
            if len(self._held) < end:
                return
            whole = bytes(self._held[SIZES.size : end])
            del self._held[:end]
            yield parse(whole[:header]), whole[header:]
