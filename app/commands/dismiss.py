"""Grammar: `dismiss 2 why`, `dismiss 1, 2 and 3 why`; in a thread the number may be left out. Needs write.

The reason is any words. One that begins with wrong, accepted-risk, wont-fix or later is counted as such.
"""

import re

from app.commands.base import Command, Dismiss, DismissalKind, Facts, Plan, Say
from app.commands.numbers import read_numbers, refuse_unknown
from app.commands.parser import ParsedCommand
from app.domain import answers
from app.domain.pull_request import Permission
from app.domain.status_text import HelpLine

_KINDS: tuple[tuple[str, DismissalKind], ...] = (
    (r"wrong\b", "wrong"),
    (r"accepted[- ]risk\b", "accepted-risk"),
    (r"(?:wont[- ]?fix|won['’]t fix)\b", "wont-fix"),
    (r"later\b", "later"),
)


def _plan(parsed: ParsedCommand, facts: Facts) -> Plan:
    numbers, why = read_numbers(parsed.argument, facts)
    if not numbers:
        text = answers.usage("dismiss", "needs the number of a finding", "dismiss 2 why", facts.voice)
        return Say(because="usage", text=text)
    return _refusal(numbers, facts) or Dismiss(numbers=numbers, why=why, counted_as=_counted_as(why))


def _refusal(numbers: tuple[int, ...], facts: Facts) -> Say | None:
    if unknown := refuse_unknown(numbers, facts):
        return unknown
    by_number = {tracked.number: tracked.finding for tracked in facts.open_findings}
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


def kept_as(planned: Dismiss) -> str:
    """What stays with a finding: its kind once, then what else was said, as in `later: when rates move`."""
    pattern = next((pattern for pattern, kind in _KINDS if kind == planned.counted_as), "")
    more = re.sub(rf"^(?:{pattern})[\s,;:.-]*", "", planned.why, flags=re.IGNORECASE) if pattern else planned.why
    return f"{planned.counted_as}: {more}" if more else planned.counted_as


DISMISS = Command(
    word="dismiss",
    needs=Permission.WRITE,
    help=(HelpLine("dismiss 2 why", "closes for good; wrong, accepted-risk, wont-fix and later are counted as such"),),
    plan=_plan,
)
