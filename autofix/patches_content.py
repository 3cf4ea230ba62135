"""What a patch makes of a file's content, and the patch between two contents: text in, text out, no git."""

import difflib
import hashlib
from collections.abc import Iterator

from autofix.patches import FilePatch, PatchHunk
from autofix.patches_names import quoted


class DoesNotApply(Exception):
    """The patch was made on other content than this; one sentence."""


def apply(patch: FilePatch, content: bytes | None) -> bytes | None:
    """The new content, None for a deleted file. Every context and removed line must stand where the patch says."""
    if patch.binary:
        raise DoesNotApply(f"{patch.path} is a binary file.")
    if (content is None) != (patch.status == "added"):
        raise DoesNotApply(f"{patch.old_path} {'is not there' if content is None else 'exists already'}.")
    lines = _lines(content or b"")
    result: list[str] = []
    done = 0
    for hunk in patch.hunks:
        begin = _begin(hunk)
        before = [line.text for line in hunk.lines if line.kind != "added"]
        if begin < done or lines[begin : begin + len(before)] != before:
            raise DoesNotApply(f"{patch.old_path} is not what the patch was made on, near line {hunk.old_start}.")
        result += lines[done:begin]
        result += (line.text for line in hunk.lines if line.kind != "removed")
        done = begin + len(before)
    if patch.status == "deleted":
        return None
    return "".join([*result, *lines[done:]]).encode("utf-8", "surrogateescape")


def make(path: str, before: bytes | None, after: bytes | None) -> bytes:
    """One file's patch as `git diff --full-index` writes it; empty when nothing changes."""
    if before == after:
        return b""
    name = quoted(path) if quoted(path) == path else ""
    old, new = (name and f"a/{name}") or quoted(f"a/{path}"), (name and f"b/{name}") or quoted(f"b/{path}")
    # git ends a name that holds a blank with a tab, so that no date can be read into it.
    tab = "\t" if " " in path else ""
    mode = ["new file mode 100644"] if before is None else ["deleted file mode 100644"] if after is None else []
    head = [f"diff --git {old} {new}", *mode, _index(before, after)]
    if hunks := list(_hunks(_lines(before or b""), _lines(after or b""))):
        head += [
            f"--- {'/dev/null' if before is None else old + tab}",
            f"+++ {'/dev/null' if after is None else new + tab}",
        ]
    return ("\n".join(head) + "\n" + "".join(hunks)).encode("utf-8", "surrogateescape")


def _begin(hunk: PatchHunk) -> int:
    """Where the hunk begins, from 0; one without old lines stands behind the line that it names."""
    return hunk.old_start if all(line.kind == "added" for line in hunk.lines) else hunk.old_start - 1


def _lines(content: bytes) -> list[str]:
    """Lines with their ends; only a line feed ends one."""
    *whole, last = content.decode("utf-8", "surrogateescape").split("\n")
    return [f"{line}\n" for line in whole] + ([last] if last else [])


def _index(before: bytes | None, after: bytes | None) -> str:
    mode = " 100644" if before is not None and after is not None else ""
    return f"index {_blob_id(before)}..{_blob_id(after)}{mode}"


def _blob_id(content: bytes | None) -> str:
    if content is None:
        return "0" * 40
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _hunks(before: list[str], after: list[str]) -> Iterator[str]:
    # The first two lines name the files, which git does in its own way.
    for number, line in enumerate(difflib.unified_diff(before, after)):
        if number < 2:
            continue
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
