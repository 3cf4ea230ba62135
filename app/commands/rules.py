"""Grammar: `rules`, nothing after it; what this repository has taught us. Needs read."""

from app.commands.base import Command, ShowRules
from app.commands.simple import without_argument
from app.domain.pull_request import Permission
from app.domain.status_text import HelpLine

RULES = Command(
    word="rules",
    needs=Permission.READ,
    help=(HelpLine("rules", "what was learned here, and what is proposed"),),
    plan=without_argument(ShowRules()),
)
