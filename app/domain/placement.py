"""Puts a finding where the forge surely accepts a comment: every line of it in one hunk of the change."""

from app.domain.diff import Diff, Hunk, Side
from app.domain.findings import Place


def place(wanted: Place, diff: Diff) -> Place | None:
    """The wanted lines, clipped to the hunk that holds the last of them; None means that the check names it instead.

    One refused comment loses a whole review on GitHub, so what is doubtful is not tried: lines outside the hunks,
    and names that are not UTF-8 (the forge and we might spell them differently).
    """
    file = diff.by_path.get(wanted.path)
    if file is None or "\N{REPLACEMENT CHARACTER}" in wanted.path:
        return None
    ranges = (lines_of(hunk, wanted.side) for hunk in file.hunks)
    overlaps = [
        (max(wanted.start_line, lines.start), min(wanted.line, lines.stop - 1))
        for lines in ranges
        if lines and wanted.start_line < lines.stop and wanted.line >= lines.start
    ]
    if not overlaps:
        return None
    start, end = overlaps[-1]
    return wanted.model_copy(update={"start_line": start, "line": end})


def lines_of(hunk: Hunk, side: Side) -> range:
    """The line numbers of one side of a hunk; empty where the side has none."""
    if side == "new":
        return range(hunk.new_start, hunk.new_start + hunk.new_count)
    return range(hunk.old_start, hunk.old_start + hunk.old_count)
