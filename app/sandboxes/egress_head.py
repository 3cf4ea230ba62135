"""The head of a request to the proxy, read so strictly that nobody behind us can read it differently."""

import re
from dataclasses import dataclass

from app.sandboxes.egress_names import plain_name, plain_port

# How long may a head be? The longest of package managers is under 2 kB.
MAX_HEAD = 16 * 1024

_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_REQUEST_LINE = re.compile(rb"(" + _TOKEN + rb") ([!-~]+) HTTP/1\.[01]")
# Neither folded lines, nor space before the colon, nor control characters: what smuggling is made of.
_FIELD = re.compile(rb"(" + _TOKEN + rb"):[ \t]*([\t -~\x80-\xff]*)")
_ABSOLUTE = re.compile(r"http://([^/?#]*)(/[^#]*|\?[^#]*)?", re.IGNORECASE)
# Between a client and its proxy, never for the server behind it.
_HOP_BY_HOP = {
    *("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer"),
    *("transfer-encoding", "upgrade", "host", "content-length", "expect", "forwarded", "via", "x-forwarded-for"),
}


class BadHead(Exception):
    """A request we do not understand, or that two readers could understand differently; the text says why."""


@dataclass(frozen=True, kw_only=True)
class RequestHead:
    """Where a request wants to go: `CONNECT name:port` (then `target` is empty) or `GET http://name:port/target`."""

    method: str
    name: str
    port: int
    target: str = ""
    fields: tuple[tuple[str, str], ...] = ()

    @property
    def is_tunnel(self) -> bool:
        return self.method == "CONNECT"


def read_head(raw: bytes) -> RequestHead:
    """`raw` goes up to and with the empty line; BadHead for anything unusual."""
    lines = raw.removesuffix(b"\r\n\r\n").split(b"\r\n")
    line = _REQUEST_LINE.fullmatch(lines[0])
    if not line:
        raise BadHead("The request line is not one of HTTP/1.1.")
    method, target = line[1].decode("ascii"), line[2].decode("ascii")
    fields = tuple(_field(one) for one in lines[1:])
    if method == "CONNECT":
        name, port = _authority(target, default_port=None)
        return RequestHead(method=method, name=name, port=port, fields=fields)
    return _plain(method, target, fields)


def forwarded(
    head: RequestHead, *, added: tuple[tuple[str, str], ...] = (), without: tuple[str, ...] = (), host: str = ""
) -> bytes:
    """The request as its server gets it: one on its connection, and without a word between client and proxy."""
    replaced = {name.lower() for name, _ in added} | {*without} | _HOP_BY_HOP | _named_by_connection(head)
    kept = tuple((name, value) for name, value in head.fields if name.lower() not in replaced)
    authority = host or (head.name if head.port == 80 else f"{head.name}:{head.port}")
    lines = (("Host", authority), *kept, *added, ("Connection", "close"))
    text = "".join(f"{name}: {value}\r\n" for name, value in lines)
    return f"{head.method} {head.target} HTTP/1.1\r\n{text}\r\n".encode("latin-1")


def _plain(method: str, url: str, fields: tuple[tuple[str, str], ...]) -> RequestHead:
    if method not in {"GET", "HEAD"}:
        raise BadHead("Without TLS only GET and HEAD pass.")
    parts = _ABSOLUTE.fullmatch(url)
    if not parts:
        raise BadHead("The address is not of the form http://name/path.")
    for name, value in fields:
        if name.lower() == "transfer-encoding" or (name.lower() == "content-length" and value != "0"):
            raise BadHead("Without TLS no request has a body.")
    name, port = _authority(parts[1], default_port=80)
    path = parts[2] or "/"
    target = path if path.startswith("/") else f"/{path}"
    return RequestHead(method=method, name=name, port=port, target=target, fields=fields)


def _authority(text: str, *, default_port: int | None) -> tuple[str, int]:
    host, colon, digits = text.partition(":")
    name = plain_name(host)
    port = plain_port(digits) if colon else default_port
    if name is None or port is None:
        raise BadHead("The destination is not a plain name with a port.")
    return name, port


def _field(line: bytes) -> tuple[str, str]:
    found = _FIELD.fullmatch(line)
    if not found:
        raise BadHead("A header line is malformed.")
    return found[1].decode("ascii"), found[2].rstrip(b" \t").decode("latin-1")


def _named_by_connection(head: RequestHead) -> set[str]:
    named = (value for name, value in head.fields if name.lower() == "connection")
    return {word.strip().lower() for value in named for word in value.split(",")}
