"""One recorded change after its review: what was said, what of it is true, and what it cost."""

from collections.abc import Sequence

from app.domain.diff import Diff
from app.domain.findings import Finding
from app.domain.identity import MAX_LINES_APART, MIN_COSINE, lines_apart, text_of
from app.domain.model import Frozen
from app.domain.placement import place
from app.domain.repo_config import RepoConfig
from app.domain.review import ReviewerReport
from app.domain.similarity import Similarity
from reviewers.evals.anchors import accepted
from reviewers.evals.cases import Case
from reviewers.evals.matching import Judge, Known, located, match
from reviewers.evals.metrics import WEIGHTS, Counts
from reviewers.pipeline import Conclusion, History, conclude
from reviewers.registry import MODEL_REVIEWERS

# Where the data gives no severity, every problem weighs the same.
_USUAL_WEIGHT = WEIGHTS["medium"]


class Reviewed(Frozen):
    """A row of the results: enough to count anew, with another matcher or another judge, without reviewing again."""

    case_id: str
    group: str
    language: str
    known: tuple[Known, ...]
    # What became a thread, and what stands in the check with the reason.
    posted: tuple[Finding, ...]
    hinted: tuple[tuple[Finding, str], ...]
    # What the reviewers or the pipeline dropped, as they said it.
    dropped: tuple[str, ...]
    # Files that a configured reviewer did not read whole, with the reason; a model's are worth another try.
    unread: tuple[str, ...]
    counts: Counts
    # Answers of a model judge, as (problem, finding, same), by position; None while none was asked.
    judged: tuple[tuple[int, int, bool], ...] | None = None

    @property
    def model_failed(self) -> bool:
        """What it did not read cannot be held for or against it; the next run asks it again."""
        return any(reason.startswith(MODEL_REVIEWERS) for reason in self.unread)

    def counted(self, judge: Judge | None = None) -> "Reviewed":
        """With its counts made by this judge."""
        said = {**self.counts.model_dump(), **_truth(self.known, self.posted, judge)}
        return self.model_copy(update={"counts": Counts.model_validate(said)})


def reviewed(
    case: Case,
    diff: Diff,
    reports: Sequence[ReviewerReport],
    *,
    reviewers: Sequence[str],
    config: RepoConfig,
    seconds: float,
) -> Reviewed:
    """What the real pipeline makes of the reviewers' reports, as it would be posted on a first review."""
    conclusion = conclude(diff=diff, reports=reports, reviewers=reviewers, config=config, texts={}, history=History())
    posted = tuple(_where_it_stands(one.finding, diff) for one in conclusion.decided if one.decision == "post")
    others = tuple((one.finding, one.reason) for one in conclusion.decided if one.decision != "post")
    return Reviewed(
        case_id=case.case_id,
        group=case.group,
        language=case.language(diff),
        known=case.known(diff),
        posted=posted,
        hinted=others,
        dropped=tuple(f"{one.reviewer}: {one.reason}" for one in conclusion.dropped),
        unread=tuple(f"{one.reviewer}: {one.reason}" for one in conclusion.coverage.unread()),
        counts=Counts(
            posted=len(posted),
            repeated=_repeated(posted),
            placed=sum(accepted(one.place, diff) for one in posted),
            hinted=len(others),
            seconds=seconds,
            dollars=_dollars(conclusion),
            tokens=sum(one.input_tokens + one.output_tokens for one in conclusion.usage),
        ),
    ).counted()


def _where_it_stands(finding: Finding, diff: Diff) -> Finding:
    """Where the comment is put, which may be a part of what the finding is about."""
    return finding.model_copy(update={"place": place(finding.place, diff) or finding.place})


def _truth(known: Sequence[Known], posted: Sequence[Finding], judge: Judge | None) -> dict[str, float]:
    pairs = match(known, posted, judge=judge)
    weights = [WEIGHTS.get(one.severity, _USUAL_WEIGHT) for one in known]
    return {
        "known": len(known),
        "true": len(pairs),
        "found": len(pairs),
        "located": located(known, posted),
        "weight": sum(weights),
        "weight_found": sum(weights[pair.known] for pair in pairs),
    }


def _repeated(posted: Sequence[Finding]) -> int:
    """How many say what an earlier one near them says."""
    similarity = Similarity(map(text_of, posted))

    def repeats(finding: Finding, other: Finding) -> bool:
        if finding.reviewer == other.reviewer not in MODEL_REVIEWERS and finding.quote != other.quote:
            # A tool says the same words about every place.
            return False
        apart = lines_apart(finding.place, other.place)
        alike = similarity.cosine(text_of(finding), text_of(other)) >= MIN_COSINE
        return apart is not None and apart <= MAX_LINES_APART and alike

    return sum(any(repeats(finding, other) for other in posted[:at]) for at, finding in enumerate(posted))


def _dollars(conclusion: Conclusion) -> float | None:
    prices = [one.dollars for one in conclusion.usage]
    known = [price for price in prices if price is not None]
    return sum(known) if len(known) == len(prices) else None
