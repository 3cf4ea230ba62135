"""A model provider on localhost that speaks whichever protocol it is spoken to in, in good and in bad weather."""

import json
import ssl
import threading
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal, TypeGuard, get_args

from tests.harness.dialects.anthropic import Anthropic
from tests.harness.dialects.base import QUOTED, Dialect, Object, Refusal, Said, Trouble
from tests.harness.dialects.bedrock import Bedrock
from tests.harness.dialects.google import Google
from tests.harness.dialects.openai import OpenAI

Weather = Literal[
    "normal",
    "429",
    "429 date",
    "quota",
    "529",
    "500",
    "503",
    "hang",
    "truncated",
    "not json",
    "reset",
    "refusal",
    "filter",
    "cut off",
    "401",
    "404",
    "400 context",
    "no schema",
    "redirect",
    "empty",
    "huge",
]

KEY = "sk-test-0123456789abcdef-x7Q"


@dataclass
class LlmServer:
    """What it answers, and what it was asked."""

    # With the version that OpenAI's protocol has in its address.
    url: str
    answer: str = '{"findings": []}'
    weather: Weather = "normal"
    requests: list[dict[str, object]] = field(default_factory=list[dict[str, object]])
    authorizations: list[str] = field(default_factory=list[str])

    def address(self, provider: str) -> str:
        """What is set as the address of this provider's server."""
        return self.url if provider in {"openai", "ollama", "openai-compatible"} else self.url.removesuffix("/v1")


@contextmanager
def llm_server(
    weather: Weather = "normal", answer: str = '{"findings": []}', tls: ssl.SSLContext | None = None
) -> Generator[LlmServer]:
    """The server, on a free port, until the end of the block."""

    class Handler(_Handler):
        server_state = LlmServer(url="")

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    httpd.daemon_threads = True
    if tls:
        httpd.socket = tls.wrap_socket(httpd.socket, server_side=True)
    host = "https://localhost" if tls else "http://127.0.0.1"
    state = LlmServer(url=f"{host}:{httpd.server_port}/v1", answer=answer, weather=weather)
    Handler.server_state = state
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        httpd.shutdown()
        httpd.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_state: LlmServer

    def do_POST(self) -> None:
        state = self.server_state
        request: Object = json.loads(self.rfile.read(int(self.headers.get("content-length", "0"))))
        state.requests.append(dict(request))
        state.authorizations.append(_key(self.headers))
        self.close_connection = True
        dialect = next(dialect for path, dialect in _DIALECTS.items() if path in self.path)
        streamed = bool(request.get("stream")) or "stream" in self.path.rpartition("/")[2]
        self._answer(state, dialect, request, streamed=streamed)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Silent."""

    def _answer(self, state: LlmServer, dialect: Dialect, request: Object, *, streamed: bool) -> None:
        weather = state.weather
        if weather == "429 date":
            self._refuse(dialect.refusal("429"), self.date_time_string(time.time() + 60))
        elif _is_trouble(weather):
            self._refuse(dialect.refusal(weather), "7" if weather == "429" else "")
        elif weather == "no schema" and dialect.wants_schema(request):
            self._send(400, _unknown_parameter())
        else:
            self._say(state, dialect, request, streamed=streamed)

    def _say(self, state: LlmServer, dialect: Dialect, request: Object, *, streamed: bool) -> None:
        weather = state.weather
        said = replace(_SAYS.get(weather, Said(state.answer)), tool=dialect.output_tool(request))
        if weather in {"refusal", "filter", "empty"}:
            said = replace(said, tool="")
        body = b"".join(dialect.events(said)) if streamed else json.dumps(dialect.whole(said)).encode()
        content_type = dialect.stream_type if streamed else "application/json"
        match weather:
            case "hang":
                time.sleep(3)
            case "reset":
                self.connection.close()
            case "redirect":
                self._send(307, b"", {"location": "/v1/elsewhere"})
            case "truncated":
                self._send(200, body[: len(body) // 3], {"content-type": content_type})
            case "not json":
                self._send(200, b"<html>gateway</html>")
            case _:
                self._send(200, body, {"content-type": content_type})

    def _refuse(self, refusal: Refusal, retry_after: str) -> None:
        later = {"retry-after": retry_after} if retry_after else {}
        self._send(refusal.status, json.dumps(refusal.body).encode(), {**refusal.headers, **later})

    def _send(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"content-type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        # Or the next question meets a connection that is about to be closed.
        self.send_header("connection", "close")
        self.end_headers()
        self.wfile.write(body)


# A part of the path says which protocol is spoken.
_DIALECTS: Mapping[str, Dialect] = {
    "/chat/completions": OpenAI(),
    "/messages": Anthropic(),
    "/v1beta/models/": Google(),
    "/model/": Bedrock(),
}
_SAYS: Mapping[str, Said] = {
    "empty": Said(""),
    "cut off": Said('{"findings": [{"title": "x', finish="length"),
    "refusal": Said("I cannot help with that.", finish="refusal"),
    "filter": Said("", finish="filter"),
    "huge": Said('{"findings": ["' + "x" * 3_000_000 + '"]}'),
}


def _is_trouble(weather: Weather) -> TypeGuard[Trouble]:
    return weather in get_args(Trouble)


def _key(headers: Message) -> str:
    return headers.get("authorization") or headers.get("x-api-key") or headers.get("x-goog-api-key") or ""


def _unknown_parameter() -> bytes:
    error = {"message": f"unknown_parameter. {QUOTED}", "type": "unknown_parameter", "code": "unknown_parameter"}
    return json.dumps({"error": error}).encode()
