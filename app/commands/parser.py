"""Finds commands in a comment: a line that begins with our name, outside of code, quotes and HTML comments.

Grammar of a line: up to three spaces, `/corrigent` or `@slug` in any case, perhaps a colon or a comma, a word, and the
rest as its argument. Each line is looked at a fixed number of times, so the work grows with the text's length alone.
"""

import hashlib
import json
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice

from app.domain.model import Frozen

# What an action keeps of the argument.
_LONGEST_ARGUMENT = 1_000
# How many commands does one comment hold? More is not a person's.
_MOST_COMMANDS = 10

# How many runs of backticks does a paragraph of a person hold? One with more is taken for code as a whole.
_MOST_BACKTICKS = 1_000

_BACKTICKS = re.compile("`+")
_FENCE = re.compile(r" {0,3}(`{3,}(?=[^`]*$)|~{3,})")
_INLINE_CODE = re.compile(r"(?<!`)(`+)(?!`)[^`]*(?<!`)\1(?!`)")
_FIRST_NUMBER = re.compile(r"(?:finding\s+)?#?(\d{1,6})(?!\S)", re.IGNORECASE)
_PREFORMATTED = re.compile(r"<(pre|code|script|style|textarea)\b")


class ParsedCommand(Frozen):
    """One command as typed. `line` with `ordinal`, its place among equal lines, tells it from every other."""

    # In small letters; anything the registry does not know is an unknown word.
    word: str
    argument: str
    # The number that the argument begins with.
    number: int | None
    line: str
    ordinal: int


def parse(body: str, *, mentions: Sequence[str], previous_body: str | None) -> list[ParsedCommand]:
    """The commands in the order of their lines. Of an edited comment only those that were not there before."""
    known = Counter(line for line, _ in _addressed(previous_body or "", mentions))
    seen: Counter[str] = Counter()
    commands: list[ParsedCommand] = []
    for line, rest in _addressed(body, mentions):
        ordinal = seen[line]
        seen[line] += 1
        if ordinal >= known[line]:
            commands.append(_command(line, rest, ordinal))
        if len(commands) == _MOST_COMMANDS:
            break
    return commands


def action_key(connection: str, comment_id: str, line: str, ordinal: int) -> str:
    """The identity of a command, the same however often its delivery arrives."""
    return _key("comment", connection, comment_id, line, ordinal)


def button_key(connection: str, delivery_id: str) -> str:
    """The identity of a pressed button."""
    return _key("button", connection, delivery_id)


def _key(*parts: str | int) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _command(line: str, rest: str, ordinal: int) -> ParsedCommand:
    word, _, argument = rest.partition(" ")
    argument = argument.strip()[:_LONGEST_ARGUMENT]
    number = _FIRST_NUMBER.match(argument)
    return ParsedCommand(
        word=word.lower()[:40] or "help",
        argument=argument,
        number=int(number[1]) if number else None,
        line=line,
        ordinal=ordinal,
    )


def _addressed(body: str, mentions: Sequence[str]) -> Iterator[tuple[str, str]]:
    """(line, what follows our name) of each line that speaks to us and is neither code, nor a quote, nor hidden."""
    names = "|".join(re.escape(mention) for mention in mentions)
    name = re.compile(rf" {{0,3}}(?:{names})(?:[:,]?[ \t]|[:,]?$)", re.IGNORECASE)
    # Most lines can neither speak to us nor hide one that does: only these few are looked at.
    of_interest = re.compile(
        rf"^(?: {{0,3}}(?:`{{3}}|~{{3}}|{names})|[^\n<]*(?:<|-->))[^\n]*", re.IGNORECASE | re.MULTILINE
    )
    body = body.replace("\r\n", "\n").replace("\r", "\n")
    inline = _InlineCode(body)
    # What ends the stretch that we are in: a fence, or the closing mark of something hidden or preformatted.
    fence = closing = ""
    for found in of_interest.finditer(body):
        line = found[0]
        if fence:
            if _closes(line.strip(), fence):
                fence = ""
                inline.begins_anew(found.end())
        elif closing:
            closing = "" if closing in line.lower() else closing
        elif opening := _FENCE.match(line):
            fence = opening[1]
        elif not (closing := _hidden(line)) and (spoken := name.match(line)) and not inline.holds(found.start()):
            yield line.strip(), " ".join(line[spoken.end() :].split())


def _closes(text: str, fence: str) -> bool:
    return len(text) >= len(fence) and not text.strip(fence[0])


def _hidden(line: str) -> str:
    """What closes an HTML comment or a preformatted block that begins in this line and does not end in it."""
    if "<" not in line or line.startswith((">", "    ", "\t")):
        return ""
    line = _INLINE_CODE.sub("", line).lower()
    start = line.rfind("<!--")
    if start >= 0 and "-->" not in line[start:]:
        return "-->"
    opening = _PREFORMATTED.search(line)
    closing = f"</{opening[1]}>" if opening else ""
    return "" if opening is None or closing in line[opening.end() :] else closing


class _InlineCode:
    """Where inline code lies, which may run over the lines of one paragraph; asked for rising places."""

    def __init__(self, body: str) -> None:
        self._body = body
        self._begin = 0
        self._end = -1
        self._spans: list[range] = []

    def begins_anew(self, place: int) -> None:
        """No paragraph reaches over this place."""
        self._begin, self._end = place, -1

    def holds(self, place: int) -> bool:
        if place > self._end:
            begin = max(self._begin, self._body.rfind("\n\n", 0, place))
            end = self._body.find("\n\n", place)
            self._end = len(self._body) if end < 0 else end
            self._spans = _code_spans(self._body, begin, self._end)
        at = bisect_right(self._spans, place, key=lambda span: span.start)
        return at > 0 and place in self._spans[at - 1]


def _code_spans(body: str, begin: int, end: int) -> list[range]:
    """From a run of backticks to the next one of the same length."""
    runs = [match.span() for match in islice(_BACKTICKS.finditer(body, begin, end), _MOST_BACKTICKS + 1)]
    if len(runs) > _MOST_BACKTICKS:
        return [range(begin, end)]
    later: dict[int, list[int]] = {}
    for index in range(len(runs) - 1, -1, -1):
        later.setdefault(runs[index][1] - runs[index][0], []).append(index)
    spans: list[range] = []
    index = 0
    while index < len(runs):
        start, stop = runs[index]
        equal = later[stop - start]
        while equal and equal[-1] <= index:
            equal.pop()
        if equal:
            spans.append(range(start, runs[equal[-1]][1]))
            index = equal[-1]
        index += 1
    return spans
