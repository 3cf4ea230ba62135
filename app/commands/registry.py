"""Every command by its word, and the one way from a parsed line to a plan."""

from app.commands.agent import AGENT
from app.commands.apply import APPLY
from app.commands.base import Command, Facts, Plan, Say
from app.commands.config import CONFIG
from app.commands.dismiss import DISMISS
from app.commands.fix import FIX
from app.commands.forget import FORGET
from app.commands.help import HELP
from app.commands.parser import ParsedCommand
from app.commands.pause import PAUSE
from app.commands.remember import REMEMBER
from app.commands.resume import RESUME
from app.commands.review import REVIEW
from app.commands.rule import RULE
from app.commands.rules import RULES
from app.commands.status import STATUS
from app.commands.stop import STOP
from app.domain import answers
from app.domain.nearest import nearest
from app.domain.pull_request import Permission
from app.domain.status_text import HelpLine

# In the order of the help page.
_ALL = (REVIEW, FIX, APPLY, AGENT, DISMISS, REMEMBER, FORGET, RULE, RULES, STOP, PAUSE, RESUME, STATUS, CONFIG, HELP)
COMMANDS: dict[str, Command] = {command.word: command for command in _ALL}


def plan(parsed: ParsedCommand, facts: Facts) -> Plan:
    """What to do about one line: refusals and unknown words are plans too."""
    command = COMMANDS.get(parsed.word)
    if command is None:
        return _no_command(parsed, facts)
    if not facts.permission.allows(command.needs):
        text = answers.permission_needed(
            command.word, command.needs, facts.repo_name, facts.actor.login, facts.permission
        )
        return Say(because="permission", text=text)
    return command.plan(parsed, facts)


def help_lines() -> list[HelpLine]:
    """The help page's lines, in the order of the registry."""
    return [line for command in COMMANDS.values() for line in command.help]


def _no_command(parsed: ParsedCommand, facts: Facts) -> Plan:
    # Strangers learn nothing from us: without read access a wrong word is a missing permission.
    if not facts.permission.allows(Permission.READ):
        text = answers.permission_needed("help", Permission.READ, facts.repo_name, facts.actor.login, facts.permission)
        return Say(because="permission", text=text)
    meant = nearest(parsed.word, COMMANDS)
    numbered = {DISMISS.word, FIX.word, APPLY.word}
    number = f" {parsed.number}" if parsed.number is not None and meant in numbered else ""
    return Say(
        because="unknown", text=answers.unknown_word(parsed.word, f"{meant}{number}" if meant else "", facts.voice)
    )
