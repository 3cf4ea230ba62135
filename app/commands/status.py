"""Grammar: `status`, nothing after it; where things stand. Needs read."""

from app.commands.base import Command, ShowStatus
from app.commands.simple import without_argument
from app.domain.pull_request import Permission
from app.domain.status_text import HelpLine

STATUS = Command(
    word="status",
    needs=Permission.READ,
    help=(HelpLine("status", "where things stand"),),
    plan=without_argument(ShowStatus()),
)
