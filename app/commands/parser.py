"""Finds commands in a comment: a line that begins with our name, outside of code, quotes and HTML comments.

Grammar of a line: up to three spaces, `/corrigent` or `@slug` in any case, perhaps a colon or a comma, a word, and the
rest as its argument. Each line is looked at a fixed number of times, so the work grows with the text's length alone.
"""

import hashlib
import json
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from itertools import accumulate, groupby

from app.domain.model import Frozen

# What an action keeps of the argument.
_LONGEST_ARGUMENT = 1_000
# How many commands does one comment hold? More is not a person's.
_MOST_COMMANDS = 10

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


def _addressed(body: str, mentions: Sequence[str]) -> list[tuple[str, str]]:
    """(line, what follows our name) of each line that speaks to us."""
    names = "|".join(re.escape(mention) for mention in mentions)
    name = re.compile(rf" {{0,3}}(?:{names})(?:[:,]?[ \t]|[:,]?$)", re.IGNORECASE)
    found: list[tuple[str, str]] = []
    lowered = body.lower()
    if not any(mention.lower() in lowered for mention in mentions):
        return found
    for line in _prose(body):
        match = name.match(line)
        if match is not None:
            found.append((line.strip(), " ".join(line[match.end() :].split())))
    return found


def _prose(body: str) -> list[str]:
    """The lines that are neither code nor quotes nor hidden; an empty one stands for each stretch that is."""
    prose: list[str] = []
    # What ends the stretch that we are in: a fence, or the closing mark of something hidden or preformatted.
    fence = closing = ""
    for line in body.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        kept = ""
        if fence:
            fence = "" if _closes(line.strip(), fence) else fence
        elif closing:
            closing = "" if closing in line.lower() else closing
        elif opening := _FENCE.match(line):
            fence = opening[1]
        elif line:
            closing = _hidden(line)
            kept = "" if closing or line.startswith((">", "    ", "\t")) else line
        prose.append(kept)
    return _outside_code(prose)


def _closes(text: str, fence: str) -> bool:
    return len(text) >= len(fence) and not text.strip(fence[0])


def _hidden(line: str) -> str:
    """What closes an HTML comment or a preformatted block that begins in this line and does not end in it."""
    if "<" not in line:
        return ""
    line = _INLINE_CODE.sub("", line).lower()
    start = line.rfind("<!--")
    if start >= 0 and "-->" not in line[start:]:
        return "-->"
    opening = _PREFORMATTED.search(line)
    closing = f"</{opening[1]}>" if opening else ""
    return "" if opening is None or closing in line[opening.end() :] else closing


def _outside_code(lines: list[str]) -> list[str]:
    """The lines that do not begin within inline code, which may run over the lines of one paragraph."""
    if not any("`" in line for line in lines):
        return lines
    outside: list[str] = []
    for filled, group in groupby(lines, key=lambda line: bool(line.strip())):
        if filled:
            paragraph = list(group)
            spans = _code_spans("\n".join(paragraph))
            starts = accumulate((len(line) + 1 for line in paragraph[:-1]), initial=0)
            outside += [line for line, start in zip(paragraph, starts, strict=True) if not _within(start, spans)]
    return outside


def _code_spans(text: str) -> list[range]:
    """Where inline code lies: from a run of backticks to the next one of the same length."""
    runs = [match.span() for match in re.finditer("`+", text)]
    later: dict[int, list[int]] = {}
    for index in range(len(runs) - 1, -1, -1):
        start, end = runs[index]
        later.setdefault(end - start, []).append(index)
    spans: list[range] = []
    index = 0
    while index < len(runs):
        start, end = runs[index]
        equal = later[end - start]
        while equal and equal[-1] <= index:
            equal.pop()
        if equal:
            spans.append(range(start, runs[equal[-1]][1]))
            index = equal[-1]
        index += 1
    return spans


def _within(start: int, spans: list[range]) -> bool:
    at = bisect_right(spans, start, key=lambda span: span.start)
    return at > 0 and start in spans[at - 1]
