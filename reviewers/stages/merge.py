"""One problem said twice, by two reviewers or by one, becomes one finding with more evidence."""

from collections.abc import Sequence

from app.domain.findings import Evidence, Finding
from app.domain.identity import MAX_LINES_APART, MIN_COSINE, lines_apart, text_of
from app.domain.similarity import Similarity
from reviewers.registry import MODEL_REVIEWERS
from reviewers.stages.base import Dropped
from reviewers.stages.rank import rank


def merge(findings: Sequence[Finding]) -> tuple[list[Finding], list[Dropped]]:
    """Findings without repeats. A model's words win over an analyser's, which becomes their evidence."""
    similarity = Similarity(text_of(one) for one in findings)
    kept: list[Finding] = []
    dropped: list[Dropped] = []
    for finding in sorted(findings, key=lambda one: (one.reviewer not in MODEL_REVIEWERS, rank(one))):
        at = next((at for at, one in enumerate(kept) if _same_problem(one, finding, similarity)), None)
        if at is None:
            kept.append(finding)
        else:
            kept[at] = _with_evidence(kept[at], finding)
            reason = f"merged with {kept[at].title!r}"
            dropped.append(Dropped(reviewer=finding.reviewer, what=finding.title, reason=reason))
    return kept, dropped


def _same_problem(one: Finding, other: Finding, similarity: Similarity) -> bool:
    """Near and alike. Between a model and an analyser on the same lines, one category is likeness enough.

    What was refuted takes nothing with it: an analyser's word does not fall with a model's.
    """
    if (one.checked == "refuted") != (other.checked == "refuted"):
        return False
    apart = lines_apart(one.place, other.place)
    if apart is None or apart > MAX_LINES_APART:
        return False
    models = [finding.reviewer in MODEL_REVIEWERS for finding in (one, other)]
    if not any(models) and one.reviewer == other.reviewer:
        # A tool says the same words about every place; two of its hits are one problem only on the same code.
        return (one.rule, one.place, one.quote) == (other.rule, other.place, other.quote)
    if apart == 0 and not all(models) and any(models) and one.category is other.category:
        return True
    return similarity.cosine(text_of(one), text_of(other)) >= MIN_COSINE


def _with_evidence(kept: Finding, other: Finding) -> Finding:
    said = other.evidence
    if other.reviewer not in MODEL_REVIEWERS and not said:
        said = (Evidence(kind="analyser", text=f"{other.reviewer} {other.rule}"),)
    return kept.model_copy(
        update={
            "severity": max(kept.severity, other.severity, key=lambda one: one.rank),
            # Offered for these very lines and no others.
            "suggestion": kept.suggestion or (other.suggestion if other.place == kept.place else None),
            "stands_alone": kept.stands_alone or other.stands_alone,
            "breaks_rule": kept.breaks_rule or other.breaks_rule,
            "evidence": tuple(dict.fromkeys((*kept.evidence, *said))),
        }
    )
