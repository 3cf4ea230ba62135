"""Grammar: `rule R7 on`, `rule R7 off`; decides whether a learned rule is in force. Needs maintain."""

from app.commands.base import Command, DecideRule, Facts, Plan, Say
from app.commands.numbers import read_rule
from app.commands.parser import ParsedCommand
from app.domain import answers
from app.domain.pull_request import Permission
from app.domain.status_text import HelpLine

_EXAMPLE = "rule R7 on"


def _plan(parsed: ParsedCommand, facts: Facts) -> Plan:
    number = read_rule(parsed, facts, _EXAMPLE)
    if not isinstance(number, int):
        return number
    word = parsed.argument.split()[-1].lower()
    if word not in {"on", "off"}:
        return Say(because="usage", text=answers.usage("rule", "needs on or off", _EXAMPLE, facts.voice))
    return DecideRule(number=number, on=word == "on")


RULE = Command(
    word="rule",
    needs=Permission.MAINTAIN,
    help=(HelpLine("rule R7 on", "puts a proposed rule in force; off takes it out"),),
    plan=_plan,
)
