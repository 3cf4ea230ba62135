"""A model provider on localhost that speaks the OpenAI-compatible protocol, in good and in bad weather."""

import json
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal

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
]

KEY = "sk-test-0123456789abcdef-x7Q"


@dataclass
class LlmServer:
    """What it answers, and what it was asked."""

    url: str
    answer: str = '{"findings": []}'
    weather: Weather = "normal"
    requests: list[dict[str, object]] = field(default_factory=list[dict[str, object]])
    authorizations: list[str] = field(default_factory=list[str])


@contextmanager
def llm_server(weather: Weather = "normal", answer: str = '{"findings": []}') -> Generator[LlmServer]:
    """The server, on a free port, until the end of the block."""

    class Handler(_Handler):
        server_state = LlmServer(url="")

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    httpd.daemon_threads = True
    state = LlmServer(url=f"http://127.0.0.1:{httpd.server_port}/v1", answer=answer, weather=weather)
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
        body = self.rfile.read(int(self.headers.get("content-length", "0")))
        state.requests.append(json.loads(body))
        state.authorizations.append(self.headers.get("authorization", ""))
        self.close_connection = True
        self._weather(state)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Silent."""

    def _weather(self, state: LlmServer) -> None:  # noqa: PLR0912, C901 - one row a weather
        match state.weather:
            case "normal":
                self._complete(state.answer)
            case "empty":
                self._complete("")
            case "429":
                self._send(429, _error("rate_limit_exceeded"), {"retry-after": "7"})
            case "429 date":
                self._send(429, _error("rate_limit_exceeded"), {"retry-after": self.date_time_string(time.time() + 60)})
            case "quota":
                self._send(429, _error("insufficient_quota"))
            case "529":
                self._send(529, _error("overloaded_error"))
            case "500" | "503":
                self._send(int(state.weather), _error("server_error"))
            case "401":
                self._send(401, _error("invalid_api_key"))
            case "404":
                self._send(404, _error("model_not_found"))
            case "400 context":
                self._send(400, _error("context_length_exceeded"))
            case "no schema":
                if "response_format" in state.requests[-1]:
                    self._send(400, _error("unknown_parameter"))
                else:
                    self._complete(state.answer)
            case "hang":
                time.sleep(3)
            case "truncated":
                self._send(200, b'{"id": "x", "object": "chat.comple')
            case "not json":
                self._send(200, b"<html>gateway</html>")
            case "reset":
                self.connection.close()
            case "refusal":
                self._complete(None, refusal="I cannot help with that.")
            case "filter":
                self._complete("", finish_reason="content_filter")
            case "cut off":
                self._complete('{"findings": [{"title": "x', finish_reason="length")
            case "redirect":
                self._send(307, b"", {"location": "/v1/elsewhere"})

    def _complete(self, text: str | None, *, refusal: str | None = None, finish_reason: str = "stop") -> None:
        message = {"role": "assistant", "content": text, "refusal": refusal}
        completion = {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1_700_000_000,
            "model": "test-model",
            "choices": [{"index": 0, "message": message, "finish_reason": finish_reason}],
            "usage": {"prompt_tokens": 120, "completion_tokens": 30, "total_tokens": 150},
        }
        self._send(200, json.dumps(completion).encode())

    def _send(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"content-type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _error(code: str) -> bytes:
    message = f"This happened: {code}. Your prompt was SECRET-PROMPT-TEXT."
    return json.dumps({"error": {"message": message, "type": code, "code": code}}).encode()
