"""Grammar: `config`, nothing after it; what is in force and where it comes from. Needs read."""

from app.commands.base import Command, ShowConfig
from app.commands.simple import without_argument
from app.domain.pull_request import Permission
from app.domain.status_text import HelpLine

CONFIG = Command(
    word="config",
    needs=Permission.READ,
    help=(HelpLine("config", "what is in force and where it comes from"),),
    plan=without_argument(ShowConfig()),
)
