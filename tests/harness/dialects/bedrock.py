"""Converse, as Amazon Bedrock speaks it; its streams are binary."""

import json
import struct
import zlib
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
)

_FINISH = {"stop": "end_turn", "length": "max_tokens", "filter": "content_filtered", "refusal": "guardrail_intervened"}
_USAGE: Object = {
    "inputTokens": INPUT_TOKENS,
    "outputTokens": OUTPUT_TOKENS,
    "totalTokens": INPUT_TOKENS + OUTPUT_TOKENS,
}
_TROUBLE: dict[Trouble, tuple[int, str, str]] = {
    "429": (429, "ThrottlingException", "Too many requests, please wait before trying again."),
    "quota": (400, "ServiceQuotaExceededException", "Your account's quota is used up."),
    "529": (503, "ServiceUnavailableException", "The model is overloaded."),
    "500": (500, "InternalServerException", "The system encountered an unexpected error."),
    "503": (503, "ServiceUnavailableException", "Bedrock is unable to process your request."),
    "401": (403, "UnrecognizedClientException", "The security token included in the request is invalid."),
    "404": (404, "ResourceNotFoundException", "The model could not be found."),
    "400 context": (400, "ValidationException", "Input is too long for requested model."),
}


class Bedrock:
    stream_type = "application/vnd.amazon.eventstream"

    def output_tool(self, request: Object) -> str:
        asked = request.get("toolConfig")
        return first_name(asked.get("tools") if isinstance(asked, dict) else None, "toolSpec", "name")

    def wants_schema(self, request: Object) -> bool:
        return "outputConfig" in request

    def whole(self, said: Said) -> Object:
        content: Object = {"text": said.text}
        if said.tool:
            content = {"toolUse": {"toolUseId": "call-1", "name": said.tool, "input": said.arguments}}
        message: JsonValue = {"role": "assistant", "content": [content]}
        return {
            **{"output": {"message": message}, "stopReason": _finish(said)},
            **{"usage": _USAGE, "metrics": {"latencyMs": 1}},
        }

    def events(self, said: Said) -> Iterator[bytes]:
        yield _event("messageStart", {"role": "assistant"})
        if said.tool:
            begins: JsonValue = {"toolUse": {"toolUseId": "call-1", "name": said.tool}}
            yield _event("contentBlockStart", {"contentBlockIndex": 0, "start": begins})
        for piece in said.pieces:
            delta: JsonValue = {"toolUse": {"input": piece}} if said.tool else {"text": piece}
            yield _event("contentBlockDelta", {"contentBlockIndex": 0, "delta": delta})
        yield _event("contentBlockStop", {"contentBlockIndex": 0})
        yield _event("messageStop", {"stopReason": _finish(said)})
        yield _event("metadata", {"usage": _USAGE, "metrics": {"latencyMs": 1}})

    def refusal(self, trouble: Trouble) -> Refusal:
        status, kind, message = _TROUBLE[trouble]
        return Refusal(status, {"message": f"{message} {QUOTED}"}, {"x-amzn-errortype": kind})


def _finish(said: Said) -> str:
    return "tool_use" if said.tool and said.finish == "stop" else _FINISH[said.finish]


def _event(kind: str, payload: Object) -> bytes:
    """A frame: lengths and their checksum, headers, payload, checksum of everything."""
    names = {":message-type": "event", ":event-type": kind, ":content-type": "application/json"}
    headers = b"".join(_header(name, value) for name, value in names.items())
    body = json.dumps(payload).encode()
    lengths = struct.pack(">II", len(headers) + len(body) + 16, len(headers))
    frame = lengths + struct.pack(">I", zlib.crc32(lengths)) + headers + body
    return frame + struct.pack(">I", zlib.crc32(frame))


def _header(name: str, value: str) -> bytes:
    text = 7
    return struct.pack(">B", len(name)) + name.encode() + struct.pack(">BH", text, len(value)) + value.encode()
