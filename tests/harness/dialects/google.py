"""generateContent, as the Gemini API speaks it."""

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

_FINISH = {"stop": "STOP", "length": "MAX_TOKENS", "filter": "SAFETY", "refusal": "PROHIBITED_CONTENT"}
_KEY: JsonValue = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}
_LATER: JsonValue = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "7s"}
_A_DAY: JsonValue = {
    "@type": "type.googleapis.com/google.rpc.QuotaFailure",
    "violations": [{"quotaId": "GenerateRequestsPerDayPerProjectPerModel-FreeTier"}],
}
_TROUBLE: dict[Trouble, tuple[int, str, str, tuple[JsonValue, ...]]] = {
    "429": (429, "RESOURCE_EXHAUSTED", "Resource has been exhausted.", (_LATER,)),
    "quota": (429, "RESOURCE_EXHAUSTED", "You exceeded your current quota.", (_A_DAY,)),
    "529": (503, "UNAVAILABLE", "The model is overloaded. Please try again later.", ()),
    "500": (500, "INTERNAL", "An internal error has occurred.", ()),
    "503": (503, "UNAVAILABLE", "The service is currently unavailable.", ()),
    "401": (400, "INVALID_ARGUMENT", "API key not valid.", (_KEY,)),
    "404": (404, "NOT_FOUND", "models/test-model is not found.", ()),
    "400 context": (
        *(400, "INVALID_ARGUMENT"),
        *("The input token count (9) exceeds the maximum number of tokens allowed (8).", ()),
    ),
}


class Google:
    stream_type = "text/event-stream"

    def output_tool(self, request: Object) -> str:
        return first_name(request.get("tools"), "functionDeclarations", "name")

    def wants_schema(self, request: Object) -> bool:
        asked = request.get("generationConfig")
        return isinstance(asked, dict) and any("esponse" in name and "chema" in name for name in asked)

    def whole(self, said: Said) -> Object:
        if said.finish == "refusal":
            return {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, **_end()}
        part: JsonValue = {"functionCall": {"name": said.tool, "args": said.arguments}}
        return {"candidates": [_candidate(part if said.tool else {"text": said.text}, _FINISH[said.finish])], **_end()}

    def events(self, said: Said) -> Iterator[bytes]:
        if said.tool or said.finish == "refusal":
            yield server_sent(self.whole(said))
            return
        first, second = said.pieces
        yield server_sent({"candidates": [_candidate({"text": first})]})
        yield server_sent({"candidates": [_candidate({"text": second}, _FINISH[said.finish])], **_end()})

    def refusal(self, trouble: Trouble) -> Refusal:
        status, name, message, details = _TROUBLE[trouble]
        error: JsonValue = {"code": status, "message": f"{message} {QUOTED}", "status": name, "details": [*details]}
        return Refusal(status, {"error": error}, {})


def _candidate(part: JsonValue, finish: str = "") -> JsonValue:
    found: Object = {"content": {"role": "model", "parts": [part]}, "index": 0}
    return {**found, "finishReason": finish} if finish else found


def _end() -> Object:
    used: JsonValue = {
        "promptTokenCount": INPUT_TOKENS,
        "candidatesTokenCount": OUTPUT_TOKENS,
        "totalTokenCount": INPUT_TOKENS + OUTPUT_TOKENS,
    }
    return {"usageMetadata": used, "modelVersion": "test-model", "responseId": "r-1"}
