"""All that a review of a change would ask before anything is found: for estimates, from the questions themselves."""

from collections.abc import Iterator

from app.domain.secrets import Redactor
from app.llm.chat import Question
from reviewers.base import Change
from reviewers.bug_hunter.excerpts import batches
from reviewers.bug_hunter.passes import PLANS
from reviewers.bug_hunter.prompt import question


def questions(change: Change, redactor: Redactor) -> Iterator[Question]:
    """Every pass over every part; the check of what they find is not among them."""
    for batch in batches(change)[0]:
        for by in PLANS[change.effort].passes:
            yield question(change, batch, redactor, by)
