"""Reads a patch that came out of a sandbox, as untrusted text: what is not understood to the last line is refused."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from app.domain.fixes import ChangedFile
from app.domain.invisible import strip_invisible
from autofix.patches_names import BadName, same_name, split_names, unquoted

LineKind = Literal["context", "added", "removed"]
FileStatus = Literal["added", "modified", "deleted", "renamed"]

# No patch that we would ever push comes near; beyond this nothing is read.
LARGEST_PATCH = 4_000_000
_LONGEST_NAME = 500

_HUNK = re.compile(r"@@ -(\d{1,9})(?:,(\d{1,9}))? \+(\d{1,9})(?:,(\d{1,9}))? @@(?: .*)?")
_INDEX = re.compile(r"index ([0-9a-f]{40}(?:[0-9a-f]{24})?)\.\.([0-9a-f]{40}(?:[0-9a-f]{24})?)(?: (\d{6}))?")
_MODE = re.compile(r"(old mode|new mode|new file mode|deleted file mode) (\d{6})")
_SIMILARITY = re.compile(r"(?:dis)?similarity index \d{1,3}%")
_BINARY_LINE = re.compile(r"(?:literal|delta) \d{1,12}|[A-Za-z][0-9A-Za-z!#$%&()*+;<=>?@^_`{|}~-]{5,65}|")
_KINDS: dict[str, LineKind] = {" ": "context", "+": "added", "-": "removed"}


class UnreadablePatch(Exception):
    """Not a patch as `git diff --binary --full-index` writes it; one sentence that names the place."""


@dataclass(frozen=True, slots=True)
class PatchLine:
    """A line with its line end, if it has one; bytes that are not UTF-8 are kept as surrogates."""

    kind: LineKind
    text: str


@dataclass(frozen=True, slots=True)
class PatchHunk:
    old_start: int
    new_start: int
    lines: tuple[PatchLine, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class FilePatch:
    """One file's part. Modes are empty where the patch names none; a file that is modified has one mode or two."""

    path: str
    old_path: str
    status: FileStatus
    old_mode: str = ""
    new_mode: str = ""
    binary: bool = False
    hunks: tuple[PatchHunk, ...] = ()

    @property
    def added(self) -> Iterator[tuple[int, str]]:
        """Added lines without their ends, with their numbers in the new file."""
        for hunk in self.hunks:
            number = hunk.new_start
            for line in hunk.lines:
                if line.kind == "added":
                    yield number, line.text.removesuffix("\n")
                number += line.kind != "removed"

    @property
    def removed(self) -> Iterator[tuple[int, str]]:
        """Removed lines without their ends, with their numbers in the old file."""
        for hunk in self.hunks:
            number = hunk.old_start
            for line in hunk.lines:
                if line.kind == "removed":
                    yield number, line.text.removesuffix("\n")
                number += line.kind != "added"


@dataclass(frozen=True, slots=True)
class ParsedPatch:
    """A patch that was understood whole; `size` is its length in bytes."""

    files: tuple[FilePatch, ...]
    size: int

    @property
    def paths(self) -> frozenset[str]:
        """Every name it touches, old names of renamed files included."""
        return frozenset(name for file in self.files for name in (file.path, file.old_path))

    @property
    def changed_files(self) -> tuple[ChangedFile, ...]:
        return tuple(
            ChangedFile(
                path=file.path, added=len(list(file.added)), removed=len(list(file.removed)), status=file.status
            )
            for file in self.files
        )


def parse(patch: bytes) -> ParsedPatch:
    """All of the patch, or UnreadablePatch. An empty one has no files."""
    if len(patch) > LARGEST_PATCH:
        raise UnreadablePatch("The patch is larger than 4 MB.")
    if b"\0" in patch:
        raise UnreadablePatch("The patch holds a NUL byte.")
    lines = _Lines(patch.decode("utf-8", "surrogateescape").split("\n"))
    files: list[FilePatch] = []
    while not lines.at_end:
        files.append(_file(lines))
    names = [file.path for file in files] + [file.old_path for file in files if file.status == "renamed"]
    if len(set(names)) != len(names):
        raise UnreadablePatch("The patch changes one file twice.")
    return ParsedPatch(tuple(files), len(patch))


class _Lines:
    """The patch's lines, with one look ahead."""

    def __init__(self, lines: list[str]) -> None:
        self._lines = lines[:-1] if lines[-1] == "" else lines
        self._position = 0

    @property
    def at_end(self) -> bool:
        return self._position >= len(self._lines)

    @property
    def next(self) -> str:
        return "" if self.at_end else self._lines[self._position]

    def take(self) -> str:
        if self.at_end:
            raise UnreadablePatch("The patch ends in the middle of a file.")
        self._position += 1
        return self._lines[self._position - 1]

    def refuse(self, what: str) -> UnreadablePatch:
        return UnreadablePatch(
            f"Line {self._position} of the patch is not {what}: {self._lines[self._position - 1][:80]!r}."
        )


@dataclass(slots=True)
class _Header:
    """What the lines before the first hunk said."""

    names: str
    modes: dict[str, str]
    renamed_from: str = ""
    renamed_to: str = ""
    index_mode: str = ""
    has_index: bool = False

    @property
    def status(self) -> FileStatus:
        if "new file mode" in self.modes:
            return "added"
        if "deleted file mode" in self.modes:
            return "deleted"
        return "renamed" if self.renamed_to else "modified"


