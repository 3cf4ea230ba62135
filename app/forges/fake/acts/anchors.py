"""Where a review comment may stand, and where it stands after the change has moved on."""

from dataclasses import dataclass
from typing import Literal

from app.forges.fake.diffs import Diff, DiffFile, DiffHunk, DiffLine
from app.forges.fake.entities import Anchor, PullRequest, Thread

Side = Literal["LEFT", "RIGHT"]

PATH_INVALID = "Pull request review thread path is invalid"
LINE_OUTSIDE = "Pull request review thread line must be part of the diff"
HUNK_BLANK = "Pull request review thread diff hunk can't be blank"
START_OUTSIDE = "Pull request review thread start line must be part of the same hunk as the line."
START_AFTER = "Pull request review thread start line must precede the end line."
NOT_IN_PULL = "Start commit oid is not part of the pull request"


class BadAnchor(Exception):
    """The place is not in the diff; the text is GitHub's."""


@dataclass(frozen=True)
class WantedPlace:
    """Where somebody wants a comment; `position` is the API's older way to say it."""

    path: str
    line: int | None = None
    side: Side = "RIGHT"
    start_line: int | None = None
    start_side: Side | None = None
    position: int | None = None
    whole_file: bool = False


async def diff_of(pull: PullRequest, head_sha: str) -> Diff:
    """What a commit of the pull request changes since it left the base."""
    git = pull.repo.git
    return await git.diff(await git.merge_base(pull.base_sha, head_sha), head_sha)


async def is_in_pull(pull: PullRequest, commit_id: str) -> bool:
    """Whether a commit may be reviewed: in the head's history, not in the base's."""
    if commit_id == pull.head_sha:
        return True
    git = pull.repo.git
    if await git.resolve(commit_id) != commit_id:
        return False
    return await git.contains(commit_id, pull.head_sha) and not await git.contains(commit_id, pull.base_sha)


def place(diff: Diff, wanted: WantedPlace, commit_id: str) -> Anchor:
    """The anchor for a place, or BadAnchor as GitHub words it."""
    file = diff.by_path.get(wanted.path)
    if file is None:
        raise BadAnchor(f"{PATH_INVALID} and {HUNK_BLANK}")
    if wanted.whole_file:
        return _file_anchor(file, commit_id)
    found = _by_position(file, wanted.position) if wanted.position is not None else None
    side = wanted.side
    if found is not None:
        side = "LEFT" if found[1].mark == "-" else "RIGHT"
    elif wanted.line is not None:
        found = file.hunk_of(side, wanted.line)
    if found is None:
        raise BadAnchor(f"{LINE_OUTSIDE} and {HUNK_BLANK}")
    hunk, last = found
    start_side = _checked_start(hunk, last, wanted, side)
    line = last.old if side == "LEFT" else last.new
    return Anchor(
        path=file.path,
        side=side,
        line=line,
        start_side=start_side,
        start_line=wanted.start_line,
        position=last.position,
        commit_id=commit_id,
        original_line=line,
        original_start_line=wanted.start_line,
        original_position=last.position,
        original_commit_id=commit_id,
        diff_hunk=hunk.excerpt(last),
    )


async def move_threads(pull: PullRequest, old_head: str, old_base: str) -> None:
    """After a push or a new base: lines that are still there keep their comments, the others become outdated."""
    if not pull.threads:
        return
    git = pull.repo.git
    steps = {
        "RIGHT": await git.diff(old_head, pull.head_sha),
        "LEFT": await git.diff(
            await git.merge_base(old_base, old_head), await git.merge_base(pull.base_sha, pull.head_sha)
        ),
    }
    now = await diff_of(pull, pull.head_sha)
    for thread in pull.threads:
        if not thread.anchor.outdated:
            _move(thread, steps[thread.anchor.side], now, pull.head_sha)


def _move(thread: Thread, step: Diff, now: Diff, head_sha: str) -> None:
    anchor = thread.anchor
    file = now.by_path.get(anchor.path)
    if file is not None and anchor.subject_type == "file":
        anchor.commit_id = head_sha
        return
    line = _moved(step, anchor.path, anchor.line)
    start_line = _moved(step, anchor.path, anchor.start_line)
    lost_start = anchor.start_line is not None and start_line is None
    found = file.hunk_of(anchor.side, line) if file is not None and line is not None else None
    if found is None or lost_start:
        anchor.line = anchor.start_line = anchor.position = None
        anchor.outdated = True
        return
    anchor.line, anchor.start_line, anchor.position = line, start_line, found[1].position
    anchor.commit_id = head_sha


def _moved(step: Diff, path: str, line: int | None) -> int | None:
    file = step.by_old_path.get(path)
    if file is None or line is None:
        return line
    return None if file.status in ("removed", "renamed") or file.binary else file.moved(line)


def _checked_start(hunk: DiffHunk, last: DiffLine, wanted: WantedPlace, side: Side) -> Side | None:
    if wanted.start_line is None:
        return None
    start_side = wanted.start_side or side
    first = hunk.find(start_side, wanted.start_line)
    if first is None:
        raise BadAnchor(START_OUTSIDE)
    if first.position >= last.position:
        raise BadAnchor(START_AFTER)
    return start_side


def _by_position(file: DiffFile, position: int) -> tuple[DiffHunk, DiffLine] | None:
    for hunk in file.hunks:
        for line in hunk.lines:
            if line.position == position:
                return hunk, line
    return None


def _file_anchor(file: DiffFile, commit_id: str) -> Anchor:
    return Anchor(
        path=file.path,
        side="RIGHT",
        line=None,
        start_side=None,
        start_line=None,
        position=1,
        commit_id=commit_id,
        original_line=None,
        original_start_line=None,
        original_position=1,
        original_commit_id=commit_id,
        diff_hunk=file.hunks[0].header if file.hunks else "",
        subject_type="file",
    )
