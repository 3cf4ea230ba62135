"""Grammar: `apply 2`; in a thread the number may be left out. Needs write.

Puts the fix of a finding on the pull request's branch if it is proved; prepares it first where there is none.
"""

from app.commands.base import Command, Facts, Plan, Say, StartFix
from app.commands.fix import refuse_fix
from app.commands.numbers import read_numbers
from app.commands.parser import ParsedCommand
from app.domain import answers
from app.domain.pull_request import Permission
from app.domain.status_text import HelpLine


def _plan(parsed: ParsedCommand, facts: Facts) -> Plan:
    numbers, hint = read_numbers(parsed.argument, facts)
    if not numbers or hint:
        problem = "takes nothing after the number" if numbers else "needs the number of a finding"
        return Say(because="usage", text=answers.usage("apply", problem, "apply 2", facts.voice))
    return refuse_fix(numbers, facts) or StartFix(numbers=numbers, apply=True)


APPLY = Command(
    word="apply",
    needs=Permission.WRITE,
    help=(HelpLine("apply 2", "puts it on this branch if proved; prepares it if need be"),),
    plan=_plan,
)
