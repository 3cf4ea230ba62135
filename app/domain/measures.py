"""What became of a pull request's findings when it was closed: found without asking a model, beside a control."""

import random
from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from app.domain.diff import Diff
from app.domain.findings import Category, Place, Severity, TrackedFinding
from app.domain.line_map import Moves
from app.domain.model import Frozen
from app.domain.pull_request import PullRequestRef

Fate = Literal["acted_on", "dismissed", "withdrawn", "ignored", "unknown"]
# How many lines that nobody flagged are looked at? Enough for a rate, few enough for the largest change.
MOST_CONTROL_LINES = 50
# Lines this near to a finding change with it.
_NEAR = 3
# The reason of a dismissal that was no word but a click.
_RESOLVED = "resolved"


class Judged(Frozen):
    """One finding at the end; `how` says by which sign: "our suggestion", "our fix", "mended", "wrong", …"""

    finding_id: str
    number: int
    severity: Severity
    category: Category
    reviewer: str
    # The rule in prose that it named.
    rule: str = ""
    # Whether it had a thread: only of these may be said that people saw them.
    posted: bool
    fate: Fate
    how: str = ""


class Signs(Frozen):
    """What the forge and git say of one finding."""

    # Whether its lines were changed or deleted since it was last seen; None when that cannot be known.
    changed: bool | None = None
    # Whether its lines are gone after a fix of ours was put on the branch.
    fixed_by_us: bool = False
    # Whether the lines that we suggested stand in their place.
    suggestion_taken: bool = False
    thread_resolved: bool = False
    thread_outdated: bool = False


class Measure(Frozen):
    """One closed pull request that was reviewed."""

    ref: PullRequestRef
    state: Literal["closed", "merged"]
    head_sha: str
    closed_at: datetime
    reviews: int
    control_lines: int = 0
    control_changed: int = 0
    # From the beginning of the first review to its end.
    first_review_seconds: float | None = None
    dollars: float = 0.0
    # Its commits, as they are on the default branch too: what a later fix is traced back to.
    commits: tuple[str, ...] = ()


class Escape(Frozen):
    """A bug that was merged under our eyes: a later commit mends lines of a pull request that we reviewed."""

    ref: PullRequestRef
    fix_sha: str
    subject: str
    lines: int
    fixed_at: datetime


def judge(tracked: TrackedFinding, signs: Signs) -> Judged:
    """The first sign that holds: our own word, what a review saw, what people said, what the code says."""
    reason = tracked.dismissed_why.partition(":")[0]
    by_click = reason.startswith(_RESOLVED)
    rows: tuple[tuple[bool, Fate, str], ...] = (
        (tracked.state == "withdrawn", "withdrawn", "withdrawn"),
        (tracked.state == "dismissed" and not by_click, "dismissed", reason or "other"),
        (signs.fixed_by_us, "acted_on", "our fix"),
        (signs.suggestion_taken, "acted_on", "our suggestion"),
        (tracked.state == "mended", "acted_on", "mended"),
        (bool(signs.changed) or signs.thread_outdated, "acted_on", "lines changed"),
        (by_click or signs.thread_resolved, "dismissed", "resolved without a change"),
        (signs.changed is None, "unknown", ""),
        (True, "ignored", ""),
    )
    _, fate, how = next(row for row in rows if row[0])
    finding = tracked.finding
    return Judged(
        finding_id=tracked.finding_id,
        number=tracked.number,
        severity=finding.severity,
        category=finding.category,
        reviewer=finding.reviewer,
        rule=finding.breaks_rule,
        posted=tracked.comment_id is not None,
        fate=fate,
        how=how,
    )


def was_changed(place: Place, moves: Moves) -> bool | None:
    """Whether these lines are gone from the later version; the old side of a change cannot be changed by it."""
    return None if place.side == "old" else moves.exact(place) is None


def control_places(diff: Diff, flagged: Sequence[Place], seed: str) -> list[Place]:
    """Added lines that no finding is near, drawn the same way every time: how often does such a line change anyway?"""
    near = {(one.path, line) for one in flagged for line in range(one.start_line - _NEAR, one.line + _NEAR + 1)}
    lines = [
        Place(path=file.path, start_line=line, line=line)
        for file in diff.reviewable
        for line in sorted(file.added_lines)
        if (file.path, line) not in near
    ]
    # Drawn, not guarded: nobody gains from knowing it.
    drawn = random.Random(seed)  # noqa: S311
    return drawn.sample(lines, min(len(lines), MOST_CONTROL_LINES))
