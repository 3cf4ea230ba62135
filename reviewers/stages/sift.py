"""First stage: what no reviewer may claim is dropped, whatever it is said to be."""

from collections.abc import Sequence

from app.domain.diff import Diff
from app.domain.findings import Finding
from app.domain.review import ReviewerReport
from reviewers.stages.base import Dropped


def sift(reports: Sequence[ReviewerReport], diff: Diff) -> tuple[list[Finding], list[Dropped]]:
    """Findings that name a file, lines and grounds of this change, and the rest with a reason."""
    kept: list[Finding] = []
    dropped: list[Dropped] = []
    for report in reports:
        dropped += [Dropped(reviewer=report.reviewer, what="", reason=reason) for reason in report.dropped]
        dropped += [_outvoted(finding, report.reviewer) for finding in report.outvoted]
        for finding in report.findings:
            if reason := objection(finding, diff):
                dropped.append(Dropped(reviewer=report.reviewer, what=finding.title, reason=reason))
            else:
                kept.append(finding)
    return kept, dropped


def _outvoted(finding: Finding, reviewer: str) -> Dropped:
    votes = " and ".join(one.text for one in finding.evidence if one.kind == "passes")
    return Dropped(reviewer=reviewer, what=finding.title, reason=f"said by {votes} only")


def objection(finding: Finding, diff: Diff) -> str:
    """Why a finding cannot be one of this change; empty when it can."""
    file = diff.by_path.get(finding.place.path)
    if file is None:
        return "not a file of this change"
    if file.skipped is not None:
        return f"file is not reviewed: {file.skipped}"
    if not 1 <= finding.place.start_line <= finding.place.line:
        return "lines that cannot be"
    if not finding.title.strip() or not finding.quote.strip():
        return "no grounds named"
    return ""
