"""Grammar: `remember TEXT`; proposes a rule for this repository, which is in force once a maintainer says so. Write."""

from app.commands.base import Command, Facts, Plan, Remember, Say
from app.commands.parser import ParsedCommand
from app.domain import answers
from app.domain.pull_request import Permission
from app.domain.rules import learnable
from app.domain.status_text import HelpLine


def _plan(parsed: ParsedCommand, facts: Facts) -> Plan:
    text = learnable(parsed.argument)
    if not text:
        said = answers.usage("remember", "needs a rule in words", "remember money is in cents", facts.voice)
        return Say(because="usage", text=said)
    return Remember(text=text, active=facts.permission.allows(Permission.MAINTAIN))


REMEMBER = Command(
    word="remember",
    needs=Permission.WRITE,
    help=(HelpLine("remember TEXT", "proposes a rule; in force once a maintainer turns it on"),),
    plan=_plan,
)
