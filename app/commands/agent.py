"""Grammar: `agent TEXT`; a task in words for the agent, or an answer to it in its thread. Needs write."""

from app.commands.base import Command, Facts, Plan, Say, StartAgent
from app.commands.parser import ParsedCommand
from app.domain import answers
from app.domain.pull_request import Permission
from app.domain.status_text import HelpLine


def _plan(parsed: ParsedCommand, facts: Facts) -> Plan:
    if facts.fixes_locked:
        return Say(because="policy", text=answers.fixes_locked())
    if facts.state != "open":
        return Say(because="state", text=f"This pull request is {facts.state}. {answers.NOTHING_DONE}")
    if not parsed.argument.strip():
        text = answers.usage("agent", "needs a task in words", "agent add a test for refunds", facts.voice)
        return Say(because="usage", text=text)
    return StartAgent(prompt=parsed.argument)


AGENT = Command(
    word="agent",
    needs=Permission.WRITE,
    help=(HelpLine("agent TEXT", "a task in words; the result is shown with its proof"),),
    plan=_plan,
)
