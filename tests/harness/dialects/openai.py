"""Chat completions, as OpenAI and everybody compatible speak them."""

from collections.abc import Iterator

from pydantic import JsonValue

from tests.harness.dialects.base import (
    INPUT_TOKENS,
    OUTPUT_TOKENS,
    QUOTED,
    Object,
    Refusal,
    Said,
    Trouble,
    first_name,
    server_sent,
)

_COMMON: Object = {"id": "chatcmpl-1", "created": 1_700_000_000, "model": "test-model"}
_USAGE: Object = {
    "prompt_tokens": INPUT_TOKENS,
    "completion_tokens": OUTPUT_TOKENS,
    "total_tokens": INPUT_TOKENS + OUTPUT_TOKENS,
}
_FINISH = {"stop": "stop", "length": "length", "filter": "content_filter", "refusal": "stop"}
_TROUBLE: dict[Trouble, tuple[int, str]] = {
    "429": (429, "rate_limit_exceeded"),
    "quota": (429, "insufficient_quota"),
    "529": (529, "overloaded_error"),
    "500": (500, "server_error"),
    "503": (503, "server_error"),
    "401": (401, "invalid_api_key"),
    "404": (404, "model_not_found"),
    "400 context": (400, "context_length_exceeded"),
}


class OpenAI:
    stream_type = "text/event-stream"

    def output_tool(self, request: Object) -> str:
        return first_name(request.get("tools"), "function", "name")

    def wants_schema(self, request: Object) -> bool:
        return "response_format" in request

    def whole(self, said: Said) -> Object:
        message: Object = {"role": "assistant", "content": said.text, "refusal": None}
        if said.finish == "refusal":
            message |= {"content": None, "refusal": said.text}
        if said.tool:
            message |= {"content": None, "tool_calls": [_call(said.tool, said.text)]}
        choice: JsonValue = {"index": 0, "message": message, "finish_reason": _finish(said)}
        return {**_COMMON, "object": "chat.completion", "choices": [choice], "usage": _USAGE}

    def events(self, said: Said) -> Iterator[bytes]:
        first, second = said.pieces
        deltas: list[Object] = [{"role": "assistant", "content": first}, {"content": second}]
        if said.tool:
            rest: JsonValue = {"index": 0, "function": {"arguments": second}}
            deltas = [{"tool_calls": [{"index": 0, **_call(said.tool, first)}]}, {"tool_calls": [rest]}]
        if said.finish == "refusal":
            deltas = [{"role": "assistant", "refusal": said.text}]
        for delta in deltas:
            yield _chunk([{"index": 0, "delta": delta, "finish_reason": None}])
        yield _chunk([{"index": 0, "delta": {}, "finish_reason": _finish(said)}])
        yield server_sent({**_COMMON, "object": "chat.completion.chunk", "choices": [], "usage": _USAGE})
        yield b"data: [DONE]\n\n"

    def refusal(self, trouble: Trouble) -> Refusal:
        status, code = _TROUBLE[trouble]
        return Refusal(status, {"error": {"message": f"{code}. {QUOTED}", "type": code, "code": code}}, {})


def _call(tool: str, arguments: str) -> Object:
    return {"id": "call-1", "type": "function", "function": {"name": tool, "arguments": arguments}}


def _finish(said: Said) -> str:
    return "tool_calls" if said.tool and said.finish == "stop" else _FINISH[said.finish]


def _chunk(choices: list[JsonValue]) -> bytes:
    return server_sent({**_COMMON, "object": "chat.completion.chunk", "choices": choices})
