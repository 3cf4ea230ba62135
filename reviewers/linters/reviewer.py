"""The reviewer that needs no model: linters over the changed files, told only about what the change brought in."""

import asyncio
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from app.checkouts.scratch import scratch
from app.domain.coverage import Reading
from app.domain.diff import Diff, FileChange
from app.domain.edits import edited
from app.domain.findings import Evidence, Finding, Place
from app.domain.review import ReviewerReport
from app.domain.secrets import Redactor
from reviewers.base import Change
from reviewers.linters.base import Hit, Linter, holds_test_data
from reviewers.linters.files import SourceLines, readable_paths
from reviewers.linters.hidden_scan import NAME as HIDDEN
from reviewers.linters.hidden_scan import new_hidden
from reviewers.linters.lint import Lint, Result
from reviewers.linters.registry import LINTERS
from reviewers.linters.run import DEADLINE, OUR_PROGRAMS, SYSTEM_PATH
from reviewers.linters.secret_scan import NAME as SECRETS
from reviewers.linters.secret_scan import new_secrets
from reviewers.suggestions.fits import objection
from reviewers.suggestions.trial import tried

NAME = "linters"

# Programs at once for one review. Each may use two cores.
AT_ONCE = 2
# A finding about more lines than this (a whole function) is shown at its first added line.
LONGEST_PLACE = 5
DEFAULT_CAP = 20


class Linters:
    """Satisfies reviewers.base.Reviewer. A linter that fails costs its own findings, and its files are not reviewed."""

    name = NAME
    is_model = False

    def __init__(
        self, *, search_path: str = f"{OUR_PROGRAMS}{os.pathsep}{SYSTEM_PATH}", deadline: timedelta = DEADLINE
    ) -> None:
        self._search_path = search_path
        self._deadline = deadline

    async def review(self, change: Change) -> ReviewerReport:
        """What the linters say, with their own safe fixes as suggestions where these hold."""
        report = await self.look(change)
        return await tried(report, replace(change, hits=report.findings), self.look)

    async def look(self, change: Change) -> ReviewerReport:
        """What the linters say, and what they would do about it untried."""
        paths, unreadable = await asyncio.to_thread(readable_paths, change)
        async with scratch("linters-") as home:
            lint = Lint(
                change=change,
                home=home,
                search_path=self._search_path,
                deadline=self._deadline,
                turn=asyncio.Semaphore(AT_ONCE),
                lines={"new": SourceLines(change, "new"), "old": SourceLines(change, "old")},
            )
            async with asyncio.TaskGroup() as group:
                secrets = group.create_task(asyncio.to_thread(_secrets, change.diff))
                hidden = group.create_task(asyncio.to_thread(_hidden, change.diff))
                linters = [group.create_task(lint.run(linter, paths)) for linter in LINTERS.values()]
        results = [*(task.result() for task in linters), secrets.result(), hidden.result()]
        change.progress("linters: done")
        return await asyncio.to_thread(_report, change, results, unreadable, lint.lines["new"])


def _secrets(diff: Diff) -> Result:
    hits = [hit for file in diff.reviewable for hit in new_secrets(file)]
    return Result(linter=SECRETS, label="secret scan", hits=hits)


def _hidden(diff: Diff) -> Result:
    # Without a name in the check: it is said where something was found.
    return Result(linter=HIDDEN, hits=[hit for file in diff.reviewable for hit in new_hidden(file)])


def _report(
    change: Change, results: Sequence[Result], unreadable: Mapping[str, str], lines: SourceLines
) -> ReviewerReport:
    findings: list[Finding] = []
    dropped: list[str] = []
    order = {file.path: position for position, file in enumerate(change.diff.files)}
    for result in results:
        kept, more = _capped(sorted(_told(result), key=lambda hit: (order[hit.path], hit.start_line, hit.rule)), result)
        findings += (_finding(result.linter, hit, change, lines) for hit in kept)
        dropped += more
    findings.sort(key=lambda one: (order[one.place.path], one.place.start_line))
    return ReviewerReport(
        reviewer=NAME,
        is_model=False,
        findings=tuple(findings),
        readings=tuple(_readings(change.diff, results, unreadable)),
        analysers=tuple(result.label for result in results if result.label),
        dropped=tuple(dropped),
    )


def _told(result: Result) -> list[Hit]:
    """No hints of programs about samples for tests; secrets and hidden characters have rules of their own there."""
    hits = _once(result.hits)
    if result.linter not in LINTERS:
        return hits
    return [hit for hit in hits if hit.stands_alone or not holds_test_data(hit.path)]


