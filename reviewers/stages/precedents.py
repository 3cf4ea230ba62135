"""What a repository rejected before is not raised again in other words, unless its people liked such findings too."""

from collections.abc import Sequence

from app.domain.findings import Category, Finding
from app.domain.identity import text_of
from app.domain.past_verdicts import PastVerdict
from app.domain.phrases import and_list
from app.domain.similarity import Similarity

# From which cosine on does a past finding say the same? Here no line tells two problems apart: of 75,139 pairs of
# comments on different pull requests of one repository 1 in 2,200 is as alike, of 1,793 pairs judged to be equal half.
NEAR = 0.4
# How many of the nearest are asked, and how many of those decide?
_NEAREST = 10
_ENOUGH = 3


def held_back(findings: Sequence[Finding], past: Sequence[PastVerdict]) -> dict[str, str]:
    """The reason for each finding, by its text, that is like what was rejected three times; never for security."""
    asked = [one for one in findings if one.category is not Category.SECURITY]
    if not asked or sum(one.verdict == "rejected" for one in past) < _ENOUGH:
        return {}
    similarity = Similarity([*(one.text for one in past), *map(text_of, asked)])
    reasons = {text_of(one): _reason(text_of(one), past, similarity) for one in asked}
    return {text: reason for text, reason in reasons.items() if reason}


def _reason(text: str, past: Sequence[PastVerdict], similarity: Similarity) -> str:
    likeness = sorted(((similarity.cosine(text, one.text), at) for at, one in enumerate(past)), reverse=True)
    nearest = [past[at] for cosine, at in likeness[:_NEAREST] if cosine >= NEAR]
    rejected = [one for one in nearest if one.verdict == "rejected"]
    if len(rejected) < _ENOUGH or len(nearest) - len(rejected) >= _ENOUGH:
        return ""
    numbers = sorted({one.pull_request_number for one in rejected})
    where = f"pull request{'s' if len(numbers) > 1 else ''} {and_list([str(number) for number in numbers])}"
    return f"like {len(rejected)} that were rejected here, in {where}"
