"""Grammar: `dismiss 2 why`, `dismiss 1, 2 and 3 why`; in a thread the number may be left out. Needs write.

The reason is any words. One that begins with wrong, accepted-risk, wont-fix or later is counted as such.
"""

import re

from app.commands.base import Command, Dismiss, DismissalKind, Facts, Plan, Say
from app.commands.parser import ParsedCommand
from app.domain import answers
from app.domain.pull_request import Permission
from app.domain.status_text import HelpLine

# A list needs commas or "and": in "2 3 times raised" only the first is a number of a finding.
_NUMBERS = re.compile(
    r"(?:findings?\s+)?(#?\d{1,6}(?:(?:\s*,\s*|\s+and\s+)#?\d{1,6}){0,50})(?!\w)[:,]?\s*", re.IGNORECASE
)
_KINDS: tuple[tuple[str, DismissalKind], ...] = (
    (r"wrong\b", "wrong"),
    (r"accepted[- ]risk\b", "accepted-risk"),
    (r"(?:wont[- ]?fix|won['’]t fix)\b", "wont-fix"),
    (r"later\b", "later"),
)


def _plan(parsed: ParsedCommand, facts: Facts) -> Plan:
    given = _NUMBERS.match(parsed.argument)
    numbers = [int(number) for number in re.findall(r"\d+", given[1])] if given else []
    if not numbers and facts.thread_number is not None:
        numbers = [facts.thread_number]
    if not numbers:
        text = answers.usage("dismiss", "needs the number of a finding", "dismiss 2 why", facts.voice)
        return Say(because="usage", text=text)
    why = parsed.argument[given.end() :] if given else parsed.argument
    numbers = list(dict.fromkeys(numbers))
    return _refusal(numbers, facts) or Dismiss(numbers=tuple(numbers), why=why, counted_as=_counted_as(why))


def _refusal(numbers: list[int], facts: Facts) -> Say | None:
    by_number = {tracked.number: tracked.finding for tracked in facts.open_findings}
    for number in numbers:
        if number not in by_number:
            return Say(because="no_such_finding", text=answers.no_such_finding(number, sorted(by_number)))
    blocking = [number for number in numbers if facts.config.blocks(by_number[number].severity)]
    if blocking and facts.author is not None and facts.author.user_id == facts.actor.user_id:
        text = answers.second_person_needed(blocking, facts.author.login)
        return Say(because="second_person", text=text)
    return None


def _counted_as(why: str) -> DismissalKind:
    for pattern, kind in _KINDS:
        if re.match(pattern, why, re.IGNORECASE):
            return kind
    return "other"


DISMISS = Command(
    word="dismiss",
    needs=Permission.WRITE,
    help=(HelpLine("dismiss 2 why", "closes for good; wrong, accepted-risk, wont-fix and later are counted as such"),),
    plan=_plan,
)
