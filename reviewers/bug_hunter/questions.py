"""All that a review of a change would ask, as far as it can be known before: for estimates, from the questions."""

import asyncio
from collections.abc import Iterator, Sequence

from app.domain.findings import Category, Finding, Place, Severity
from app.domain.secrets import Redactor
from app.llm.chat import Question
from reviewers.base import Change
from reviewers.bug_hunter.check import check_question
from reviewers.bug_hunter.excerpts import batches, risk
from reviewers.bug_hunter.passes import PLANS
from reviewers.bug_hunter.prompt import question
from reviewers.context.references import References, references

# How many findings does a check look at? So many are left after the vote of an ordinary review.
_CHECKED = 2
_WORDS = "What happens here, when it happens, and why, in as many words as a finding has. " * 4


async def questions(change: Change, redactor: Redactor) -> list[Question]:
    """Every pass over every part with its context, and a check of about as much as is usually found."""
    around = await references(change)
    return await asyncio.to_thread(_questions, change, redactor, around)


def expected_check(change: Change, redactor: Redactor) -> Question | None:
    """The check that an ordinary review ends with; None when there is nothing to read."""
    found = list(_likely(change))
    return check_question(change, found, redactor) if found else None


def _questions(change: Change, redactor: Redactor, around: References) -> list[Question]:
    asked = [
        question(change, batch, redactor, by, around)
        for batch in batches(change)[0]
        for by in PLANS[change.effort].passes
    ]
    check = expected_check(change, redactor) if asked else None
    return [*asked, check] if check else asked


def _likely(change: Change) -> Iterator[Finding]:
    """Findings where mistakes cost most: the check reads the code around them."""
    files: Sequence[str] = sorted((file.path for file in change.diff.reviewable), key=risk)[:_CHECKED]
    for path in files:
        hunk = change.diff.by_path[path].hunks[0]
        yield Finding(
            reviewer="bug_hunter",
            rule="correctness",
            category=Category.CORRECTNESS,
            severity=Severity.MEDIUM,
            title="What happens",
            body=_WORDS,
            place=Place(path=path, start_line=hunk.new_start, line=hunk.new_start),
            quote=hunk.lines[0].text if hunk.lines else "",
        )
