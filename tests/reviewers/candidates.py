"""Findings of reviewers on one small change, and what the pipeline makes of them."""

from collections.abc import Sequence
from datetime import UTC, datetime

from app.domain.coverage import Coverage, Reading
from app.domain.diff import Diff
from app.domain.findings import Category, Finding, FindingState, Place, Severity, TrackedFinding
from app.domain.identity import keys
from app.domain.repo_config import RepoConfig
from app.domain.review import ReviewerReport
from reviewers.pipeline import Conclusion, Finished, History, conclude, finish, paths_to_read
from tests.harness.changes import diff_of

NOW = datetime(2026, 11, 21, tzinfo=UTC)
PLAIN = [f"line_{n} = {n}" for n in range(1, 101)]
BASE = {"a.py": "\n".join(PLAIN)}
TOPICS = (
    "refund is issued twice when the webhook is retried",
    "timeout in milliseconds while callers pass seconds",
    "failed lookup gets cached as currency rate",
    "password compared without constant time",
    "connection never closed after exception",
    "pagination skips last element of page",
    "index grows without bound under load",
    "lock released before write happens",
    "header parsed as latin encoding",
    "migration drops column still read elsewhere",
)
BOTH = ("linters", "bug_hunter")


def edited(*numbers: int, word: str = "changed") -> dict[str, str]:
    """a.py with these lines changed."""
    lines = [f"{word}_{n} = f({n})" if n in numbers else text for n, text in enumerate(PLAIN, start=1)]
    return {"a.py": "\n".join(lines)}


HEAD = edited(10, 30, 50, 70, 90)
DIFF = diff_of(BASE, HEAD)


def finding(  # one on a line of a.py at HEAD
    line: int,
    topic: int = 0,
    *,
    severity: Severity = Severity.HIGH,
    category: Category = Category.CORRECTNESS,
    reviewer: str = "bug_hunter",
    rule: str = "correctness",
    stands_alone: bool = True,
    quote: str | None = None,
) -> Finding:
    return Finding(
        reviewer=reviewer,
        rule=rule,
        category=category,
        severity=severity,
        title=TOPICS[topic],
        body=f"Because {TOPICS[topic]}.",
        place=Place(path="a.py", start_line=line, line=line),
        quote=quote or HEAD["a.py"].split("\n")[line - 1],
        stands_alone=stands_alone,
    )


def tracked(
    one: Finding, number: int = 1, *, state: FindingState = "open", comment: bool = True, by: str | None = None
) -> TrackedFinding:
    return TrackedFinding(
        finding_id=f"id-{number}",
        number=number,
        finding=one,
        state=state,
        first_seen_sha="c" * 40,
        keys=keys(one),
        comment_id=f"comment-{number}" if comment else None,
        dismissed_by=by,
        first_seen_at=NOW,
    )


def model_report(*findings: Finding, diff: Diff = DIFF, dropped: Sequence[str] = ()) -> ReviewerReport:
    readings = tuple(Reading(reviewer="bug_hunter", path=file.path, state="reviewed") for file in diff.reviewable)
    return ReviewerReport(
        reviewer="bug_hunter", is_model=True, findings=findings, readings=readings, dropped=tuple(dropped)
    )


def linters_report(*findings: Finding, diff: Diff = DIFF) -> ReviewerReport:
    readings = tuple(Reading(reviewer="linters", path=file.path, state="reviewed") for file in diff.reviewable)
    return ReviewerReport(reviewer="linters", is_model=False, findings=findings, readings=readings)


def concluded(
    *reports: ReviewerReport,
    diff: Diff = DIFF,
    head: dict[str, str] = HEAD,
    config: RepoConfig | None = None,
    history: History | None = None,
) -> Conclusion:
    history = history or History()
    return conclude(
        diff=diff,
        reports=reports,
        reviewers=BOTH,
        config=config or RepoConfig(),
        texts={path: head[path] for path in paths_to_read(diff, history) if path in head},
        history=history,
    )


def told(conclusion: Conclusion) -> list[tuple[int, str, str]]:
    return [(one.finding.place.line, one.decision, one.reason) for one in conclusion.decided]


def finished(conclusion: Conclusion, known: Sequence[TrackedFinding] = ()) -> Finished:
    """As the store would number them."""
    by_id = {one.finding_id: one for one in known}
    numbered = [
        by_id[one.known_id] if one.known_id else tracked(one.finding, 100 + at, comment=False)
        for at, one in enumerate(conclusion.decided)
    ]
    return finish(conclusion, numbered, known)


# The ledger of a run in which everybody read everything.
READ_BEFORE = Coverage.of(DIFF, BOTH, ("bug_hunter",), (*model_report().readings, *linters_report().readings))
