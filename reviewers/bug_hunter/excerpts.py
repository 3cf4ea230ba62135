"""The change cut into excerpts small enough to be read, each line with its numbers; no hunk is left out."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from app.domain.diff import FileChange, Hunk, Line
from app.domain.invisible import strip_invisible
from app.llm.prices import estimate_tokens
from reviewers.base import Change
from reviewers.context.symbols import Symbol, enclosing, symbols

# How much of a model's attention does one call get? Larger prompts find less per line and fail as a whole.
TOKENS_PER_BATCH = 24_000
# Longer lines are data, not code; showing a part of one and calling it read would be a lie.
LONGEST_LINE = 10_000
# How many unchanged lines stand around a hunk, in addition to git's three?
WIDEN_BY = {"low": 4, "normal": 12, "high": 30}
# A function of fewer lines is shown whole: half of one is the usual ground of a wrong finding.
_SMALL_FUNCTION = 60
# What is repeated when one hunk is cut into several excerpts, so that no statement is only seen in halves.
_OVERLAP_LINES = 8

_SENSITIVE = re.compile(
    r"auth|login|session|token|secret|crypt|permission|polic|pay|billing|refund|migrat|sql", re.IGNORECASE
)
_TESTS = re.compile(r"(^|/)(tests?|specs?|__tests__|fixtures?)/|(^|/)test_|[._-](test|spec)s?\.\w+$", re.IGNORECASE)
_PROSE = re.compile(r"\.(md|rst|txt|adoc|svg|css)$|(^|/)docs?/", re.IGNORECASE)
_MARKS = {"context": " ", "added": "+", "removed": "-"}


@dataclass(frozen=True)
class Excerpt:
    """A hunk of a file, or a part of a long one, as a model sees it."""

    path: str
    # Which hunk of the file, by position: two hunks of a file may be equal.
    hunk: int
    text: str
    tokens: int
    # Characters removed because nobody would have seen them.
    hidden: int = 0


@dataclass(frozen=True)
class Batch:
    """What one call reads."""

    excerpts: tuple[Excerpt, ...]

    @property
    def paths(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(excerpt.path for excerpt in self.excerpts))


def batches(change: Change, tokens: int = TOKENS_PER_BATCH) -> tuple[list[Batch], dict[tuple[str, int], str]]:
    """Every hunk in batches of at most so many tokens, and the hunks that fit in none, with the reason."""
    fitting: list[Excerpt] = []
    unreadable: dict[tuple[str, int], str] = {}
    for file in sorted(change.diff.reviewable, key=lambda one: risk(one.path)):
        text = change.read(file.path) if file.kind != "deleted" else None
        # Lines as git counts them: a form feed or U+2028 ends none.
        head = text.removesuffix("\n").split("\n") if text else []
        declared = symbols(file.path, text, [line for hunk in file.hunks for line in _ends(hunk)]) if text else []
        for at, hunk in enumerate(file.hunks):
            if any(len(line.text) > LONGEST_LINE for line in hunk.lines):
                unreadable[file.path, at] = f"a line has more than {LONGEST_LINE:,} characters"
                continue
            fitting += _excerpts(file, at, hunk, _widened(file, at, head, WIDEN_BY[change.effort], declared), tokens)
    return list(_packed(fitting, tokens)), unreadable


def risk(path: str) -> int:
    """What is read first, when not everything can be: 0 where mistakes cost most, 3 where they cost least."""
    if _PROSE.search(path):
        return 3
    if _TESTS.search(path):
        return 2
    return 0 if _SENSITIVE.search(path) else 1


def _packed(excerpts: Sequence[Excerpt], tokens: int) -> Iterator[Batch]:
    """In the order given, in which files of one folder and one risk are together."""
    batch: list[Excerpt] = []
    used = 0
    for excerpt in excerpts:
        if batch and used + excerpt.tokens > tokens:
            yield Batch(tuple(batch))
            batch, used = [], 0
        batch.append(excerpt)
        used += excerpt.tokens
    if batch:
        yield Batch(tuple(batch))


def _excerpts(file: FileChange, at: int, hunk: Hunk, lines: Sequence[Line], tokens: int) -> Iterator[Excerpt]:
    shown, hidden = zip(*(_shown(line) for line in lines), strict=True)
    costs = [estimate_tokens(line) for line in shown]
    start = 0
    while start < len(shown):
        end, used = start, 0
        while end < len(shown) and (end == start or used + costs[end] <= tokens):
            used += costs[end]
            end += 1
        title = f"@@ -{hunk.old_start},{hunk.old_count} +{hunk.new_start},{hunk.new_count} @@"
        text = "\n".join((title, *shown[start:end]))
        yield Excerpt(file.path, at, text, used + estimate_tokens(title), sum(hidden[start:end]))
        if end == len(shown):
            return
        start = max(start + 1, end - _OVERLAP_LINES)


def _shown(line: Line) -> tuple[str, int]:
    text = line.text.rstrip("\r")
    visible = strip_invisible(text).replace("\n", " ")
    numbers = f"{line.old if line.old is not None else '':>6}{line.new if line.new is not None else '':>6}"
    return f"{numbers} {_MARKS[line.kind]} {visible}", len(text) - len(visible)


def _widened(file: FileChange, at: int, head: Sequence[str], by: int, declared: list[Symbol]) -> tuple[Line, ...]:
    """The hunk's lines with unchanged ones around them, which belong to no other hunk: whole functions if small."""
    hunk = file.hunks[at]
    if not head or hunk.new_count == 0:
        return hunk.lines
    first, after = hunk.new_start, hunk.new_start + hunk.new_count
    shift = (hunk.old_start + hunk.old_count) - after
    floor = file.hunks[at - 1].new_start + file.hunks[at - 1].new_count if at else 1
    ceiling = file.hunks[at + 1].new_start if at + 1 < len(file.hunks) else len(head) + 1
    before_shift = hunk.old_start - first
    around = [one for one in (enclosing(declared, line) for line in _ends(hunk)) if one and _is_small(one)]
    begin = min(first - by, *(one.start for one in around), first)
    end = max(after + by, *(one.end + 1 for one in around), after)
    before = range(max(floor, begin), first)
    behind = range(after, min(ceiling, end, len(head) + 1))
    return (
        *(_context(head, number, number + before_shift) for number in before if number <= len(head)),
        *hunk.lines,
        *(_context(head, number, number + shift) for number in behind),
    )


def _ends(hunk: Hunk) -> tuple[int, int]:
    """The first and the last line that it adds; where it only removes, the line before which it did."""
    added = [line.new for line in hunk.added if line.new is not None] or [hunk.new_start]
    return added[0], added[-1]


def _is_small(symbol: Symbol) -> bool:
    return symbol.end - symbol.start < _SMALL_FUNCTION


def _context(head: Sequence[str], new: int, old: int) -> Line:
    return Line(kind="context", text=head[new - 1][:LONGEST_LINE], new=new, old=old)
