"""Commands that take nothing after their word."""

from collections.abc import Callable

from app.commands.base import Facts, Plan, Say
from app.commands.parser import ParsedCommand
from app.domain import answers


def without_argument(plan: Plan) -> Callable[[ParsedCommand, Facts], Plan]:
    """The plan as it is; anything after the word gets the usage instead, because it was meant to change something."""

    def planned(parsed: ParsedCommand, facts: Facts) -> Plan:
        if not parsed.argument:
            return plan
        text = answers.usage(parsed.word, "takes nothing after it", parsed.word, facts.voice)
        return Say(because="usage", text=text)

    return planned
