"""Requests to the proxy: what two servers could read differently is refused, what passes is said anew."""

import pytest

from app.sandboxes.egress_head import BadHead, forwarded, read_head


def head(*lines: str) -> bytes:
    return "\r\n".join((*lines, "", "")).encode("latin-1")


def test_a_tunnel_is_a_name_and_a_port() -> None:
    read = read_head(head("CONNECT Registry.Example:443 HTTP/1.1", "Host: registry.example:443"))
    assert (read.method, read.name, read.port, read.is_tunnel) == ("CONNECT", "registry.example", 443, True)


def test_a_plain_request_is_said_anew_for_its_server() -> None:
    read = read_head(
        head(
            "GET http://Apt.Example:8080/pool/a.deb?x=1 HTTP/1.1",
            "Host: other.example",
            "Accept: */*",
            "Proxy-Authorization: Basic eA==",
            "Connection: keep-alive, X-Secret",
            "X-Secret: 1",
            "Cookie: a=b",
        )
    )
    assert (read.name, read.port) == ("apt.example", 8080)
    assert forwarded(read, without=("cookie",)) == head(
        "GET /pool/a.deb?x=1 HTTP/1.1", "Host: apt.example:8080", "Accept: */*", "Connection: close"
    )


def test_what_is_added_replaces_what_the_client_sent() -> None:
    read = read_head(head("GET http://packages.example HTTP/1.1", "AUTHORIZATION: Basic mine"))
    assert forwarded(read, added=(("Authorization", "Bearer ours"),)) == head(
        "GET / HTTP/1.1", "Host: packages.example", "Authorization: Bearer ours", "Connection: close"
    )


@pytest.mark.parametrize(
    "lines",
    [
        ("CONNECT registry.example HTTP/1.1",),
        ("CONNECT registry.example:443/path HTTP/1.1",),
        ("CONNECT registry.example:443@evil.test:443 HTTP/1.1",),
        ("CONNECT user:secret@registry.example:443 HTTP/1.1",),
        ("CONNECT 2130706433:443 HTTP/1.1",),
        ("CONNECT [::1]:443 HTTP/1.1",),
        ("CONNECT 127.0.0.1:443 HTTP/1.1",),
        ("CONNECT b\xfccher.example:443 HTTP/1.1",),
        ("CONNECT registry.example:00443 HTTP/1.1",),
        ("CONNECT  registry.example:443 HTTP/1.1",),
        ("CONNECT registry.example:443 HTTP/2.0",),
        ("CONNECT registry.example:443",),
        ("GET / HTTP/1.1", "Host: registry.example"),
        ("GET https://registry.example/ HTTP/1.1",),
        ("GET ftp://registry.example/ HTTP/1.1",),
        ("GET http://user@registry.example/ HTTP/1.1",),
        ("GET http://registry.example#@evil.test/ HTTP/1.1",),
        ("GET http://registry.example\\@evil.test/ HTTP/1.1",),
        ("GET http://169.254.169.254/latest/meta-data HTTP/1.1",),
        ("POST http://registry.example/ HTTP/1.1", "Content-Length: 0"),
        ("GET http://registry.example/ HTTP/1.1", "Content-Length: 5"),
        ("GET http://registry.example/ HTTP/1.1", "Content-Length: 0", "Transfer-Encoding: chunked"),
        ("GET http://registry.example/ HTTP/1.1", "Transfer-Encoding: xchunked"),
        ("GET http://registry.example/ HTTP/1.1", "Transfer-Encoding : chunked"),
        ("GET http://registry.example/ HTTP/1.1", "X: 1\nTransfer-Encoding: chunked"),
        ("GET http://registry.example/ HTTP/1.1", "X: 1", " folded"),
        ("GET http://registry.example/ HTTP/1.1", "X: \x00"),
        ("GET http://registry.example/ HTTP/1.1", ": nameless"),
        ("GET http://registry.example/ HTTP/1.1\nHost: evil.test",),
        ("", "GET http://registry.example/ HTTP/1.1"),
    ],
    ids=lambda lines: ascii(lines)[:70],
)
def test_a_request_that_could_be_read_in_two_ways_is_refused(lines: tuple[str, ...]) -> None:
    with pytest.raises(BadHead):
        read_head(head(*lines))
