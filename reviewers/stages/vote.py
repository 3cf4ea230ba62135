"""Of k passes, at least t must have said it: agreement is what tells a finding from a fancy."""

from collections import Counter
from collections.abc import Sequence

from app.domain.findings import Evidence, Finding, Severity
from app.domain.identity import text_of
from app.domain.similarity import Similarity
from reviewers.stages.base import Dropped
from reviewers.stages.bucket import Bucket


def vote(buckets: Sequence[Bucket], *, passes: int, needed: int) -> tuple[list[Finding], list[Dropped]]:
    """One finding for each bucket with enough voters, and the other buckets with the reason.

    An analyser is a voter like any other; `passes` is only what the evidence says it is out of.
    """
    kept: list[Finding] = []
    dropped: list[Dropped] = []
    for one in buckets:
        finding = speaker(one)
        voters = len(one.voters)
        if voters >= needed:
            kept.append(_with_votes(finding, one, passes))
        else:
            reason = f"said by {voters} of {passes} passes, {needed} needed"
            dropped.append(Dropped(reviewer=finding.reviewer, what=finding.title, reason=reason))
    return kept, dropped


def speaker(bucket: Bucket) -> Finding:
    """The finding that says what the others say: the one most like all of them, the longer one of two."""
    findings = [one.finding for one in bucket.claims]
    texts = [text_of(one) for one in findings]
    similarity = Similarity(texts)

    def likeness(at: int) -> tuple[float, int]:
        total = sum(similarity.cosine(texts[at], other) for other in texts)
        return round(total, 9), len(texts[at])

    return findings[max(range(len(findings)), key=likeness)]


def _with_votes(finding: Finding, bucket: Bucket, passes: int) -> Finding:
    said = (evidence for one in bucket.claims for evidence in one.finding.evidence)
    agreed = (Evidence(kind="passes", text=f"{len(bucket.voters)} of {passes} passes"),) if passes > 1 else ()
    return finding.model_copy(
        update={
            "severity": _usual_severity(bucket),
            "stands_alone": any(one.finding.stands_alone for one in bucket.claims),
            "evidence": tuple(dict.fromkeys((*finding.evidence, *said, *agreed))),
        }
    )


def _usual_severity(bucket: Bucket) -> Severity:
    """What most say; of two that equally many say, the graver one."""
    counts = Counter(one.finding.severity for one in bucket.claims)
    return max(counts, key=lambda severity: (counts[severity], severity.rank))
