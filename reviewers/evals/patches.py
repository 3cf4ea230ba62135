"""A change that exists as a patch only: its diff, and the folders a reviewer reads, with the files that are new."""

import re
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from app.checkouts.diff_parser import parse
from app.domain.diff import Diff, FileChange
from app.domain.file_rules import Attributes, ChangedFile, over_limits, skip_reason, skip_reason_by_text
from app.domain.repo_config import RepoConfig

_NAMES = re.compile(rb'^"?a/(.+?)"? "?b/(.+?)"?$')
_NO_BLOB, _SOME_BLOB = b"0" * 40, b"1" * 40


def read_patch(patch: bytes, *, base_sha: str, head_sha: str, config: RepoConfig) -> Diff:
    """The diff as git would have listed it; what no reviewer reads carries the reason."""
    # Commits are recorded with their message before the patch.
    sections = (b"\n" + patch).split(b"\ndiff --git ")[1:]
    raw = b"".join(_raw(section) for section in sections)
    body = b"".join(b"diff --git " + section + b"\n" for section in sections)
    files = _without_unread(parse(raw, body), config)
    return Diff(merge_base_sha=base_sha, head_sha=head_sha, files=tuple(files))


@asynccontextmanager
async def folders_of(diff: Diff) -> AsyncGenerator[tuple[Path, Path]]:
    """Head and base, for as long as this is entered; the head holds the files that are new.

    Of the others a patch shows a few lines only: a linter would find them broken, so they are not there at all.
    """
    with TemporaryDirectory(prefix="corrigent-eval-") as name:
        head, base = Path(name) / "head", Path(name) / "base"
        head.mkdir()
        base.mkdir()
        for file in diff.reviewable:
            if file.kind == "added":
                _write(head, file)
        yield head, base


def _raw(section: bytes) -> bytes:
    """The line that `git diff --raw -z` prints for a section of a patch."""
    first, _, rest = section.partition(b"\n")
    header = rest.partition(b"\n@@ ")[0]
    names = _NAMES.match(first)
    if names is None:
        raise ValueError("A section of the patch names no files.")
    old, new = names[1], names[2]
    if b"new file mode" in header:
        return _entry(b"A", new, old_blob=_NO_BLOB)
    if b"deleted file mode" in header:
        return _entry(b"D", old, new_blob=_NO_BLOB)
    if old != new:
        return _entry(b"R099", old, new)
    return _entry(b"M", new)


def _entry(status: bytes, *names: bytes, old_blob: bytes = _SOME_BLOB, new_blob: bytes = b"2" * 40) -> bytes:
    return b"\0".join((b":100644 100644 %b %b %b" % (old_blob, new_blob, status), *names, b""))


def _without_unread(files: tuple[FileChange, ...], config: RepoConfig) -> Iterator[FileChange]:
    facts = [_facts(file) for file in files]
    attributes = Attributes({})
    too_many = over_limits(facts, config.limits)
    for file, fact in zip(files, facts, strict=True):
        reason = (
            skip_reason(fact, ignore=config.ignore, attributes=attributes, limits=config.limits)
            or too_many.get(file.path)
            or skip_reason_by_text(file)
        )
        yield file if reason is None else file.model_copy(update={"skipped": reason, "hunks": ()})


def _facts(file: FileChange) -> ChangedFile:
    size = sum(len(line.text) for hunk in file.hunks for line in hunk.lines)
    return ChangedFile(
        path=file.path, kind=file.kind, binary=file.binary, changed_lines=file.changed_line_count, size=size
    )


def _write(folder: Path, file: FileChange) -> None:
    target = (folder / file.path).resolve()
    if not target.is_relative_to(folder.resolve()):
        return
    lines = [line.text for hunk in file.hunks for line in hunk.lines if line.new is not None]
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text("\n".join((*lines, "")), encoding="utf-8", errors="surrogateescape")
