"""Grammar: `forget R7`; drops a proposed rule, and turns off one that is in force. Needs write."""

from app.commands.base import Command, DecideRule, Facts, Plan
from app.commands.numbers import read_rule
from app.commands.parser import ParsedCommand
from app.domain.pull_request import Permission
from app.domain.status_text import HelpLine


def _plan(parsed: ParsedCommand, facts: Facts) -> Plan:
    number = read_rule(parsed, facts, "forget R7")
    return DecideRule(number=number, on=False) if isinstance(number, int) else number


FORGET = Command(word="forget", needs=Permission.WRITE, help=(HelpLine("forget R7", "drops a rule"),), plan=_plan)
