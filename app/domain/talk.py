"""A question or an objection in a finding's thread, and what came of looking at the finding once more."""

from typing import Literal

from app.domain.findings import Place
from app.domain.model import Frozen

# The word of the action that a reply without a command is.
QUESTION = "question"
# How many replies are answered in one thread? Two who never tire of each other must not be kept going.
MOST_ANSWERS = 5


class Judgement(Frozen):
    """What is said about it; a withdrawal closes the finding for good."""

    verdict: Literal["answers", "withdraws"]
    # Markdown of at most 100 words; for a withdrawal a clause: "api/guard.py:30 rejects that value first".
    text: str
    # Where the code stands that shows it; each place was quoted, and the quote was found there.
    shown: tuple[Place, ...] = ()


def is_to_us(text: str) -> bool:
    """Whether a reply may be for us: one that begins with somebody's name is for them."""
    return bool(text.strip()) and not text.lstrip().startswith("@")
