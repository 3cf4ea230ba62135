"""Reads what `git diff -z` prints with `--raw`, `--numstat` and `--patch`, whatever names and bytes are in it."""

import re
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, replace

from app.domain.diff import ChangeKind, FileChange, Hunk, Line

_HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
_REGULAR = {"100644", "100755", "100664"}
_SYMLINK = "120000"
_SUBMODULE = "160000"
# A link or a submodule that became a file (T) is all new text.
_KINDS: dict[str, ChangeKind] = {"A": "added", "T": "added", "D": "deleted", "R": "renamed", "C": "copied"}
# pydantic keeps one per line otherwise; with 20,000 lines that is 4 MB of equal sets.
_LINE_FIELDS = {"kind", "text", "new", "old"}


@dataclass(frozen=True, kw_only=True, slots=True)
class RawChange:
    """One file of a change as git lists it; `added` and `removed` are None where git saw a binary file."""

    status: str
    path: bytes
    old_path: bytes
    old_mode: str
    new_mode: str
    old_blob: str
    new_blob: str
    added: int | None = 0
    removed: int | None = 0

    @property
    def name(self) -> str:
        return decode_path(self.path)

    def counted(self, added: int | None, removed: int | None) -> "RawChange":
        return replace(self, added=added, removed=removed)

    @property
    def binary(self) -> bool:
        return self.added is None

    @property
    def kind(self) -> ChangeKind:
        if _SUBMODULE in {self.new_mode, self.old_mode} and self.new_mode not in _REGULAR:
            return "submodule"
        if _SYMLINK in {self.new_mode, self.old_mode} and self.new_mode not in _REGULAR:
            return "symlink"
        if self.status == "M" and self.old_blob == self.new_blob:
            return "mode"
        return _KINDS.get(self.status, "modified")


def decode_path(path: bytes) -> str:
    """A name as text that can be stored and sent; bytes that are not UTF-8 become U+FFFD, in every module alike."""
    return path.decode("utf-8", "replace")


def parse(raw_z: bytes, patch: bytes) -> tuple[FileChange, ...]:
    """Every file of the raw list with the hunks of its patch section; the two must come from the same diff."""
    changes, _ = read_changes(raw_z)
    return parse_patch(changes, patch)


def parse_patch(
    changes: Iterable[RawChange], patch: bytes, wanted: Container[bytes] | None = None
) -> tuple[FileChange, ...]:
    """The same for a list that was read before; of some files alone where their (new) paths are `wanted`."""
    sections = iter((b"\n" + patch).split(b"\ndiff --git ")[1:])
    found = ((change, _section(change, sections)) for change in changes)
    return tuple(_file_change(*one) for one in found if wanted is None or one[0].path in wanted)


def parse_combined(output: bytes) -> tuple[FileChange, ...]:
    """The same for the output of one command with `--raw --patch -z`: a NUL stands between list and patch."""
    changes, end = read_changes(output)
    return parse_patch(changes, output[end + 1 :])


def read_changes(raw_z: bytes) -> tuple[list[RawChange], int]:
    """The raw list, and where it ends."""
    changes: list[RawChange] = []
    position = 0
    while raw_z.startswith(b":", position):
        fields, position = _until_nul(raw_z, position)
        old_mode, new_mode, old_blob, new_blob, status = fields[1:].decode("ascii").split(" ")
        old_path, position = _until_nul(raw_z, position)
        path = old_path
        if status[0] in "RC":
            path, position = _until_nul(raw_z, position)
        changes.append(
            RawChange(
                status=status[0],
                path=path,
                old_path=old_path,
                old_mode=old_mode,
                new_mode=new_mode,
                old_blob=old_blob,
                new_blob=new_blob,
            )
        )
    return changes, position


def read_counts(numstat_z: bytes, position: int) -> tuple[dict[bytes, tuple[int | None, int | None]], int]:
    """Added and removed lines by (new) path from a `--numstat -z` list that begins at `position`, and where it ends."""
    counts: dict[bytes, tuple[int | None, int | None]] = {}
    # An empty record stands before the patch.
    while position < len(numstat_z) and not numstat_z.startswith(b"\0", position):
        record, position = _until_nul(numstat_z, position)
        added, removed, path = record.split(b"\t", 2)
        if not path:
            _, position = _until_nul(numstat_z, position)
            path, position = _until_nul(numstat_z, position)
        counts[path] = (None, None) if added == b"-" else (int(added), int(removed))
    return counts, position


def _until_nul(data: bytes, position: int) -> tuple[bytes, int]:
    end = data.index(b"\0", position)
    return data[position:end], end + 1


def _section(change: RawChange, sections: Iterator[bytes]) -> bytes:
    """The next one; a change of type is written as a deletion and a creation, of which the second counts."""
    section = next(sections, b"")
    return next(sections, b"") if change.status == "T" else section


def _file_change(change: RawChange, section: bytes) -> FileChange:
    head, _, body = section.partition(b"\n@@ ")
    kind = change.kind
    return FileChange(
        path=change.name,
        old_path=decode_path(change.old_path),
        kind=kind,
        hunks=tuple(_hunks(body)) if body and kind not in {"symlink", "submodule"} else (),
        binary=b"\nBinary files " in head,
    )


def _hunks(body: bytes) -> Iterator[Hunk]:
    """`body` begins right behind the first "@@ ". Counts, not looks, decide where a hunk ends."""
    lines = iter(("@@ " + body.decode("utf-8", "replace")).split("\n"))
    for header in lines:
        found = _HUNK.match(header)
        if found is None:
            continue
        old_start, old_count, new_start, new_count = (1 if group is None else int(group) for group in found.groups())
        yield Hunk(
            old_start=old_start,
            old_count=old_count,
            new_start=new_start,
            new_count=new_count,
            lines=tuple(_lines(lines, old_start, old_count, new_start, new_count)),
        )


def _lines(lines: Iterator[str], old: int, old_count: int, new: int, new_count: int) -> Iterator[Line]:
    old_end, new_end = old + old_count, new + new_count
    make = Line.model_construct
    while old < old_end or new < new_end:
        text = next(lines, None)
        if text is None:
            return
        mark = text[:1]
        if mark == "+":
            yield make(_LINE_FIELDS, kind="added", text=text[1:], new=new, old=None)
            new += 1
        elif mark == "-":
            yield make(_LINE_FIELDS, kind="removed", text=text[1:], new=None, old=old)
            old += 1
        elif mark != "\\":
            yield make(_LINE_FIELDS, kind="context", text=text[1:], new=new, old=old)
            old, new = old + 1, new + 1
