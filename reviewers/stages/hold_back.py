"""Noise control: which findings become a new thread now, which only stand in the check, and the reason they are given."""

from collections.abc import Iterable

from app.domain.coverage import Coverage
from app.domain.diff import Diff, FileChange, Hunk
from app.domain.findings import Category, Finding, Severity
from app.domain.placement import place
from app.domain.repo_config import RepoConfig
from reviewers.stages.base import Candidate, Decided

# After how many heads with findings do we stop raising anything but high ones? Reviews must end.
PATIENCE_HEADS = 3


def hold_back(
    candidate: Candidate, diff: Diff, config: RepoConfig, last: Coverage | None, heads_with_findings: int
) -> Decided:
    """What becomes of one candidate, before the limit on threads per head."""
    finding, known = candidate.finding, candidate.known
    if known is not None and known.state != "open":
        by = f" by {known.dismissed_by}" if known.dismissed_by else ""
        return _decided(candidate, "held_back", f"{known.state}{by}", counts=False)
    if known is not None and known.comment_id is not None:
        return _decided(candidate, "open")
    hunk = hunk_at(finding, diff)
    blocks = config.blocks(finding.severity)
    if not finding.stands_alone:
        return _decided(candidate, "held_back", "hint of an analyser", counts=False)
    if hunk is None:
        return _decided(candidate, "held_back", "pre-existing, outside the change", counts=False)
    if not finding.severity.at_least(config.comment_at):
        return _decided(candidate, "held_back", f"below comment_at: {config.comment_at}", counts=blocks)
    if last is not None and was_read(hunk, diff.by_path[finding.place.path], finding.reviewer, last, diff):
        return _decided(candidate, "held_back", "on unchanged lines")
    if heads_with_findings >= PATIENCE_HEADS and finding.severity is not Severity.HIGH:
        return _decided(candidate, "held_back", f"only high ones are raised after {PATIENCE_HEADS} heads with findings")
    return _decided(candidate, "post" if place(finding.place, diff) else "open")


def limit(judged: Iterable[Decided], comment_limit: int) -> list[Decided]:
    """At most so many threads per head, the first by rank; security is never cut."""
    threads = 0
    result: list[Decided] = []
    for one in judged:
        if one.decision == "post" and threads >= comment_limit and one.finding.category is not Category.SECURITY:
            one = one.model_copy(update={"decision": "held_back", "reason": f"over comment_limit: {comment_limit}"})
        threads += one.decision == "post"
        result.append(one)
    return result


def hunk_at(finding: Finding, diff: Diff) -> Hunk | None:
    """The hunk whose lines the finding touches, on its own side."""
    where = finding.place
    for hunk in diff.by_path[where.path].hunks:
        start, count = (hunk.new_start, hunk.new_count) if where.side == "new" else (hunk.old_start, hunk.old_count)
        if where.start_line < start + count and start <= where.line:
            return hunk
    return None


def was_read(hunk: Hunk, file: FileChange, reviewer: str, last: Coverage, diff: Diff) -> bool:
    """Whether this reviewer had this very hunk before it in the last completed run.

    A path that left the change since may be this file under its former name, so its hunks count as well.
    """
    moved = (path for path in last.hunks if path not in diff.by_path)
    paths = {file.path, file.old_path, *moved} & set(last.hunks)
    return any(hunk.fingerprint in read_hunks(last, reviewer, path) for path in paths)


def read_hunks(coverage: Coverage, reviewer: str, path: str) -> set[str]:
    """Fingerprints of the hunks of a file that this reviewer read."""
    read: set[str] = set()
    for reading in coverage.readings:
        if reading.reviewer == reviewer and reading.path == path and reading.state == "reviewed":
            read.update(coverage.hunks.get(path, ()) if reading.hunks is None else reading.hunks)
    return read


def _decided(
    candidate: Candidate, decision: Literal["post", "open", "held_back"], reason: str = "", *, counts: bool = True
) -> Decided:
    return Decided(
        finding=candidate.finding,
        keys=candidate.keys,
        known_id=candidate.known.finding_id if candidate.known else None,
        decision=decision,
        reason=reason,
        counts=counts,
    )
