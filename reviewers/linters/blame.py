"""Which of a linter's hits are the change's own: on an added line, and not there before."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from app.domain.diff import FileChange
from reviewers.linters.base import Hit

# The text of a line of a path; empty where there is none.
LineOf = Callable[[str, int], str]
# Two hits with the same fingerprint are the same complaint about the same code, wherever it stands now.
Fingerprint = tuple[str, str, str]


def touches(hit: Hit, file: FileChange) -> bool:
    return any(hit.start_line <= line <= hit.end_line for line in file.added_lines)


def new_hits(
    head: Iterable[Hit], base: Iterable[Hit], *, head_line: LineOf, base_line: LineOf, files: Mapping[str, FileChange]
) -> list[Hit]:
    """Hits on added lines, less those the base had: as many as there are more now than before.

    Counting all of the head's hits, also those on old lines, keeps a second copy of an old mistake a new one.
    """
    before = Counter(_fingerprint(hit, base_line) for hit in base)
    by_fingerprint: dict[Fingerprint, list[Hit]] = {}
    for hit in head:
        by_fingerprint.setdefault(_fingerprint(hit, head_line), []).append(hit)
    new: list[Hit] = []
    for fingerprint, hits in by_fingerprint.items():
        touching = [hit for hit in hits if touches(hit, files[hit.path])]
        more = len(hits) - before[fingerprint]
        new += touching[max(0, len(touching) - max(0, more)) :]
    return new


def _fingerprint(hit: Hit, line_of: LineOf) -> Fingerprint:
    return hit.rule, hit.path, "".join(line_of(hit.path, hit.start_line).split())
