"""The report as Markdown, for a job summary or a chat; other people's words are made harmless as in a comment."""

from collections.abc import Iterator, Sequence

from app.domain.markdown import cell, clean, clean_line, code
from app.domain.skipped_files import skipped_phrases
from app.output import phrases
from app.output.report import Report, Told, source


def render(report: Report) -> str:
    return "\n".join(_lines(report)) + "\n"


def table(findings: Sequence[Told]) -> list[str]:
    """One row a finding: number and severity, title, place, who says it."""
    return ["| | finding | | |", "|---|---|---|---|", *map(_row, findings)] if findings else []


def _lines(report: Report) -> Iterator[str]:
    target = report.target
    what = f"{target.name} {target.number}" if target.number else target.name
    title = f" {clean_line(target.title)}" if target.title else ""
    against = f" against {clean_line(target.base)}" if target.base else ""
    yield f"**{clean_line(report.title)}**"
    yield ""
    yield f"{clean_line(what)}{title}{against} · {phrases.size(report)}"
    if report.findings:
        yield ""
        yield from table(report.findings)
    for told in report.findings:
        yield from _whole(told)
    facts = [f"- **{name}** {text}" for name, text in _facts(report) if text]
    if facts:
        yield ""
        yield from facts


def _row(told: Told) -> str:
    title = cell(clean_line(told.title, limit=120))
    return f"| {told.number} {told.severity.title()} | {title} | {cell(code(_where(told)))} | {cell(source(told))} |"


def _whole(told: Told) -> Iterator[str]:
    yield ""
    yield f"**{told.number} · {told.severity.title()} · {clean_line(told.title)}** {code(_where(told))}"
    yield ""
    yield clean(told.body, limit=2_000)


def _facts(report: Report) -> Iterator[tuple[str, str]]:
    missing = (
        f"{code(one.path)} ({clean_line(one.reason)})" if one.path else clean_line(one.reason)
        for one in report.incomplete
    )
    yield "Not reviewed", " · ".join(missing)
    yield "Held back", " · ".join(clean_line(phrase) for phrase in phrases.held_back(report.held_back))
    yield "Skipped", " · ".join(skipped_phrases(report.skipped))
    yield "Analysers", ", ".join(clean_line(analyser) for analyser in report.analysers)
    yield "Models", ", ".join(clean_line(used.model) for used in report.models)
    yield "Cost", phrases.cost(report.models)
    yield "Posted", report.posted.url if report.posted else ""
    for note in report.notes:
        yield "Note", clean_line(note)


def _where(told: Told) -> str:
    return f"{told.path}:{told.line}"
