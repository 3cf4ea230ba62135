"""What people think of a finding, as an emoji on its thread says it: counted and shown, never acted upon."""

from typing import Literal

from app.domain.model import Frozen
from app.domain.pull_request import Person

Vote = Literal["up", "down"]


class Feedback(Frozen):
    """One person's 👍 or 👎; somebody may give both."""

    person: Person
    vote: Vote
