"""Where a note may stand in a diff, and where it stands after the next push."""

import hashlib
import re
from dataclasses import replace
from typing import Literal

from app.forges.fake.diffs import Diff, DiffFile
from app.forges.fake.git import GitRepository
from app.forges.fake.gitlab.entities import MergeRequest, Position, Version

# The complaints of a note whose place is not in the diff, and of one that names no line at all.
NO_LINE = """Note {:line_code=>["can't be blank", "must be a valid line code"]}"""
INCOMPLETE = """Note {:line_code=>["can't be blank", "must be a valid line code"], :position=>["is incomplete"]}"""


_STARTS = re.compile(r"^@@ -(\d+)(?:,\d+)? \+(\d+)")


def line_code_of(path: str, old: int, new: int) -> str:
    """How GitLab names a line: the path's hash and both counters, whichever side the line is on."""
    return f"{hashlib.sha1(path.encode(), usedforsecurity=False).hexdigest()}_{old}_{new}"


async def find_line_code(git: GitRepository, position: Position) -> str | None:
    """The line's code, or None where the diff that the position names has no such line.

    An added line has only its new number, a removed one only its old, and a line of context must be given both; lines
    of context may also stand outside the hunks.
    """
    diff = await diff_of(git, position)
    file = diff.by_path.get(position.new_path) if diff is not None else None
    if diff is not None and file is None:
        file = diff.by_old_path.get(position.old_path)
    if file is None or file.binary:
        return None
    if file.status == "renamed" and position.old_path != file.old_path:
        # Asked for the new path alone, git tells of a new file.
        return await _in_new_file(git, position)
    return _in_hunks(file, position) or await _outside_hunks(git, file, position)


async def diff_of(git: GitRepository, position: Position) -> Diff | None:
    """The diff between the position's own commits; None where one of them is unknown."""
    for sha in (position.base_sha, position.start_sha, position.head_sha):
        if await git.resolve(sha) != sha:
            return None
    return await git.diff(await git.merge_base(position.start_sha, position.head_sha), position.head_sha)


async def diff_of_version(git: GitRepository, version: Version) -> Diff:
    return await git.diff(version.base_sha, version.head_sha)


async def follow(merge_request: MergeRequest, before: Version, after: Version) -> None:
    """After a push: a line that is still there takes its note along; the note of another stays in the old version."""
    git = merge_request.project.git
    threads = [one for one in merge_request.discussions if one.position is not None and not one.outdated]
    if not threads:
        return
    moved_new = await git.diff(before.head_sha, after.head_sha)
    moved_old = await git.diff(before.base_sha, after.base_sha)
    now = await diff_of_version(git, after)
    for thread in threads:
        if thread.position is None or thread.position.head_sha != before.head_sha:
            continue
        found = _moved(thread.position, moved_new, moved_old, now, after)
        thread.outdated = found is None
        if found is not None:
            thread.position = found
            thread.line_code = await find_line_code(git, found)


def _in_hunks(file: DiffFile, position: Position) -> str | None:
    for hunk in file.hunks:
        old, new = (int(number) for number in _STARTS.findall(hunk.header)[0])
        for line in hunk.lines:
            if (line.old, line.new) == (position.old_line, position.new_line) and line.mark != "\\":
                return line_code_of(file.path, old, new)
            old, new = old + (line.old is not None), new + (line.new is not None)
    return None


async def _in_new_file(git: GitRepository, position: Position) -> str | None:
    content = await git.read_file(position.head_sha, position.new_path)
    line = position.new_line or 0
    if content is None or position.old_line is not None or not 1 <= line <= len(content.splitlines()):
        return None
    return line_code_of(position.new_path, 0, line)


async def _outside_hunks(git: GitRepository, file: DiffFile, position: Position) -> str | None:
    """Unchanged lines, given with both of their numbers."""
    old, new = position.old_line, position.new_line
    if old is None or new is None or old < 1 or file.status in ("added", "removed") or file.moved(old) != new:
        return None
    content = await git.read_file(position.head_sha, file.path)
    if content is None or new > len(content.splitlines()):
        return None
    return line_code_of(file.path, old, new)


def _moved(position: Position, moved_new: Diff, moved_old: Diff, now: Diff, after: Version) -> Position | None:
    new_line = _new_number(moved_new, position.new_path, position.new_line)
    old_line = _new_number(moved_old, position.old_path, position.old_line)
    lost = (position.new_line is not None and new_line is None) or (position.old_line is not None and old_line is None)
    file = now.by_path.get(position.new_path)
    side: Literal["LEFT", "RIGHT"] = "RIGHT" if new_line is not None else "LEFT"
    wanted = new_line if new_line is not None else old_line
    if lost or file is None or wanted is None:
        return None
    found = file.hunk_of(side, wanted)
    if found is None:
        # It was part of the change and is not any more.
        return None
    return replace(
        position,
        base_sha=after.base_sha,
        start_sha=after.start_sha,
        head_sha=after.head_sha,
        old_path=file.old_path,
        old_line=found[1].old,
        new_line=found[1].new,
    )


def _new_number(step: Diff, path: str, line: int | None) -> int | None:
    file = step.by_old_path.get(path)
    if file is None or line is None:
        return line
    return None if file.status in ("removed", "renamed") or file.binary else file.moved(line)
