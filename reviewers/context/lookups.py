"""What a reader may ask to see of the tree beyond what it was given: few things, cut short, only to be looked at."""

import asyncio
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from app.domain.invisible import strip_invisible
from app.llm.blocks import block
from app.llm.prices import estimate_tokens
from reviewers.base import Change
from reviewers.context.search import Hit, declares, search, whole_words

# How many things may be asked for at once, and how much may all that is shown take?
AT_ONCE = 8
MOST_TOKENS = 12_000
_LINES_AROUND = 60
_MOST_HITS = 30
_LONGEST_LINE = 400
_NAME = re.compile(r"\w{2,100}")


class Look(BaseModel):
    """One thing to see, as a model words it; nothing in it is believed yet."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    tool: Literal["read", "search", "definition", "callers", "blame", "earlier"]
    path: str = Field(default="", max_length=4_096)
    line: int = 1
    # A text to search for, or a name.
    word: str = Field(default="", max_length=200)


def read_looks(items: JsonValue) -> list[Look]:
    """Those that can be read; the others are not worth another question."""
    looks: list[Look] = []
    for item in items if isinstance(items, list) else ():
        try:
            looks.append(Look.model_validate(item))
        except ValidationError:
            continue
    return looks


def may_look(left: int) -> str:
    """The last line of a question whose reader has tools."""
    if not left:
        return "Answer now; there is no more to see."
    return f"You may ask {left} more times to see something before you answer."


class Lookups:
    """Grows by what is looked at. Nothing outside the tree can be reached, and no code in it is run."""

    def __init__(self, change: Change) -> None:
        self._change = change
        self._room = MOST_TOKENS
        self._blocks: list[str] = []
        # What was read of each file, for those who check quotes.
        self.read: dict[str, str] = {}

    async def look(self, looks: Sequence[Look]) -> None:
        for one in looks[:AT_ONCE]:
            title, lines = await self._found(one)
            self._show(title, lines)

    def blocks(self) -> tuple[str, ...]:
        """Everything that was seen, as untrusted data."""
        return tuple(self._blocks)

    def _show(self, title: str, lines: Iterable[str]) -> None:
        shown: list[str] = []
        for line in lines:
            cost = estimate_tokens(line)
            if cost > self._room:
                shown.append("[cut]")
                self._room = 0
                break
            self._room -= cost
            shown.append(line)
        self._blocks.append(block(title, "\n".join(shown) or "nothing found"))

    async def _found(self, look: Look) -> tuple[str, Iterable[str]]:
        path = strip_invisible(look.path).replace("\n", " ")[:200]
        match look.tool:
            case "read":
                return f"file {path}, from line {look.line}", await asyncio.to_thread(self._lines, look)
            case "blame":
                return f"which lines of {path} this change wrote", self._written(look.path)
            case "earlier":
                return f"earlier findings in {path}", self._change.earlier.get(look.path, ())
            case "search":
                return f"lines that hold {look.word!r}", await self._searched(look.word)
            case "definition" | "callers":
                return f"{look.tool} of {look.word!r}", await self._named(look.word, look.tool)

    def _lines(self, look: Look) -> Iterator[str]:
        text = self._change.read(look.path) if look.path else None
        lines = (text or "").split("\n")
        first = max(1, look.line - _LINES_AROUND)
        part = [strip_invisible(line)[:_LONGEST_LINE] for line in lines[first - 1 : look.line + _LINES_AROUND]]
        if text is not None:
            self.read[look.path] = "\n".join(filter(None, (self.read.get(look.path), "\n".join(part))))
        return (f"{number:>6} {line}" for number, line in enumerate(part, first) if text is not None)

    def _written(self, path: str) -> Iterator[str]:
        """What the snapshot knows: this change's lines, and that the others were there before."""
        file = self._change.diff.by_path.get(path)
        for hunk in file.hunks if file else ():
            numbers = [line.new for line in hunk.added if line.new is not None]
            if numbers:
                yield f"lines {numbers[0]}-{numbers[-1]}: {len(numbers)} written by this change"
        yield "every other line was there before"

    async def _searched(self, text: str) -> list[str]:
        if len(text.strip()) < 2:
            return []
        return _shown(await search(re.escape(text.strip()), self._change.head_root))

    async def _named(self, name: str, tool: Literal["definition", "callers"]) -> list[str]:
        if not _NAME.fullmatch(name):
            return []
        hits = await search(whole_words([name]), self._change.head_root)
        return _shown(hit for hit in hits if declares(name, hit) == (tool == "definition"))


def _shown(hits: Iterable[Hit]) -> list[str]:
    found = [str(hit) for hit in hits]
    more = len(found) - _MOST_HITS
    return [*found[:_MOST_HITS], *([f"and {more} more"] if more > 0 else [])]
