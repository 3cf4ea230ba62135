"""One problem said twice, by two reviewers or by one, becomes one finding with more evidence."""

from collections.abc import Sequence

from app.domain.findings import Evidence, Finding
from app.domain.similarity import cosine
from reviewers.registry import MODEL_REVIEWERS
from reviewers.stages.base import Dropped
from reviewers.stages.rank import rank

# How near must two places be, and how alike two texts, to speak of one problem? Measured on twelve tools' outputs;
# nearness alone wrongly merges.
NEAR_LINES = 3
ALIKE = 0.25


def merge(findings: Sequence[Finding]) -> tuple[list[Finding], list[Dropped]]:
    """Findings without repeats. A model's words win over an analyser's, which becomes their evidence."""
    kept: list[Finding] = []
    dropped: list[Dropped] = []
    for finding in sorted(findings, key=lambda one: (one.reviewer not in MODEL_REVIEWERS, rank(one))):
        at = next((i for i, earlier in enumerate(kept) if same_problem(earlier, finding)), None)
        if at is None:
            kept.append(finding)
            continue
        kept[at] = _with_evidence(kept[at], finding)
        dropped.append(Dropped(reviewer=finding.reviewer, what=finding.title, reason=f"merged with {kept[at].title!r}"))
    return kept, dropped


def same_problem(one: Finding, other: Finding) -> bool:
    """Near each other and alike; for a model's finding and an analyser's on its lines the category is likeness enough."""
    if not _near(one, other):
        return False
    if (one.reviewer in MODEL_REVIEWERS) != (other.reviewer in MODEL_REVIEWERS) and _overlap(one, other):
        return one.category is other.category or _alike(one, other)
    return _alike(one, other)


def _near(one: Finding, other: Finding) -> bool:
    here, there = one.place, other.place
    return (here.path, here.side) == (there.path, there.side) and (
        here.start_line <= there.line + NEAR_LINES and there.start_line <= here.line + NEAR_LINES
    )


def _overlap(one: Finding, other: Finding) -> bool:
    return one.place.start_line <= other.place.line and other.place.start_line <= one.place.line


def _alike(one: Finding, other: Finding) -> bool:
    if (one.reviewer, one.rule) == (other.reviewer, other.rule) and one.reviewer not in MODEL_REVIEWERS:
        # An analyser says the same words about every place; two of its hits are one only on the same code.
        return one.place == other.place and one.quote == other.quote
    return cosine(f"{one.title} {one.body}", f"{other.title} {other.body}") >= ALIKE


def _with_evidence(kept: Finding, other: Finding) -> Finding:
    if other.reviewer in MODEL_REVIEWERS:
        said = tuple(one for one in other.evidence if one not in kept.evidence)
    else:
        word = Evidence(kind="analyser", text=f"{other.rule}: {other.title}")
        said = () if word in kept.evidence else (*(one for one in other.evidence if one not in kept.evidence), word)
    severity = max(kept.severity, other.severity, key=lambda one: one.rank)
    stands = kept.stands_alone or other.stands_alone
    return kept.model_copy(update={"severity": severity, "stands_alone": stands, "evidence": (*kept.evidence, *said)})
