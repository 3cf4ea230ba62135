"""Which hunks were read: a hunk counts when every excerpt of it was in a prompt whose answer was usable."""

from collections.abc import Iterable, Iterator, Mapping

from app.domain.coverage import Reading, ReadingState
from app.domain.diff import Diff, FileChange
from reviewers.bug_hunter.excerpts import Batch


class Ledger:
    """Kept per hunk by position, told per file by fingerprint."""

    def __init__(self, reviewer: str, unreadable: Mapping[tuple[str, int], str]) -> None:
        self._reviewer = reviewer
        self._read: set[tuple[str, int]] = set()
        self._failed: dict[tuple[str, int], str] = dict(unreadable)

    def read(self, batch: Batch) -> None:
        self._read.update((excerpt.path, excerpt.hunk) for excerpt in batch.excerpts)

    def failed(self, batch: Batch, reason: str) -> None:
        self._failed.update({(excerpt.path, excerpt.hunk): reason for excerpt in batch.excerpts})

    def readings(self, diff: Diff) -> tuple[Reading, ...]:
        return tuple(reading for file in diff.reviewable for reading in self._of(file))

    def _of(self, file: FileChange) -> Iterator[Reading]:
        reasons = {at: self._why_not(file.path, at) for at in range(len(file.hunks))}
        unread = {file.hunks[at].fingerprint for at, reason in reasons.items() if reason}
        if not unread:
            yield self._reading(file, "reviewed")
            return
        # Equal hunks have one fingerprint: it is read only when all of them were.
        if done := {hunk.fingerprint for hunk in file.hunks} - unread:
            yield self._reading(file, "reviewed", hunks=done)
        yield self._reading(file, "failed", next(filter(None, reasons.values())), unread)

    def _why_not(self, path: str, at: int) -> str:
        return self._failed.get((path, at)) or ("" if (path, at) in self._read else "not read")

    def _reading(
        self, file: FileChange, state: ReadingState, reason: str = "", hunks: Iterable[str] | None = None
    ) -> Reading:
        return Reading(
            reviewer=self._reviewer,
            path=file.path,
            state=state,
            reason=reason,
            hunks=None if hunks is None else tuple(sorted(hunks)),
        )
