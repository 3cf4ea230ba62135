"""Characters that nobody sees, on the lines of a change: what is kept from a model is told to people."""

from collections import Counter

from app.domain.diff import FileChange, Side
from app.domain.findings import Category, Severity
from app.domain.invisible import hidden_in
from reviewers.linters.base import Hit, is_test_data
from reviewers.linters.blame import new_hits

NAME = "hidden characters"

# Turning the direction of text, and tags that can carry whole sentences: no program needs them, attacks do.
_TURNS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_BODY = (
    "People do not see {what} and programs do: the code may read otherwise than it runs, or hold words that are meant "
    "for a machine. They were left out of what a model was shown."
)
_NAMED = 3


def new_hidden(file: FileChange) -> list[Hit]:
    """Those on added lines that the removed and unchanged lines did not hold."""
    head = _scan(file, "new")
    if not head:
        return []
    lines = {side: _numbered(file, side) for side in ("new", "old")}
    return new_hits(
        head,
        _scan(file, "old"),
        head_line=lambda _, number: lines["new"].get(number, ""),
        base_line=lambda _, number: lines["old"].get(number, ""),
        files={file.path: file},
    )


def _scan(file: FileChange, side: Side) -> list[Hit]:
    found = ((number, hidden_in(text)) for number, text in _numbered(file, side).items())
    return [_hit(file.path, number, hidden) for number, hidden in found if hidden]


def _numbered(file: FileChange, side: Side) -> dict[int, str]:
    lines = (line for hunk in file.hunks for line in hunk.lines)
    told = ((line.new if side == "new" else line.old, line.text) for line in lines)
    return {number: text for number, text in told if number is not None}


def _hit(path: str, number: int, hidden: str) -> Hit:
    attacks = any(character in _TURNS or 0xE0000 <= ord(character) <= 0xE0FFF for character in hidden)
    what = "it" if len(hidden) == 1 else "them"
    return Hit(
        rule="direction or tags" if attacks else "invisible",
        path=path,
        start_line=number,
        end_line=number,
        title=f"{len(hidden)} invisible character{'' if len(hidden) == 1 else 's'} in this line: {_names(hidden)}",
        body=_BODY.format(what=what),
        severity=Severity.MEDIUM if attacks else Severity.LOW,
        category=Category.SECURITY,
        stands_alone=attacks and not is_test_data(path),
    )


def _names(hidden: str) -> str:
    """As code points, the most frequent first."""
    found = [f"U+{ord(character):04X}" for character, _ in Counter(hidden).most_common()]
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    return ", ".join(found[:_NAMED]) + more
