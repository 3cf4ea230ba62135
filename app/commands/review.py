"""Grammar: `review` reads what is new since the last reviewed head, `review full` reads everything. Needs write."""

from app.commands.base import Command, Facts, Plan, Say, StartReview
from app.commands.parser import ParsedCommand
from app.domain import answers
from app.domain.pull_request import Permission
from app.domain.status_text import HelpLine


def _plan(parsed: ParsedCommand, facts: Facts) -> Plan:
    argument = parsed.argument.lower()
    if argument not in {"", "full"}:
        text = answers.usage("review", 'takes nothing after it but "full"', "review full", facts.voice)
        return Say(because="usage", text=text)
    if facts.state != "open":
        return Say(because="state", text=f"This pull request is {facts.state}. {answers.NOTHING_DONE}")
    return StartReview(full=argument == "full")


REVIEW = Command(
    word="review",
    needs=Permission.WRITE,
    help=(HelpLine("review", "reads what is new"), HelpLine("review full", "reads everything")),
    plan=_plan,
)
