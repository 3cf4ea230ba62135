"""Grammar: `fix`, `fix 2`, `fix 1 and 2`, and after the numbers any words as a hint. Needs write.

Prepares a fix and shows it with its proof; without a number, for everything that is open. In a thread it is the
thread's finding.
"""

from app.commands.base import Command, Facts, Plan, Say, StartFix
from app.commands.numbers import read_numbers, refuse_unknown
from app.commands.parser import ParsedCommand
from app.domain import answers
from app.domain.pull_request import Permission
from app.domain.status_text import HelpLine


def _plan(parsed: ParsedCommand, facts: Facts) -> Plan:
    numbers, hint = read_numbers(parsed.argument, facts)
    if not numbers and hint:
        text = answers.usage("fix", "takes numbers of findings, then a hint", "fix 2", facts.voice)
        return Say(because="usage", text=text)
    numbers = numbers or tuple(sorted(tracked.number for tracked in facts.open_findings))
    return refuse_fix(numbers, facts) or StartFix(numbers=numbers, hint=hint)


def refuse_fix(numbers: tuple[int, ...], facts: Facts) -> Say | None:
    """The answer where nothing may be mended here, or there is nothing to mend."""
    if facts.fixes_locked:
        return Say(because="policy", text=answers.fixes_locked())
    if facts.state != "open":
        return Say(because="state", text=f"This pull request is {facts.state}. {answers.NOTHING_DONE}")
    if not numbers:
        return Say(because="no_such_finding", text=answers.nothing_to_mend())
    return refuse_unknown(numbers, facts)


FIX = Command(
    word="fix",
    needs=Permission.WRITE,
    help=(HelpLine("fix 2", "prepares and shows a fix; words after it are a hint"), HelpLine("fix", "for all")),
    plan=_plan,
)
