"""What goes over the wire between a client and a fake: a request as it arrived, an answer as it leaves."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl


@dataclass(frozen=True)
class Request:
    """A request as it arrived; header names are lower-case, the body is whole."""

    method: str
    path: str
    query_string: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(self.query_string, keep_blank_values=True))


@dataclass(frozen=True)
class Answer:
    """An answer: JSON when `data` is set, else the raw content."""

    status: int = 200
    data: object = None
    content: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])

    def rendered(self) -> tuple[int, dict[str, str], bytes]:
        if self.data is None:
            return self.status, dict(self.headers), self.content
        body = json.dumps(self.data, separators=(",", ":")).encode()
        return self.status, {"content-type": "application/json; charset=utf-8", **self.headers}, body


@dataclass(frozen=True)
class Seen:
    """A line of the request log; `path` is by owner and name, status 0 a connection that was cut."""

    method: str
    path: str
    status: int
    account: str


class ConnectionCut(Exception):
    """A script wants the connection to end here without an answer."""


class AnswerCut(Exception):
    """A script wants the answer to end in the middle."""

    def __init__(self, answer: Answer) -> None:
        super().__init__("cut")
        self.answer = answer
