"""Messages, as Anthropic speaks them."""

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

_FINISH = {"stop": "end_turn", "length": "max_tokens", "filter": "refusal", "refusal": "refusal"}
_TROUBLE: dict[Trouble, tuple[int, str, str]] = {
    "429": (429, "rate_limit_error", "Too many requests."),
    "quota": (400, "billing_error", "Your credit balance is too low."),
    "529": (529, "overloaded_error", "Overloaded"),
    "500": (500, "api_error", "Internal server error"),
    "503": (503, "api_error", "Unavailable"),
    "401": (401, "authentication_error", "invalid x-api-key"),
    "404": (404, "not_found_error", "model: test-model"),
    "400 context": (400, "invalid_request_error", "prompt is too long: 300000 tokens > 200000 maximum"),
}


class Anthropic:
    stream_type = "text/event-stream"

    def output_tool(self, request: Object) -> str:
        return first_name(request.get("tools"), "name")

    def wants_schema(self, request: Object) -> bool:
        return "output_format" in request or "output_config" in request

    def whole(self, said: Said) -> Object:
        content: Object = {"type": "text", "text": said.text}
        if said.tool:
            content = {"type": "tool_use", "id": "call-1", "name": said.tool, "input": said.arguments}
        refused = said.finish in {"filter", "refusal"}
        usage: Object = {"input_tokens": INPUT_TOKENS, "output_tokens": OUTPUT_TOKENS}
        return {**_message(), "content": [] if refused else [content], "stop_reason": _finish(said), "usage": usage}

    def events(self, said: Said) -> Iterator[bytes]:
        begun: Object = {**_message(), "content": [], "usage": {"input_tokens": INPUT_TOKENS, "output_tokens": 1}}
        yield _event("message_start", message=begun)
        begins: Object = {"type": "text", "text": ""}
        if said.tool:
            begins = {"type": "tool_use", "id": "call-1", "name": said.tool, "input": {}}
        yield _event("content_block_start", index=0, content_block=begins)
        for piece in said.pieces:
            delta: Object = {"type": "text_delta", "text": piece}
            if said.tool:
                delta = {"type": "input_json_delta", "partial_json": piece}
            yield _event("content_block_delta", index=0, delta=delta)
        yield _event("content_block_stop", index=0)
        ends: Object = {"stop_reason": _finish(said), "stop_sequence": None}
        yield _event("message_delta", delta=ends, usage={"output_tokens": OUTPUT_TOKENS})
        yield _event("message_stop")

    def refusal(self, trouble: Trouble) -> Refusal:
        status, kind, message = _TROUBLE[trouble]
        return Refusal(status, {"type": "error", "error": {"type": kind, "message": f"{message} {QUOTED}"}}, {})


def _message() -> Object:
    return {
        **{"id": "msg_1", "type": "message", "role": "assistant", "model": "test-model"},
        **{"stop_reason": None, "stop_sequence": None},
    }


def _finish(said: Said) -> str:
    return "tool_use" if said.tool and said.finish == "stop" else _FINISH[said.finish]


def _event(kind: str, **fields: JsonValue) -> bytes:
    return server_sent({"type": kind, **fields}, kind)
