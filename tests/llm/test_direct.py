"""Conversations with tools over real HTTP: what is sent, what is heard while it comes, and each kind of trouble."""

import asyncio
import json
import ssl
import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from pydantic import JsonValue

from app.domain.conversation import Answered, Message, Opening, Result, Told, ToolCall
from app.domain.errors import RateLimited, UserError
from app.llm.chat import ModelRefused, ModelUnavailable, PromptTooLong
from app.llm.direct import open_talking_model
from app.llm.models import ModelAccess, ModelSpec
from app.llm.talk import TalkRequest, ToolSpec
from tests.harness.llm_server import KEY, Weather, llm_server
from tests.harness.tls import own_certificate

READ = ToolSpec(
    name="read",
    description="Read a file.",
    schema={"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]},
)
OPENING = Opening(instructions="You mend.", text="SECRET-PROMPT-TEXT: mend finding 2.")
PNG = b"\x89PNG\r\n\x1a\nnot really"


@dataclass
class Streaming:
    """A provider that streams: what it sends, piece by piece, and what it was asked."""

    url: str
    pieces: Sequence[dict[str, JsonValue]]
    # None: it says nothing more and keeps the connection.
    finish: str | None = "stop"
    requests: list[dict[str, JsonValue]] = field(default_factory=list[dict[str, JsonValue]])
    left: threading.Event = field(default_factory=threading.Event)


@contextmanager
def streaming(*pieces: dict[str, JsonValue], finish: str | None = "stop") -> Generator[Streaming]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            server.requests.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.close_connection = True
            self.send_response(200)
            self.send_header("content-type", "text/event-stream")
            self.end_headers()
            for piece in server.pieces:
                self._send({"choices": [{"index": 0, "delta": piece, "finish_reason": None}]})
            if server.finish is None:
                # Until the other side goes.
                self.connection.recv(1)
                server.left.set()
                return
            self._send({"choices": [{"index": 0, "delta": {}, "finish_reason": server.finish}]})
            self._send({"choices": [], "usage": USAGE})
            self.wfile.write(b"data: [DONE]\n\n")

        def _send(self, event: dict[str, JsonValue]) -> None:
            whole = {"id": "c-1", "object": "chat.completion.chunk", "created": 1, "model": "test-model", **event}
            self.wfile.write(b"data: " + json.dumps(whole).encode() + b"\n\n")
            self.wfile.flush()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            """Silent."""

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    httpd.daemon_threads = True
    server = Streaming(f"http://127.0.0.1:{httpd.server_port}/v1", pieces, finish)
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        httpd.shutdown()
        httpd.server_close()
        thread.join()


USAGE: dict[str, JsonValue] = {
    "prompt_tokens": 120,
    "completion_tokens": 30,
    "total_tokens": 150,
    "prompt_tokens_details": {"cached_tokens": 100},
}


def part_of_call(**function: str) -> dict[str, JsonValue]:
    named: dict[str, JsonValue] = {"id": "call-1", "type": "function"} if "name" in function else {}
    return {"tool_calls": [{"index": 0, "function": dict(function), **named}]}


async def talk(
    url: str,
    *messages: Message,
    heard: list[str] | None = None,
    spec: str = "openai-compatible:test-model",
    **request: object,
) -> Answered:
    access = ModelAccess(api_key=KEY, base_url=url, deadline=timedelta(seconds=30))
    model = open_talking_model(ModelSpec.parse(spec), access)
    whole = TalkRequest(messages=messages or (OPENING,), tools=(READ,), **request)  # pyright: ignore[reportArgumentType] - a test names them right
    try:
        return await model.talk(whole, (heard if heard is not None else []).append)
    finally:
        await model.close()


async def test_an_answer_is_heard_as_it_comes_and_its_calls_are_read() -> None:
    pieces: list[dict[str, JsonValue]] = [
        {"role": "assistant", "content": "I look "},
        {"content": "at it."},
        part_of_call(name="read", arguments='{"path": '),
        part_of_call(arguments='"sums.py"}'),
    ]
    heard: list[str] = []
    with streaming(*pieces, finish="tool_calls") as server:
        answered = await talk(server.url, heard=heard)
    assert answered == Answered(
        text="I look at it.",
        calls=(ToolCall(call_id="call-1", name="read", arguments='{"path":"sums.py"}'),),
        input_tokens=120,
        output_tokens=30,
        cached_tokens=100,
    )
    assert heard == ["I look ", "at it."]


async def test_the_whole_conversation_is_sent_in_its_order() -> None:
    call = ToolCall(call_id="call-1", name="read", arguments='{"path":"sums.py"}')
    picture = ToolCall(call_id="call-2", name="screenshot", arguments="{}")
    messages = (
        OPENING,
        Answered(text="I look.", calls=(call, picture)),
        Result(call_id="call-1", tool="read", text="def add", failed=True),
        Result(call_id="call-2", tool="screenshot", text="A picture.", picture_key="k"),
        Told(reason="hint", text="5 steps are left."),
        Answered(),
        Told(reason="hint", text="Go on."),
    )
    with streaming({"content": "Yes."}) as server:
        await talk(server.url, *messages, pictures={"k": PNG}, max_output_tokens=777)
    (request,) = server.requests
    sent = request["messages"]
    assert isinstance(sent, list)
    assert [(one["role"], one.get("tool_call_id")) for one in sent if isinstance(one, dict)][:5] == [
        ("system", None),
        ("user", None),
        ("assistant", None),
        ("tool", "call-1"),
        ("tool", "call-2"),
    ]
    assert isinstance(sent[3], dict)
    assert "def add" in str(sent[3]["content"])
    assert "image/png;base64" in json.dumps(sent)
    assert json.dumps(sent).count("(empty)") == 1
    assert [one["function"]["name"] for one in request["tools"]] == ["read"]  # type: ignore[index,union-attr,call-overload] - read as it was sent
    assert 777 in request.values()


@pytest.mark.parametrize(
    ("weather", "error", "says"),
    [
        ("500", ModelUnavailable, "model answered 500"),
        ("reset", ModelUnavailable, "model's server sent a broken answer"),
        ("429", RateLimited, "model limit until"),
        ("401", UserError, "openai-compatible: 401, the key ends in …x7Q"),
        ("400 context", PromptTooLong, "too long for the model"),
    ],
)
async def test_trouble_has_one_meaning(weather: Weather, error: type[Exception], says: str) -> None:
    with llm_server(weather) as server, pytest.raises(error) as caught:
        await talk(server.url)
    assert str(caught.value).startswith(says)
    assert len(server.requests) == 1
    assert "SECRET" not in str(caught.value.__cause__)


async def test_a_filtered_answer_is_a_refusal_and_a_long_one_says_so() -> None:
    with streaming({"content": ""}, finish="content_filter") as server, pytest.raises(ModelRefused):
        await talk(server.url)
    with streaming({"content": "On and on"}, finish="length") as server:
        assert (await talk(server.url)).cut_off


async def test_cancelling_leaves_the_connection() -> None:
    heard: list[str] = []
    with streaming({"content": "Well"}, finish=None) as server:
        work = asyncio.create_task(talk(server.url, heard=heard))
        async with asyncio.timeout(10):
            while not heard:
                await asyncio.sleep(0.01)
            work.cancel()
            with pytest.raises(asyncio.CancelledError):
                await work
            assert await asyncio.to_thread(server.left.wait, 10)


async def test_signed_thoughts_go_back_as_they_came() -> None:
    """Anthropic's and others' are refused when they come back changed."""
    pieces: list[dict[str, JsonValue]] = [{"role": "assistant", "reasoning_content": "Hm."}, {"content": "Yes."}]
    with streaming(*pieces) as server:
        answered = await talk(server.url)
        assert answered.text == "Yes."
        assert "Hm." in answered.native
        await talk(server.url, OPENING, answered, Told(reason="hint", text="Go on."))
    assert "Yes." in json.dumps(server.requests[1]["messages"])


async def test_where_a_cache_has_to_be_asked_for_it_is() -> None:
    pytest.importorskip("anthropic", reason="needs the extra 'anthropic'")
    told = Told(reason="hint", text="Go on.")
    with llm_server("500") as server, pytest.raises(ModelUnavailable):
        await talk(server.url, OPENING, Answered(text="Yes."), told, spec="anthropic:test-model")
    (request,) = server.requests
    assert "cache_control" in json.dumps(request["system"]), "tools and instructions"
    assert "cache_control" in json.dumps({name: value for name, value in request.items() if name != "system"})


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ssl.SSLContext]:
    file = tmp_path_factory.mktemp("tls") / "own.pem"
    return file, own_certificate(file)


