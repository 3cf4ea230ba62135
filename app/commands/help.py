"""Grammar: `help`, nothing after it; this list. Needs read."""

from app.commands.base import Command, ShowHelp
from app.commands.simple import without_argument
from app.domain.pull_request import Permission
from app.domain.status_text import HelpLine

HELP = Command(
    word="help",
    needs=Permission.READ,
    help=(HelpLine("help", "this list"),),
    plan=without_argument(ShowHelp()),
)
