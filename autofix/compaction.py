"""When a conversation outgrows the model's window: old outputs become one line that says where to read them again.

Nothing is summarised by a model, and no message is dropped, so that every call keeps its result. What is left out is
decided now and then and written into the conversation: between two such moments requests begin alike, which is what
providers' caches live on.
"""

import json
from collections.abc import Iterator, Mapping, Sequence

from pydantic import JsonValue, TypeAdapter, ValidationError

from app.domain.conversation import ASK, SUB_AGENT, Answered, Message, Opening, Result, Shortened, Told, ToolCall
from app.llm.prices import estimate_tokens

# Of the window, what may a request fill before it is shortened, and how much of its newest part is then kept whole?
_FULL = 0.7
_KEPT = 0.3
# What is shorter than this stays: the line in its place would be as long.
_SHORT = 300
# About what a picture costs, whatever is on it.
_PICTURE_TOKENS = 1_600
# Other people's and other agents' words cannot be read again.
_IRREPLACEABLE = {ASK, SUB_AGENT}


def visible(messages: Sequence[Message]) -> tuple[Message, ...]:
    """The messages of a request: shortened where that was decided."""
    before = max((message.before for message in messages if isinstance(message, Shortened)), default=0)
    calls: dict[str, ToolCall] = {}
    found: list[Message] = []
    for index, message in enumerate(messages):
        if isinstance(message, Answered):
            calls |= {call.call_id: call for call in message.calls}
        if not isinstance(message, Shortened):
            found.append(_shortened(message, calls) if index < before else message)
    return tuple(found)


def tokens(messages: Sequence[Message]) -> int:
    """An upper guess of what they take."""
    return sum(map(_tokens, messages))


def shortening(messages: Sequence[Message], window: int) -> Shortened | None:
    """What to leave out from now on; None while there is room, or where nothing more can be left out."""
    if tokens(visible(messages)) <= window * _FULL:
        return None
    kept, before = 0, len(messages)
    for message in reversed(messages):
        kept += _tokens(message)
        if kept > window * _KEPT:
            break
        before -= 1
    return further(messages, before)


def further(messages: Sequence[Message], before: int) -> Shortened | None:
    """The same up to there, unless that changes nothing."""
    marked = Shortened(before=before)
    return marked if visible((*messages, marked)) != visible(messages) else None


def _tokens(message: Message) -> int:
    match message:
        case Opening():
            return estimate_tokens(message.instructions) + estimate_tokens(message.text)
        case Told():
            return estimate_tokens(message.text)
        case Answered():
            return estimate_tokens(message.text) + sum(estimate_tokens(call.arguments) + 20 for call in message.calls)
        case Result():
            return estimate_tokens(message.text) + (_PICTURE_TOKENS if message.picture_key else 0)
        case Shortened():
            return 0


def _shortened(message: Message, calls: Mapping[str, ToolCall]) -> Message:
    match message:
        case Result() if (len(message.text) > _SHORT or message.picture_key) and message.tool not in _IRREPLACEABLE:
            return message.model_copy(update={"text": _note(message, calls.get(message.call_id)), "picture_key": ""})
        case Answered() if any(len(call.arguments) > _SHORT for call in message.calls):
            # Signed thoughts belong to the arguments as they were; without those they go as well.
            shorter = tuple(call.model_copy(update={"arguments": _brief(call.arguments)}) for call in message.calls)
            return message.model_copy(update={"calls": shorter, "native": ""})
        case _:
            return message


def _note(result: Result, call: ToolCall | None) -> str:
    about = f" {_about(call)}" if call else ""
    lines = result.text.count("\n") + 1
    first = result.text.partition("\n")[0][:120]
    return f"[{lines} lines of {result.tool}{about} left out, first: {first!r}; use the tool again to see them]"


def _about(call: ToolCall) -> str:
    said = next((value for _, value in _strings(call.arguments)), "")
    return repr(said[:80]) if said else ""


def _brief(arguments: str) -> str:
    brief: dict[str, JsonValue] = {
        name: value if len(value) <= _SHORT else f"[{len(value)} characters left out]"
        for name, value in _strings(arguments)
    }
    return json.dumps(brief)


def _strings(arguments: str) -> Iterator[tuple[str, str]]:
    try:
        read = _ARGUMENTS.validate_json(arguments)
    except ValidationError:
        return
    for name, value in read.items():
        yield name, value if isinstance(value, str) else json.dumps(value)


_ARGUMENTS = TypeAdapter(dict[str, JsonValue])
