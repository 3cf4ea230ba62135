"""Noise control: what becomes a new thread now, what only stands in the check, and the reason it is given."""

from collections.abc import Iterable

from pydantic import Field

from app.domain.coverage import Coverage
from app.domain.diff import Diff, Hunk
from app.domain.findings import Category, Place, Severity
from app.domain.identity import text_of
from app.domain.model import Frozen
from app.domain.placement import place
from app.domain.repo_config import RepoConfig
from reviewers.registry import owner
from reviewers.stages.base import Candidate, Decided, Decision

# After how many heads with findings do we stop raising anything but high ones? Reviews must end.
PATIENCE_HEADS = 3


class Situation(Frozen):
    """What noise control looks at beside the finding itself."""

    diff: Diff
    config: RepoConfig
    # The ledger of the newest completed run; None when nothing counts as read before.
    last: Coverage | None
    # Earlier heads on which something was found.
    heads_with_findings: int
    # Text of a finding -> why it is too like what was rejected before.
    rejected_before: dict[str, str] = Field(default_factory=dict)


def decide(candidate: Candidate, now: Situation) -> Decided:
    """What becomes of one candidate, before the limit on threads per head."""
    known = candidate.known
    if known is not None and known.state != "open":
        by = f" by {known.dismissed_by}" if known.dismissed_by else ""
        return _decided(candidate, "held_back", f"{known.state}{by}", counts=False)
    if known is not None and known.comment_id is not None:
        return _decided(candidate, "open")
    reason, counts = _reason(candidate, now)
    if reason:
        return _decided(candidate, "held_back", reason, counts=counts)
    # What no line of the forge's diff can carry stands in the check alone.
    return _decided(candidate, "post" if place(candidate.finding.place, now.diff) else "open")


def limit(judged: Iterable[Decided], comment_limit: int) -> list[Decided]:
    """At most so many new threads per head, the first by rank; security is never cut."""
    threads = 0
    result: list[Decided] = []
    for one in judged:
        over = one.decision == "post" and threads >= comment_limit and one.finding.category is not Category.SECURITY
        held = {"decision": "held_back", "reason": f"over comment_limit: {comment_limit}"}
        result.append(one.model_copy(update=held) if over else one)
        threads += result[-1].decision == "post"
    return result


def hunk_at(where: Place, diff: Diff) -> Hunk | None:
    """The hunk whose lines a place touches, on its own side."""
    file = diff.by_path.get(where.path)
    for hunk in file.hunks if file else ():
        new = where.side == "new"
        start, count = (hunk.new_start, hunk.new_count) if new else (hunk.old_start, hunk.old_count)
        if where.start_line < start + count and start <= where.line:
            return hunk
    return None


def read_hunks(coverage: Coverage, reviewer: str, path: str) -> set[str]:
    """Fingerprints of the hunks of a file that this reviewer read."""
    read: set[str] = set()
    for reading in coverage.readings:
        if (reading.reviewer, reading.path, reading.state) == (reviewer, path, "reviewed"):
            read.update(coverage.hunks.get(path, ()) if reading.hunks is None else reading.hunks)
    return read


def _reason(candidate: Candidate, now: Situation) -> tuple[str, bool]:
    """Why it is held back, the first that holds, and whether the outcome counts it; empty when it is not."""
    finding, config = candidate.finding, now.config
    hunk = hunk_at(finding.place, now.diff)
    patience = f"only high ones are raised after {PATIENCE_HEADS} heads with findings"
    rejected = now.rejected_before.get(text_of(finding), "")
    rows = (
        (finding.checked == "refuted", f"refuted ({finding.refuted_why})", False),
        (not finding.stands_alone, "hint of an analyser", False),
        (hunk is None, "pre-existing, outside the change", False),
        (
            not finding.severity.at_least(config.comment_at),
            f"below comment_at: {config.comment_at}",
            config.blocks(finding.severity),
        ),
        (bool(rejected), rejected, True),
        (hunk is not None and _was_read(hunk, candidate, now), "on unchanged lines", True),
        (now.heads_with_findings >= PATIENCE_HEADS and finding.severity is not Severity.HIGH, patience, True),
    )
    return next(((reason, counts) for holds, reason, counts in rows if holds), ("", True))


def _was_read(hunk: Hunk, candidate: Candidate, now: Situation) -> bool:
    """Whether its reviewer had this very hunk before it in the last completed run.

    A path that has left the change since may be this file under its former name, so its hunks count as well.
    """
    if now.last is None:
        return False
    file = now.diff.by_path[candidate.finding.place.path]
    left = {path for path in now.last.hunks if path not in now.diff.by_path}
    return any(
        hunk.fingerprint in read_hunks(now.last, owner(candidate.finding), path)
        for path in {file.path, file.old_path, *left}
    )


def _decided(candidate: Candidate, decision: Decision, reason: str = "", *, counts: bool = True) -> Decided:
    return Decided(
        finding=candidate.finding,
        keys=candidate.keys,
        known_id=candidate.known.finding_id if candidate.known else None,
        decision=decision,
        reason=reason,
        counts=counts,
    )