def _file(lines: _Lines) -> FilePatch:
    first = lines.take()
    if not first.startswith("diff --git "):
        raise lines.refuse("the beginning of a file")
    header = _header(lines, first.removeprefix("diff --git "))
    old_path, path = _names(lines, header)
    status = header.status
    binary = lines.next == "GIT binary patch"
    if binary:
        _skip_binary(lines)
    elif lines.next.startswith("--- "):
        _check_name(lines, "--- ", "/dev/null" if status == "added" else f"a/{old_path}")
        _check_name(lines, "+++ ", "/dev/null" if status == "deleted" else f"b/{path}")
    elif lines.next.startswith("@@ ") or (status == "modified" and not header.modes):
        raise UnreadablePatch(f"The patch does not say what changes in {path}.")
    return FilePatch(
        path=path,
        old_path=old_path,
        status=status,
        old_mode=header.modes.get("old mode", header.modes.get("deleted file mode", header.index_mode)),
        new_mode=header.modes.get("new mode", header.modes.get("new file mode", header.index_mode)),
        binary=binary,
        hunks=() if binary else tuple(_hunks(lines)),
    )


def _header(lines: _Lines, names: str) -> _Header:
    header = _Header(names, {})
    while line := lines.next:
        if mode := _MODE.fullmatch(line):
            if mode[1] in header.modes:
                raise UnreadablePatch("The patch gives one file two modes of the same kind.")
            header.modes[mode[1]] = mode[2]
        elif index := _INDEX.fullmatch(line):
            header.index_mode, header.has_index = index[3] or "", True
        elif line.startswith("rename from "):
            header.renamed_from = _name(line.removeprefix("rename from "))
        elif line.startswith("rename to "):
            header.renamed_to = _name(line.removeprefix("rename to "))
        elif not _SIMILARITY.fullmatch(line):
            break
        lines.take()
    _check_modes(header)
    return header


def _check_modes(header: _Header) -> None:
    kinds = set(header.modes)
    if kinds and kinds not in ({"old mode", "new mode"}, {"new file mode"}, {"deleted file mode"}):
        raise UnreadablePatch("The modes of a file in the patch contradict each other.")
    if bool(header.renamed_from) != bool(header.renamed_to):
        raise UnreadablePatch("The patch renames a file halfway.")
    if header.renamed_to and header.status != "renamed":
        raise UnreadablePatch("The patch renames a file that it makes or deletes.")


def _names(lines: _Lines, header: _Header) -> tuple[str, str]:
    """Old and new name; the line `diff --git` must say the same as the others."""
    if header.renamed_to:
        if not same_name(header.names, f"a/{header.renamed_from}", f"b/{header.renamed_to}"):
            raise lines.refuse("the name that the file is renamed to")
        return header.renamed_from, header.renamed_to
    try:
        name = _checked(split_names(header.names))
    except BadName as error:
        raise UnreadablePatch(str(error)) from None
    return name, name


def _name(text: str) -> str:
    try:
        return _checked(unquoted(text))
    except BadName as error:
        raise UnreadablePatch(str(error)) from None


def _checked(name: str) -> str:
    """The name itself, when it is plain text that names a place below the root."""
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        raise BadName("A file name in the patch is not UTF-8.") from None
    if not name or len(name) > _LONGEST_NAME or strip_invisible(name) != name or {"\n", "\t", "\\"} & set(name):
        raise BadName(f"The file name {name[:80]!r} in the patch holds characters that people cannot see.")
    if not {"", ".", ".."}.isdisjoint(name.split("/")):
        raise BadName(f"The file name {name[:80]!r} in the patch leads out of the repository.")
    return name


def _check_name(lines: _Lines, mark: str, wanted: str) -> None:
    line = lines.take()
    # git ends a name that holds a blank with a tab.
    said = line.removeprefix(mark).removesuffix("\t")
    try:
        matches = line.startswith(mark) and unquoted(said) == wanted
    except BadName:
        matches = False
    if not matches:
        raise lines.refuse(f"{mark}{wanted}")


def _skip_binary(lines: _Lines) -> None:
    lines.take()
    while not lines.at_end and not lines.next.startswith("diff --git "):
        if not _BINARY_LINE.fullmatch(lines.take()):
            raise lines.refuse("part of a binary file")


def _hunks(lines: _Lines) -> Iterator[PatchHunk]:
    while lines.next.startswith("@@ "):
        header = _HUNK.fullmatch(lines.take())
        if header is None:
            raise lines.refuse("the head of a hunk")
        old_start, old_count, new_start, new_count = (1 if group is None else int(group) for group in header.groups())
        yield PatchHunk(old_start, new_start, tuple(_hunk_lines(lines, old_count, new_count)))


def _hunk_lines(lines: _Lines, old_count: int, new_count: int) -> Iterator[PatchLine]:
    """Counts, not looks, decide where a hunk ends."""
    while old_count > 0 or new_count > 0:
        line = lines.take()
        kind = _KINDS.get(line[:1])
        if kind is None:
            raise lines.refuse("a line of a hunk")
        old_count -= kind != "added"
        new_count -= kind != "removed"
        if old_count < 0 or new_count < 0:
            raise lines.refuse("inside the hunk that it stands in")
        ends = not lines.next.startswith("\\ ")
        if not ends:
            lines.take()
        yield PatchLine(kind, line[1:] + ("\n" if ends else ""))
