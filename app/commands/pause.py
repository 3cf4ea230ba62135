"""Grammar: `pause`, nothing after it; no automatic reviews of this pull request. Needs write."""

from app.commands.base import Command, Pause
from app.commands.simple import without_argument
from app.domain.pull_request import Permission
from app.domain.status_text import HelpLine

PAUSE = Command(
    word="pause",
    needs=Permission.WRITE,
    help=(HelpLine("pause", "no automatic reviews of this pull request"),),
    plan=without_argument(Pause()),
)
