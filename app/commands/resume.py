"""Grammar: `resume`, nothing after it; automatic reviews again. Needs write."""

from app.commands.base import Command, Resume
from app.commands.simple import without_argument
from app.domain.pull_request import Permission
from app.domain.status_text import HelpLine

RESUME = Command(
    word="resume",
    needs=Permission.WRITE,
    help=(HelpLine("resume", "automatic reviews again"),),
    plan=without_argument(Resume()),
)