@pytest.mark.parametrize("name", ["openai:m", "anthropic:m", "google:m", "bedrock:m"])
@pytest.mark.parametrize("weather", ["normal", "cut off", "filter", "truncated", "reset", "429", "529", "401"])
async def test_every_protocol_streams(name: str, weather: Weather, certificate: tuple[Path, ssl.SSLContext]) -> None:
    file, tls = certificate
    spec = ModelSpec.parse(name)
    with llm_server(weather, '{"path": "sums.py"}', tls if spec.provider == "bedrock" else None) as server:
        access = ModelAccess(api_key=KEY, base_url=server.address(spec.provider), ca_file=str(file), region="eu-west-1")
        model = open_talking_model(spec, access)
        try:
            if error := STREAMED.get(weather):
                with pytest.raises(error):
                    await model.talk(TalkRequest(messages=(OPENING,), tools=(READ,)), lambda _: None)
            else:
                answered = await model.talk(TalkRequest(messages=(OPENING,), tools=(READ,)), lambda _: None)
                (call,) = answered.calls
                assert (call.name, answered.cut_off) == ("read", weather == "cut off")
                assert weather == "cut off" or json.loads(call.arguments) == {"path": "sums.py"}
                assert (answered.input_tokens, answered.output_tokens) == (120, 30)
        finally:
            await model.close()
    assert len(server.requests) == 1


STREAMED: dict[Weather, type[Exception]] = {
    "filter": ModelRefused,
    "truncated": ModelUnavailable,
    "reset": ModelUnavailable,
    "429": RateLimited,
    "529": RateLimited,
    "401": UserError,
}


async def test_a_script_of_reviews_cannot_use_tools() -> None:
    with pytest.raises(UserError, match="cannot use tools"):
        open_talking_model(ModelSpec.parse("scripted:/nowhere.json"))
