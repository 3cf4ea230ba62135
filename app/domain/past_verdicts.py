"""What people said of earlier findings of a repository: what reviewers of later changes are to learn from."""

from collections.abc import Set
from typing import Literal

from app.domain.feedback import Feedback
from app.domain.model import Frozen

# How many of the newest are looked at? A repository with more of them has changed since the older ones.
MOST_VERDICTS = 5_000
# Of how many people is it asked whether their thumbs count, those with the newest first? Each is a call to the forge.
MOST_VOTERS = 30


class PastVerdict(Frozen):
    """One finding that somebody who may write rejected as wrong, or found good; `text` is its title and body."""

    text: str
    verdict: Literal["rejected", "upvoted"]
    pull_request_number: int


class VotedFinding(Frozen):
    """One finding with everybody's thumbs, whoever they are."""

    text: str
    pull_request_number: int
    feedback: tuple[Feedback, ...]

    def verdict(self, writers: Set[str]) -> PastVerdict | None:
        """What those who may write, by their user id, make of it together; None where they are even or silent."""
        votes = [one.vote for one in self.feedback if one.person.user_id in writers]
        balance = votes.count("up") - votes.count("down")
        if not balance:
            return None
        return PastVerdict(
            text=self.text,
            verdict="upvoted" if balance > 0 else "rejected",
            pull_request_number=self.pull_request_number,
        )
