"""Rust keeps tests in the file that they test: here such a file's patch becomes two, the product's and the tests'."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace

from autofix.patches import FilePatch, PatchHunk, PatchLine

_TESTS_BEGIN = re.compile(r"\s*#\[cfg\(test\)\]")


def split(file: FilePatch, head: str) -> tuple[FilePatch | None, FilePatch | None]:
    """What it changes before the tests begin, and from there on; None where it changes nothing."""
    if not file.path.endswith(".rs") or file.status != "modified":
        return file, None
    lines = head.split("\n")
    begin = next((number for number, line in enumerate(lines, 1) if _TESTS_BEGIN.match(line)), len(lines) + 1)
    product = _only(file, lambda old_line, in_new_tests: old_line < begin and not in_new_tests)
    tests = _only(file, lambda old_line, in_new_tests: old_line >= begin or in_new_tests)
    return product, tests


def _only(file: FilePatch, wanted: Callable[[int, bool], bool]) -> FilePatch | None:
    hunks = tuple(PatchHunk(hunk.old_start, hunk.new_start, tuple(_lines(hunk, wanted))) for hunk in file.hunks)
    changed = tuple(hunk for hunk in hunks if any(line.kind != "context" for line in hunk.lines))
    return replace(file, hunks=changed) if changed else None


def _lines(hunk: PatchHunk, wanted: Callable[[int, bool], bool]) -> Iterator[PatchLine]:
    """What is not wanted is left as it was: an added line out, a removed one in."""
    old_line, in_new_tests = hunk.old_start, False
    for line in hunk.lines:
        # Tests that the patch brings stand at the end, or up to the next line that was there.
        in_new_tests = line.kind == "added" and (in_new_tests or _TESTS_BEGIN.match(line.text) is not None)
        if line.kind == "context" or wanted(old_line, in_new_tests):
            yield line
        elif line.kind == "removed":
            yield PatchLine("context", line.text)
        old_line += line.kind != "added"
