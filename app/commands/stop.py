"""Grammar: `stop`, nothing after it; ends the review and the agents that run or wait now. Needs write."""

from app.commands.base import Command, Facts, Plan, Say, Stop
from app.commands.parser import ParsedCommand
from app.commands.simple import without_argument
from app.domain import answers
from app.domain.pull_request import Permission
from app.domain.status_text import HelpLine


def _plan(parsed: ParsedCommand, facts: Facts) -> Plan:
    plan = without_argument(Stop())(parsed, facts)
    if isinstance(plan, Stop) and not facts.running:
        return Say(because="state", text=answers.nothing_to_stop())
    return plan


STOP = Command(
    word="stop",
    needs=Permission.WRITE,
    help=(HelpLine("stop", "ends what runs now"),),
    plan=_plan,
)
