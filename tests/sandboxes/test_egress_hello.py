"""The name in a TLS greeting, read from real greetings and from hostile ones."""

import ssl
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as some

from app.sandboxes.egress_hello import BadHello, server_name


def greeting(name: str | None) -> bytes:
    """What a real TLS client says first."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.create_default_context()
    context.check_hostname = name is not None
    client = context.wrap_bio(incoming, outgoing, server_hostname=name)
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


def in_records(hello: bytes, size: int) -> bytes:
    """The same message cut into smaller records, as a client may."""
    body = hello[5:]
    parts = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(hello[:3] + len(part).to_bytes(2, "big") + part for part in parts)


def with_extension(hello: bytes, kind: int, content: bytes) -> bytes:
    """A greeting with one more extension, all lengths mended."""
    body = hello[9:]
    at = 34 + 1 + body[34]
    at += 2 + int.from_bytes(body[at : at + 2], "big")
    at += 1 + body[at]
    extensions = body[at + 2 :] + kind.to_bytes(2, "big") + len(content).to_bytes(2, "big") + content
    body = body[:at] + len(extensions).to_bytes(2, "big") + extensions
    message = b"\x01" + len(body).to_bytes(3, "big") + body
    return hello[:3] + len(message).to_bytes(2, "big") + message


def test_the_name_of_a_real_client_is_read() -> None:
    assert server_name(greeting("Registry.Example")) == "registry.example"


def test_the_name_is_read_however_the_greeting_is_cut() -> None:
    hello = greeting("registry.example")
    assert server_name(in_records(hello, 7)) == "registry.example"
    assert [server_name(hello[:size]) for size in range(len(hello))] == [None] * len(hello)
    assert server_name(hello + b"\x14\x03\x03\x00\x01\x01") == "registry.example"


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"SSH-2.0-OpenSSH_9.2\r\n", "Only TLS"),
        (b"GET / HTTP/1.1\r\n", "Only TLS"),
        (b"\x16\x03\x01\x00\x04\x02\x00\x00\x00", "another message"),
        (greeting(None), "names no server"),
        (with_extension(greeting("registry.example"), 0xFE0D, b"\x00"), "hides"),
        (with_extension(greeting("registry.example"), 0, b"\x00\x00"), "malformed"),
        (greeting("registry.example")[:44] + b"\xff" * 600, "malformed"),
    ],
    ids=["SSH", "HTTP", "not a ClientHello", "no name", "encrypted hello", "a second name", "lengths that lie"],
)
def test_what_names_no_server_plainly_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(BadHello, match=why):
        server_name(data)


REAL = greeting("registry.example")


@given(some.binary(max_size=300))
def test_no_greeting_breaks_the_reader(noise: bytes) -> None:
    hello = bytearray(REAL)
    hello[60 : 60 + len(noise)] = noise
    for data in (noise, b"\x16\x03\x01" + noise, bytes(hello)):
        # It reads a name, waits for more, or refuses; any other exception is what this looks for.
        with suppress(BadHello):
            assert isinstance(server_name(data), str | None)
