"""Tries what is proposed in place of a finding's lines: the analysers read the change as it would be then."""

import os
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from app.checkouts.scratch import scratch, to_its_end
from app.domain.anchors import squeeze
from app.domain.coverage import Reading
from app.domain.diff import FileChange, Hunk, Line
from app.domain.findings import Evidence, Finding, Place
from app.domain.identity import lines_apart
from app.domain.review import ReviewerReport
from reviewers.base import Change
from reviewers.suggestions.fits import patched, settled

# How many are tried in one review? More threads than this are not opened at once.
MOST = 8

TRIED = Evidence(kind="check", text="the suggestion was applied: it parses, and analysers find nothing new in it")

# What the analysers say of a change.
Look = Callable[[Change], Awaitable[ReviewerReport]]


async def tried(report: ReviewerReport, change: Change, look: Look) -> ReviewerReport:
    """The report with the proposals that hold as suggestions, and without the others.

    `change.hits` is what analysers said of the change as it is.
    """
    wanted = [one for one in report.findings if one.proposed is not None and one.checked != "refuted"][:MOST]
    if wanted:
        change.progress(f"linters: trying {len(wanted)} of the suggestions")
    held = [one for one in wanted if await _holds(one, change, look)]
    return report.model_copy(update={"findings": tuple(_settled(one, one in held) for one in report.findings)})


def _settled(finding: Finding, held: bool) -> Finding:
    done = settled(finding, tried=held)
    return done.model_copy(update={"evidence": (*done.evidence, TRIED)}) if held else done


async def _holds(finding: Finding, change: Change, look: Look) -> bool:
    async with scratch("suggestion-") as folder:
        trial = await to_its_end(_with_it, finding, change, folder)
        said = await look(trial)
    lines = len((finding.proposed or "").split("\n"))
    there = finding.place.model_copy(update={"line": finding.place.start_line + lines - 1})
    return _all_read(said.readings) and not _is_worse(change.hits, said.findings, finding.place, there)


def _all_read(readings: Iterable[Reading]) -> bool:
    return all(one.state == "reviewed" for one in readings)


def _is_worse(before: Sequence[Finding], after: Sequence[Finding], place: Place, there: Place) -> bool:
    """Whether an analyser says more of the file than before, or still the same of the lines."""
    own = {(one.reviewer, one.rule) for one in before if lines_apart(one.place, place) == 0}
    if any((one.reviewer, one.rule) in own and lines_apart(one.place, there) == 0 for one in after):
        return True
    known = Counter(_said(one) for one in before if one.place.path == place.path)
    return any(count > known[said] for said, count in Counter(map(_said, after)).items())


def _said(finding: Finding) -> tuple[str, str, str]:
    return finding.reviewer, finding.rule, squeeze(finding.quote)


def _with_it(finding: Finding, change: Change, folder: Path) -> Change:
    """The change of this one file, with the proposal in it."""
    path, proposed = finding.place.path, finding.proposed or ""
    file = with_lines(change.diff.by_path[path], finding.place, proposed.split("\n"))
    text = patched(change.read(path) or "", finding.place, proposed)
    _overlay(change.head_root.resolve(), path, text, folder)
    diff = change.diff.model_copy(update={"files": (file,)})
    return replace(change, diff=diff, head_root=folder, hits=(), progress=_silent)


def _silent(_line: str) -> None:
    """A trial is no stage that a person follows."""


def _overlay(root: Path, path: str, text: str, folder: Path) -> None:
    """A tree like the head's in which one file is another; everything else is a link to what stands there."""
    *above, name = PurePosixPath(path).parts
    here, there = folder, root
    for part in above:
        _link(there, here, besides=part)
        here, there = here / part, there / part
        here.mkdir()
    _link(there, here, besides=name)
    (here / name).write_text(text, encoding="utf-8", newline="")


def _link(there: Path, here: Path, *, besides: str) -> None:
    with os.scandir(there) as entries:
        for entry in entries:
            if entry.name != besides:
                (here / entry.name).symlink_to(entry.path)


def with_lines(file: FileChange, place: Place, lines: Sequence[str]) -> FileChange:
    """The file's change with other lines in place of added ones, everything behind them moved."""
    more = len(lines) - (place.line - place.start_line + 1)
    hunks = tuple(_hunk(hunk, place, lines, more) for hunk in file.hunks)
    return file.model_copy(update={"hunks": hunks})


def _hunk(hunk: Hunk, place: Place, lines: Sequence[str], more: int) -> Hunk:
    if hunk.new_start > place.line:
        update = {"new_start": hunk.new_start + more, "lines": tuple(_moved(line, more) for line in hunk.lines)}
        return hunk.model_copy(update=update)
    if hunk.new_start + hunk.new_count <= place.start_line:
        return hunk
    replaced = tuple(_replaced(hunk, place, lines, more))
    return hunk.model_copy(update={"new_count": hunk.new_count + more, "lines": replaced})


def _replaced(hunk: Hunk, place: Place, lines: Sequence[str], more: int) -> Iterator[Line]:
    for line in hunk.lines:
        if line.new is None or line.new < place.start_line:
            yield line
        elif line.new > place.line:
            yield _moved(line, more)
        elif line.new == place.start_line:
            for at, text in enumerate(lines, place.start_line):
                yield Line(kind="added", text=text, new=at)


def _moved(line: Line, more: int) -> Line:
    return line if line.new is None else line.model_copy(update={"new": line.new + more})
