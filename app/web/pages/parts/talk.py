"""An agent's conversation as people read it: what was said, each tool call with its result, long texts cut."""

import json
from collections.abc import Sequence
from typing import Literal, NamedTuple, TypeAlias

from pydantic import JsonValue, TypeAdapter, ValidationError

from app.domain.conversation import Answered, Message, Opening, Result, Shortened, Told, ToolCall
from app.domain.phrases import one_line
from app.web.pages.parts.cuts import Cut, cut
from app.web.pages.parts.words import line

# How many messages does a page show? A follow-up after weeks may hang on hundreds.
MOST = 400
# What tells two calls of one tool apart, the first that is there.
_TELLING = ("command", "path", "pattern", "query", "question", "task", "summary", "text")
_BRIEF = 110
_ARGUMENTS: TypeAdapter[dict[str, JsonValue]] = TypeAdapter(dict[str, JsonValue])

Speaker: TypeAlias = Literal["task", "sub_task", "person", "hint", "agent", "shortened"]


class ShownCall(NamedTuple):
    """A tool call; the numbers are those of its message, its place there, and its result's message."""

    tool: str
    brief: str
    arguments: tuple[tuple[str, Cut], ...]
    message: int
    place: int
    result: Cut | None = None
    result_message: int = 0
    failed: bool = False
    picture: bool = False


class ShownMessage(NamedTuple):
    """One turn; `step` counts the model's answers."""

    speaker: Speaker
    number: int
    text: Cut
    step: int = 0
    calls: tuple[ShownCall, ...] = ()
    # How many sub-agents deep.
    nested: bool = False
    tokens: int = 0
    # Which model answered, where it is not the one of the answer before; and whose place it took, and why.
    by: str = ""
    took_over_from: str = ""


class Talk(NamedTuple):
    """The newest messages; `earlier` are not shown."""

    messages: tuple[ShownMessage, ...] = ()
    earlier: int = 0


def talk(messages: Sequence[Message]) -> Talk:
    results = _results(messages)
    shown: list[ShownMessage] = []
    step, nested, by = 0, False, ""
    for number, message in enumerate(messages):
        match message:
            case Opening(text=text, for_call=for_call):
                nested = bool(for_call)
                shown.append(ShownMessage("sub_task" if nested else "task", number, cut(text), nested=nested))
            case Told(reason=reason, text=text):
                speaker: Speaker = "person" if reason == "prompt" else "hint"
                shown.append(ShownMessage(speaker, number, cut(text), nested=nested))
            case Answered():
                step += 1
                answer = _answered(message, number, step, nested, results)
                shown.append(answer._replace(by=line(message.by) if message.by != by else ""))
                by = message.by
            case Result(tool=tool):
                # A sub-agent's report is the result of its agent's call, which stands above.
                nested = nested and tool != "sub_agent"
            case Shortened():
                shown.append(ShownMessage("shortened", number, Cut(""), nested=nested))
    return Talk(tuple(shown[-MOST:]), max(0, len(shown) - MOST))


def text_of(messages: Sequence[Message], number: int) -> str | None:
    """The whole of what a message says; None where there is nothing to read."""
    match messages[number] if number < len(messages) else None:
        case Opening(instructions=instructions, text=text):
            return f"{instructions}\n\n{text}"
        case Told(text=text) | Answered(text=text) | Result(text=text):
            return text
        case _:
            return None


def arguments_of(messages: Sequence[Message], number: int, place: int) -> str | None:
    """The whole of what a call was given, as the model wrote it."""
    message = messages[number] if number < len(messages) else None
    if isinstance(message, Answered) and place < len(message.calls):
        return message.calls[place].arguments
    return None


def picture_of(message: Message) -> str:
    """The key of the picture that belongs to a result; empty where there is none."""
    return message.picture_key if isinstance(message, Result) else ""


def brief(call: ToolCall) -> str:
    """What a call is about, in a line."""
    given = _given(call.arguments)
    if given is None:
        return one_line(line(call.arguments), _BRIEF)
    telling = next((str(given[name]) for name in _TELLING if given.get(name)), "")
    return one_line(line(telling), _BRIEF)


def _answered(
    message: Answered, number: int, step: int, nested: bool, results: dict[tuple[int, int], tuple[int, Result]]
) -> ShownMessage:
    calls = tuple(_call(call, number, place, results.get((number, place))) for place, call in enumerate(message.calls))
    tokens = message.input_tokens + message.output_tokens
    return ShownMessage(
        "agent", number, cut(message.text), step, calls, nested, tokens, took_over_from=line(message.took_over_from)
    )


def _call(call: ToolCall, message: int, place: int, came: tuple[int, Result] | None) -> ShownCall:
    made = ShownCall(line(call.name)[:60], brief(call), _arguments(call.arguments), message, place)
    if came is None:
        return made
    number, result = came
    return made._replace(
        result=cut(result.text), result_message=number, failed=result.failed, picture=bool(result.picture_key)
    )


def _results(messages: Sequence[Message]) -> dict[tuple[int, int], tuple[int, Result]]:
    """By the answer and the place in it of the call they belong to: ids of calls may come again."""
    waiting: dict[str, tuple[int, int]] = {}
    found: dict[tuple[int, int], tuple[int, Result]] = {}
    for number, message in enumerate(messages):
        if isinstance(message, Answered):
            waiting |= {call.call_id: (number, place) for place, call in enumerate(message.calls)}
        elif isinstance(message, Result) and message.call_id in waiting:
            found[waiting.pop(message.call_id)] = (number, message)
    return found


def _arguments(written: str) -> tuple[tuple[str, Cut], ...]:
    given = _given(written)
    if given is None:
        return (("arguments", cut(written)),)
    return tuple((line(name)[:60], cut(_value(value))) for name, value in list(given.items())[:20])


def _given(written: str) -> dict[str, JsonValue] | None:
    """None where the model wrote no object."""
    try:
        return _ARGUMENTS.validate_json(written or "{}")
    except ValidationError:
        return None


def _value(value: JsonValue) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
