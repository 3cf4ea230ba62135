"""Pieces of sentences that text and Markdown share: what was read, held back, left out, and what it cost."""

from collections.abc import Sequence

from app.domain.phrases import count, dollars, severity_counts
from app.domain.review import ReviewerUsage
from app.output.report import Report, Told


def size(report: Report) -> str:
    return f"{count(report.files, 'file')}, {count(report.hunks, 'hunk')}"


def held_back(findings: Sequence[Told]) -> list[str]:
    """`2 low (hint of an analyser)`, one for each reason."""
    reasons = dict.fromkeys(one.reason for one in findings)
    return [
        f"{severity_counts([one.severity for one in findings if one.reason == reason])} ({reason})"
        for reason in reasons
    ]


def cost(usage: Sequence[ReviewerUsage]) -> str:
    """What the models took; empty without any, or where it cost nothing."""
    amounts = [used.dollars for used in usage]
    if not amounts:
        return ""
    if None in amounts:
        return "cost unknown"
    total = sum(amount for amount in amounts if amount is not None)
    return dollars(total) if total else ""
