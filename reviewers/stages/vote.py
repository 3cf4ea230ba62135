"""Of k passes, at least t must have said it: agreement is what tells a finding from a fancy."""

from collections import Counter
from collections.abc import Sequence

from app.domain.findings import Evidence, Finding, Severity
from app.domain.identity import lines_apart, text_of
from app.domain.phrases import and_list
from app.domain.similarity import Similarity
from reviewers.stages.bucket import Bucket


def vote(
    buckets: Sequence[Bucket], *, passes: int, needed: int, hits: Sequence[Finding] = ()
) -> tuple[list[Finding], list[Finding]]:
    """One finding for each bucket with enough voters, and one for each of the others, with what speaks for it.

    An analyser is a voter like any other, and so is each one whose hit lies on the very lines that the passes speak of;
    `passes` is only what the evidence says it is out of.
    """
    kept: list[Finding] = []
    outvoted: list[Finding] = []
    for one in buckets:
        finding = speaker(one)
        agreeing = [hit for hit in hits if lines_apart(hit.place, finding.place) == 0]
        voters = one.voters | {hit.reviewer for hit in agreeing}
        voted = _with_votes(finding, one, passes, agreeing)
        (kept if len(voters) >= needed else outvoted).append(voted)
    return kept, outvoted


def speaker(bucket: Bucket) -> Finding:
    """The finding that says what the others say: the one most like all of them, the longer one of two."""
    findings = [one.finding for one in bucket.claims]
    texts = [text_of(one) for one in findings]
    similarity = Similarity(texts)

    def likeness(at: int) -> tuple[float, int]:
        total = sum(similarity.cosine(texts[at], other) for other in texts)
        return round(total, 9), len(texts[at])

    return findings[max(range(len(findings)), key=likeness)]


def _with_votes(finding: Finding, bucket: Bucket, passes: int, hits: Sequence[Finding]) -> Finding:
    said = (evidence for one in (*(claim.finding for claim in bucket.claims), *hits) for evidence in one.evidence)
    models = and_list(sorted({one.model for one in bucket.claims if one.model}))
    by = f" by {models}" if models else ""
    agreed = (Evidence(kind="passes", text=f"{len(bucket.voters)} of {passes} passes{by}"),) if passes > 1 else ()
    return finding.model_copy(
        update={
            "severity": _usual_severity(bucket),
            "breaks_rule": _named_rule(bucket),
            "stands_alone": any(one.finding.stands_alone for one in bucket.claims),
            "evidence": tuple(dict.fromkeys((*finding.evidence, *said, *agreed))),
        }
    )


def _named_rule(bucket: Bucket) -> str:
    """What most of those say that name one; the speaker may have left it out."""
    named = Counter(one.finding.breaks_rule for one in bucket.claims if one.finding.breaks_rule)
    return named.most_common(1)[0][0] if named else ""


def _usual_severity(bucket: Bucket) -> Severity:
    """What most say; of two that equally many say, the graver one."""
    counts = Counter(one.finding.severity for one in bucket.claims)
    return max(counts, key=lambda severity: (counts[severity], severity.rank))
