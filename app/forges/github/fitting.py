"""Making texts and anchors fit what GitHub takes: lengths, and the lines of its own diff."""

import re

from app.domain.review import InlineComment, ReviewDraft
from app.forges.github.models import FileShape

# Characters in a comment or a review: "Body is too long (maximum is 65536 characters)".
LONGEST_BODY = 65_536
# Characters in a check's summary.
LONGEST_SUMMARY = 65_535
LONGEST_TITLE = 255

_CUT = "\n\n… cut here: GitHub takes no more.\n"
_HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")


def cut_at_line(text: str, limit: int, tail: str = "") -> str:
    """At most `limit` characters, cut where a line ends; `tail` (a marker) survives the cut."""
    if len(text) <= limit:
        return text
    kept = text[: limit - len(_CUT) - len(tail)]
    return kept[: kept.rfind("\n") if "\n" in kept else len(kept)].rstrip() + _CUT + tail


def before_marker(body: str, addition: str, marker: str) -> str:
    """The body with a paragraph more; the marker stays last, where it counts."""
    return f"{body.removesuffix(marker).rstrip()}\n\n{addition}\n\n{marker}"


def fitting_draft(draft: ReviewDraft, files: list[FileShape], marker: str) -> ReviewDraft:
    """The draft without the comments that stand outside GitHub's own hunks; its body names them.

    When all of them stand inside, GitHub sees something we do not, and the review goes without any.
    """
    hunks = {file.filename: _hunks(file.patch) for file in files}
    fitting = tuple(comment for comment in draft.comments if _stands_inside(comment, hunks.get(comment.path, [])))
    return without(draft, () if len(fitting) == len(draft.comments) else fitting, marker)


def without(draft: ReviewDraft, kept: tuple[InlineComment, ...], marker: str) -> ReviewDraft:
    """The draft with only these comments; the places of the others are named in the body."""
    places = ", ".join(f"`{comment.path}:{comment.line}`" for comment in draft.comments if comment not in kept)
    body = before_marker(draft.body, f"No comment could be placed at {places}: see the check.", marker)
    return draft.model_copy(update={"comments": kept, "body": body})


def _hunks(patch: str) -> list[tuple[range, range]]:
    """The old and the new lines of each hunk."""
    found: list[tuple[range, range]] = []
    for match in _HUNK.finditer(patch):
        old, old_count, new, new_count = (int(group) if group is not None else 1 for group in match.groups())
        found.append((range(old, old + old_count), range(new, new + new_count)))
    return found


def _stands_inside(comment: InlineComment, hunks: list[tuple[range, range]]) -> bool:
    sides = [new if comment.side == "new" else old for old, new in hunks]
    return any(comment.start_line in lines and comment.line in lines for lines in sides)
