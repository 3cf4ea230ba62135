"""The name in a TLS ClientHello, so that a tunnel to an allowed host cannot be used to talk to another behind it."""

from collections.abc import Iterator

_HANDSHAKE = 22
_CLIENT_HELLO = 1
_SERVER_NAME = 0
# Encrypted ClientHello: the name we would read is then not the one that is meant.
_HIDDEN_HELLO = 0xFE0D

# How long may a ClientHello be? Those with post-quantum keys are about 2 kB.
MAX_HELLO = 16 * 1024


class BadHello(Exception):
    """Not TLS, or a ClientHello without exactly one plain name; the text says which."""


def server_name(data: bytes) -> str | None:
    """The name asked for; None while the hello is not there as a whole."""
    hello = _hello(data)
    if hello is None:
        return None
    try:
        extensions = dict(_extensions(hello))
        if _HIDDEN_HELLO in extensions:
            raise BadHello("The TLS client hides the name it asks for.")
        if _SERVER_NAME not in extensions:
            raise BadHello("The TLS client names no server.")
        return _single_name(extensions[_SERVER_NAME])
    except (IndexError, UnicodeDecodeError):
        raise BadHello("The TLS greeting is malformed.") from None


def _hello(data: bytes) -> bytes | None:
    """The body of the handshake message, put together from as many records as it came in."""
    message, rest = b"", data
    while rest:
        if rest[0] != _HANDSHAKE or (len(rest) > 1 and rest[1] != 3):
            raise BadHello("Only TLS passes through a tunnel.")
        if len(rest) < 5:
            return None
        size = int.from_bytes(rest[3:5], "big")
        message, rest = message + rest[5 : 5 + size], rest[5 + size :]
        if message and message[0] != _CLIENT_HELLO:
            raise BadHello("TLS begins with another message than a ClientHello.")
        if len(message) >= 4 and len(message) >= 4 + int.from_bytes(message[1:4], "big"):
            return message[4 : 4 + int.from_bytes(message[1:4], "big")]
    return None


def _extensions(hello: bytes) -> Iterator[tuple[int, bytes]]:
    """Type and content of each; a type that comes twice is malformed."""
    # Version (2), random (32), then session, cipher suites and compression, each with its length before it.
    _, rest = _vector(hello[34:], 1)
    _, rest = _vector(rest, 2)
    _, rest = _vector(rest, 1)
    rest, _ = _vector(rest, 2)
    seen = set[int]()
    while rest:
        kind = int.from_bytes(rest[:2], "big")
        if kind in seen:
            raise BadHello("The TLS greeting is malformed.")
        seen.add(kind)
        content, rest = _vector(rest[2:], 2)
        yield kind, content


def _single_name(extension: bytes) -> str:
    names, after = _vector(extension, 2)
    name, others = _vector(names[1:], 2)
    if after or others or names[0] != 0:
        raise BadHello("The TLS client names more than one server.")
    return name.decode("ascii").lower()


def _vector(data: bytes, length_size: int) -> tuple[bytes, bytes]:
    """What a length of that many bytes announces, and what follows it; IndexError when it is not all there."""
    end = length_size + int.from_bytes(data[:length_size], "big")
    if len(data) < end or len(data) < length_size:
        raise IndexError
    return data[length_size:end], data[end:]
