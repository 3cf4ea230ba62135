"""The report as lines for a person at a terminal: what was found, what was not looked at, what to do next."""

import textwrap
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from app.domain.findings import Severity
from app.domain.invisible import strip_invisible
from app.domain.outcomes import TOO_LARGE, Outcome
from app.domain.phrases import count, one_line, short
from app.output import phrases
from app.output.report import Report, Target, Told, source

# A title or a place that is longer pushes nobody else's column to the right.
_WIDEST_PLACE = 48
_WIDEST_TITLE = 64
_BODY_WIDTH = 100
_SEVERITY_WIDTH = len("Medium")


class Line(NamedTuple):
    """A line, and the severity's word in it, which a terminal may colour."""

    text: str
    severity: Severity | None = None
    at: int = 0


def plain(text: str) -> str:
    """Other people's words on one line: nothing in it can move the cursor, colour, or hide."""
    return " ".join(strip_invisible(text).split())


def header(target: Target, size: str, access: str) -> str:
    """What is reviewed; `access` says how a pull request is read and what will happen to it."""
    if target.kind == "local":
        return f"{plain(target.name)} against {plain(target.base)} · {size}"
    title = one_line(plain(target.title), 80)
    return f'{plain(target.name)} {target.number} "{title}" · head {short(target.head_sha)} · {access}'


def finding_lines(findings: Sequence[Told]) -> list[Line]:
    """One line each, in columns; a model's finding is explained below, since it has no rule to look up."""
    rows = [(plain(f"{one.path}:{one.line}"), plain(one.title), one) for one in findings]
    place_width = min(max((len(place) for place, _, _ in rows), default=0), _WIDEST_PLACE)
    title_width = min(max((len(title) for _, title, _ in rows), default=0), _WIDEST_TITLE)
    lines: list[Line] = []
    for place, title, told in rows:
        start = f"  {place:<{place_width}}  "
        word = f"{told.severity.title():<{_SEVERITY_WIDTH}}"
        text = f"{start}{word}  {title:<{title_width}}  {plain(source(told))}"
        lines.append(Line(text, told.severity, len(start)))
        if source(told) == "model":
            lines += [Line(f"    {line}") for line in textwrap.wrap(plain(told.body), _BODY_WIDTH)]
    return lines


def closing(report: Report, offers: Sequence[str]) -> list[str]:
    """What was not looked at, the result, and the next step; `offers` are ways to a model, when there is none."""
    return [*_facts(report), *_result(report, offers)]


def _result(report: Report, offers: Sequence[str]) -> Iterator[str]:
    no_model = not report.with_model and report.outcome not in {Outcome.SKIPPED, Outcome.COULD_NOT_RUN}
    if not no_model or report.outcome is Outcome.INCOMPLETE:
        yield " · ".join(part for part in (plain(report.title), phrases.cost(report.models)) if part)
    if no_model:
        found = str(len(report.findings)) if report.findings else "nothing"
        yield f"Linters found {found}. No model is configured, so logic was not reviewed. To add one:"
        yield from (f"  {offer}" for offer in offers)


def _facts(report: Report) -> Iterator[str]:
    for one in report.incomplete:
        what = f"{plain(one.path)} " if one.path else ""
        who = f"{one.reviewer}: " if one.reviewer else ""
        yield f"Not reviewed  {what}({who}{plain(one.reason)})" if what else f"Not done  {plain(one.reason)}"
    if report.held_back:
        yield "Held back  " + " · ".join(plain(phrase) for phrase in phrases.held_back(report.held_back))
    skipped = [f"{path} ({reason})" for path, reason in report.skipped.items() if not reason.startswith(TOO_LARGE)]
    if skipped:
        more = f" · {count(len(skipped) - 5, 'more file')}" if len(skipped) > 5 else ""
        yield "Skipped  " + " · ".join(plain(one) for one in skipped[:5]) + more
    for note in report.notes:
        yield f"Note  {plain(note)}"


def ending(report: Report) -> str:
    """The last line for a pull request."""
    if report.posted is None:
        return "Post this as a review in your name: add --post      Machine-readable: --format json | sarif | markdown"
    if not report.posted.new:
        return f"Posted already for this head as {report.posted.by}: {report.posted.url}"
    threads = count(report.posted.threads, "thread")
    return (
        f"Posted as {report.posted.by}, {threads}: {report.posted.url}\n"
        "There is no check: GitHub lets only Apps make one."
    )
