"""Which findings a command is about: `2`, `1, 2 and 3`, `findings 1, 2:`; in a thread the thread's own."""

import re
from typing import NamedTuple

from app.commands.base import Facts, Say
from app.commands.parser import ParsedCommand
from app.domain import answers
from app.domain.phrases import and_list

# A list needs commas or "and": in "2 3 times raised" only the first is a number of a finding.
_NUMBERS = re.compile(
    r"(?:findings?\s+)?(#?\d{1,6}(?:(?:\s*,\s*|\s+and\s+)#?\d{1,6}){0,50})(?!\w)[:,]?\s*", re.IGNORECASE
)
_RULE = re.compile(r"r?(\d{1,6})\b", re.IGNORECASE)


class Numbered(NamedTuple):
    """Numbers without repetition, and what was typed after them."""

    numbers: tuple[int, ...]
    rest: str


def read_numbers(argument: str, facts: Facts) -> Numbered:
    """No numbers where none were typed and the command stands in no finding's thread."""
    given = _NUMBERS.match(argument)
    if given is not None:
        numbers = dict.fromkeys(int(number) for number in re.findall(r"\d+", given[1]))
        return Numbered(tuple(numbers), argument[given.end() :])
    return Numbered(() if facts.thread_number is None else (facts.thread_number,), argument)


def without_numbers(argument: str) -> str:
    """What was typed after the numbers."""
    given = _NUMBERS.match(argument)
    return argument if given is None else argument[given.end() :]


def read_rule(parsed: ParsedCommand, facts: Facts, example: str) -> int | Say:
    """The number of a learned rule, typed as `R7` or `7`; the answer where there is no such rule."""
    given = _RULE.match(parsed.argument)
    if given is None:
        text = answers.usage(parsed.word, "needs the number of a rule", example, facts.voice)
        return Say(because="usage", text=text)
    number = int(given[1])
    if number in facts.learned:
        return number
    there = and_list([f"R{known}" for known in facts.learned])
    text = f"There is no rule R{number} here. {f'Known: {there}.' if there else 'None was learned yet.'}"
    return Say(because="no_such_rule", text=f"{text} {answers.NOTHING_DONE}")


def refuse_unknown(numbers: tuple[int, ...], facts: Facts) -> Say | None:
    """The answer where one of them is not open here."""
    known = sorted(tracked.number for tracked in facts.open_findings)
    missing = next((number for number in numbers if number not in known), None)
    if missing is None:
        return None
    return Say(because="no_such_finding", text=answers.no_such_finding(missing, known))
