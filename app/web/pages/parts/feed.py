"""What an agent does just now, event by event: words as they come, calls, and what a repeated try took back."""

from collections.abc import Iterable
from typing import Literal, NamedTuple, TypeAlias

from pydantic import BaseModel, ConfigDict, ValidationError

from app.domain.conversation import ToolCall
from app.store.streams import REWIND, StreamEvent
from app.web.pages.parts.cuts import Cut, cut, visible_text
from app.web.pages.parts.talk import brief
from app.web.pages.parts.words import line
from autofix.live import MODEL, OUTPUT, RESULT, TEXT, TOOL

Kind: TypeAlias = Literal["text", "output", "tool", "result", "state", "again"]
_STATE = "state"


class Piece(NamedTuple):
    """One thing to add to the page; `seq` is by what it is taken back."""

    kind: Kind
    seq: int
    text: Cut
    tool: str = ""
    brief: str = ""
    failed: bool = False


class _Told(BaseModel):
    """A call or a result as it was told to those who watch."""

    model_config = ConfigDict(extra="ignore")

    tool: str = ""
    arguments: str = ""
    text: str = ""
    failed: bool = False


def standing_pieces(events: Iterable[StreamEvent]) -> tuple[Piece, ...]:
    """Of what still counts. A rewind leaves a mark that says so."""
    kept: list[Piece] = []
    for event in events:
        if event.kind == REWIND:
            kept = [one for one in kept if one.seq <= int(event.data)]
        if (made := piece(event)) is not None:
            kept.append(made)
    return tuple(kept)


def piece(event: StreamEvent) -> Piece | None:
    """None for what nobody needs to see."""
    seq = event.seq
    if event.kind in {TEXT, OUTPUT}:
        return Piece("text" if event.kind == TEXT else "output", seq, Cut(visible_text(event.data)))
    if event.kind == REWIND:
        return Piece("again", seq, Cut(f"attempt {event.attempt}, worker restarted: back to the last step"))
    if event.kind in {_STATE, MODEL}:
        return Piece("state", seq, Cut(line(event.data)))
    if event.kind not in {TOOL, RESULT}:
        return None
    told = _told(event.data)
    if event.kind == RESULT:
        return Piece("result", seq, cut(told.text), line(told.tool), failed=told.failed)
    call = ToolCall(call_id="", name=told.tool, arguments=told.arguments)
    return Piece("tool", seq, cut(told.arguments), line(told.tool), brief(call))


def _told(data: str) -> _Told:
    """A long one was cut in the stream and can no longer be read as what it was."""
    try:
        return _Told.model_validate_json(data)
    except ValidationError:
        return _Told(text=data, arguments=data)
