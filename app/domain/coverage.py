"""Who read what: the ledger that makes a false green impossible."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Literal

from app.domain.diff import Diff
from app.domain.model import Frozen

ReadingState = Literal["reviewed", "skipped", "failed"]


class Reading(Frozen):
    """What one reviewer did with one file. `hunks` names fingerprints when it is not the whole file."""

    reviewer: str
    path: str
    state: ReadingState
    # A phrase that fits after "not reviewed": "model answered with broken JSON, twice".
    reason: str = ""
    hunks: tuple[str, ...] | None = None


class Unread(Frozen):
    """A file that at least one configured reviewer did not read whole."""

    path: str
    reviewer: str
    reason: str


class Coverage(Frozen):
    """Files and hunks to read, the reviewers who had to, and what each did."""

    # Fingerprints of the hunks of every reviewable file.
    hunks: dict[str, tuple[str, ...]]
    skipped: dict[str, str]
    reviewers: tuple[str, ...]
    model_reviewers: tuple[str, ...]
    readings: tuple[Reading, ...]

    @classmethod
    def of(
        cls, diff: Diff, reviewers: tuple[str, ...], models: tuple[str, ...], readings: tuple[Reading, ...]
    ) -> "Coverage":
        return cls(
            hunks={file.path: tuple(hunk.fingerprint for hunk in file.hunks) for file in diff.reviewable},
            skipped={file.path: file.skipped for file in diff.files if file.skipped is not None},
            reviewers=reviewers,
            model_reviewers=models,
            readings=readings,
        )

    @property
    def hunk_count(self) -> int:
        return sum(len(hunks) for hunks in self.hunks.values())

    def unread(self) -> tuple[Unread, ...]:
        """Every (file, reviewer) whose hunks were not all reviewed, with the reason; empty means all was read."""
        own = self._by_file()
        return tuple(
            Unread(path=path, reviewer=reviewer, reason=_reason(own[reviewer, path]))
            for path in self.hunks
            for reviewer in self.reviewers
            if self._read_hunks(path, own[reviewer, path]) < set(self.hunks[path])
        )

    @property
    def read_hunk_count(self) -> int:
        """Hunks that every configured reviewer read."""
        own = self._by_file()
        count = 0
        for path, hunks in self.hunks.items():
            read = [self._read_hunks(path, own[reviewer, path]) for reviewer in self.reviewers]
            count += sum(all(hunk in one for one in read) for hunk in hunks)
        return count

    def _by_file(self) -> Mapping[tuple[str, str], list[Reading]]:
        """By reviewer and path: a change of thousands of files has thousands of readings."""
        found: dict[tuple[str, str], list[Reading]] = defaultdict(list)
        for reading in self.readings:
            found[reading.reviewer, reading.path].append(reading)
        return found

    def _read_hunks(self, path: str, readings: Sequence[Reading]) -> set[str]:
        read: set[str] = set()
        for reading in readings:
            if reading.state == "reviewed":
                read.update(self.hunks[path] if reading.hunks is None else reading.hunks)
        return read


def _reason(readings: Sequence[Reading]) -> str:
    return next((reading.reason for reading in readings if reading.reason), "not read")
