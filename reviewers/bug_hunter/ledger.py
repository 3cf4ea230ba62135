"""Which hunks were read: a hunk counts when enough passes had every excerpt of it in a prompt with a usable answer."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from app.domain.coverage import Reading, ReadingState
from app.domain.diff import Diff, FileChange
from reviewers.bug_hunter.excerpts import Batch
from reviewers.bug_hunter.passes import Pass

# A hunk by its file and its position there.
_Hunk = tuple[str, int]


class Ledger:
    """Kept per hunk by position, told per file by fingerprint; `quorum` is how many passes make a hunk read."""

    def __init__(self, reviewer: str, unreadable: Mapping[_Hunk, str], *, quorum: int = 1) -> None:
        self._reviewer = reviewer
        self._quorum = quorum
        self._unreadable = dict(unreadable)
        self._read: dict[_Hunk, set[int]] = defaultdict(set)
        self._failed: dict[_Hunk, dict[int, str]] = defaultdict(dict)

    def read(self, batch: Batch, by: Pass) -> None:
        for excerpt in batch.excerpts:
            self._read[excerpt.path, excerpt.hunk].add(by.number)

    def failed(self, batch: Batch, by: Pass, reason: str) -> None:
        for excerpt in batch.excerpts:
            self._failed[excerpt.path, excerpt.hunk][by.number] = reason

    def readings(self, diff: Diff) -> tuple[Reading, ...]:
        return tuple(reading for file in diff.reviewable for reading in self._of(file))

    def _of(self, file: FileChange) -> Iterator[Reading]:
        reasons = {at: self._why_not((file.path, at)) for at in range(len(file.hunks))}
        unread = {file.hunks[at].fingerprint for at, reason in reasons.items() if reason}
        if not unread:
            yield self._reading(file, "reviewed")
            return
        # Equal hunks have one fingerprint: it is read only when all of them were.
        if done := {hunk.fingerprint for hunk in file.hunks} - unread:
            yield self._reading(file, "reviewed", hunks=done)
        yield self._reading(file, "failed", next(filter(None, reasons.values())), unread)

    def _why_not(self, hunk: _Hunk) -> str:
        if hunk in self._unreadable:
            return self._unreadable[hunk]
        # A long hunk is read in parts: a pass that lost one of them has not read it.
        failures = self._failed.get(hunk, {})
        readers = self._read.get(hunk, set()) - failures.keys()
        if len(readers) >= self._quorum:
            return ""
        reason = next(iter(failures.values()), "not read")
        return f"{reason}; {len(readers)} of {len(readers | failures.keys())} passes read it" if readers else reason

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
