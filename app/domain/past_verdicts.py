"""What people said of earlier findings of a repository: what reviewers of later changes are to learn from."""

from typing import Literal

from app.domain.model import Frozen

# How many of the newest are looked at? A repository with more of them has changed since the older ones.
MOST_VERDICTS = 5_000


class PastVerdict(Frozen):
    """One finding that somebody who may write rejected as wrong, or found good; `text` is its title and body."""

    text: str
    verdict: Literal["rejected", "upvoted"]
    pull_request_number: int