def _once(hits: Sequence[Hit]) -> list[Hit]:
    """Of those that say the same of the same lines the gravest: several values in one line are one mistake."""
    found: dict[tuple[str, str, int, int, str], Hit] = {}
    for hit in sorted(hits, key=lambda hit: (hit.stands_alone, hit.severity.rank)):
        found[hit.rule, hit.path, hit.start_line, hit.end_line, hit.title] = hit
    return list(found.values())


def _capped(hits: Sequence[Hit], result: Result) -> tuple[list[Hit], list[str]]:
    """The first hits of each rule in each file, and a sentence about those that are left out."""
    linter = LINTERS.get(result.linter)
    seen = Counter[tuple[str, str]]()
    kept: list[Hit] = []
    for hit in hits:
        seen[hit.rule, hit.path] += 1
        if seen[hit.rule, hit.path] <= _most(linter, hit.rule):
            kept.append(hit)
    left = {about: more for about, count in seen.items() if (more := count - _most(linter, about[0])) > 0}
    return kept, [f"{more} more of {result.linter} {rule} in {path}" for (rule, path), more in left.items()]


def _most(linter: Linter | None, rule: str) -> int:
    if linter is None:
        return DEFAULT_CAP
    return 1 if rule in linter.once_per_file else linter.most_per_rule_and_file


def _readings(diff: Diff, results: Sequence[Result], unreadable: Mapping[str, str]) -> Iterator[Reading]:
    failed = dict(unreadable)
    for result in results:
        for path, reason in result.failed.items():
            failed.setdefault(path, reason)
    for file in diff.reviewable:
        reason = failed.get(file.path)
        if reason is None:
            yield Reading(reviewer=NAME, path=file.path, state="reviewed")
        else:
            yield Reading(reviewer=NAME, path=file.path, state="failed", reason=reason)


def _finding(linter: str, hit: Hit, change: Change, lines: SourceLines) -> Finding:
    start_line, end_line = _shown(hit, change.diff.by_path[hit.path])
    place = Place(path=hit.path, start_line=start_line, line=end_line)
    return Finding(
        reviewer=linter,
        rule=hit.rule,
        category=hit.category,
        severity=hit.severity,
        title=hit.title,
        body=hit.body,
        place=place,
        quote=lines.quote(hit.path, start_line, end_line),
        agent_prompt=_agent_prompt(linter, hit, start_line),
        evidence=(Evidence(kind="analyser", text=f"{linter} {hit.rule}"),),
        stands_alone=hit.stands_alone,
        proposed=_proposal(hit, place, change),
    )


def _proposal(hit: Hit, place: Place, change: Change) -> str | None:
    """The lines with the tool's fix made, where it stays within them. Hints get no thread, so nothing is tried."""
    inside = all(place.start_line <= row <= place.line for edit in hit.edits for row in (edit.start[0], edit.end[0]))
    if not hit.edits or not hit.stands_alone or not inside:
        return None
    text = change.read(hit.path) or ""
    mended = edited(text, hit.edits)
    if mended is None:
        return None
    more = mended.count("\n") - text.count("\n")
    proposed = "\n".join(mended.split("\n")[place.start_line - 1 : place.line + more])
    return None if objection(place, proposed, change, Redactor()) else proposed


def _shown(hit: Hit, file: FileChange) -> tuple[int, int]:
    """The hit's lines, or only its first added one where it spans more than a reader wants to see."""
    if hit.end_line - hit.start_line < LONGEST_PLACE:
        return hit.start_line, hit.end_line
    line = min(line for line in file.added_lines if hit.start_line <= line <= hit.end_line)
    return line, line


def _agent_prompt(linter: str, hit: Hit, line: int) -> str:
    where = f"In {hit.path}, line {line}"
    if linter == SECRETS:
        return (
            f"{where}: {hit.title}. Read it from the environment or the project's secret store "
            "instead, and tell the user to revoke it: removing the line does not take it out of the history."
        )
    if linter == HIDDEN:
        return f"{where}: {hit.title}. Remove them, or write them as escapes where the program needs them."
    return (
        f"{where}, {linter} reports {hit.rule}: {hit.title}. {hit.body} Change the code so that this no longer holds; "
        f"do not silence the rule. Run {linter} on the file to show that the report is gone."
    )
