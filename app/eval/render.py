"""An evaluation as a table for a terminal and as one HTML page that needs nothing else."""

from pathlib import Path
from typing import cast

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from app.domain.names import NAME
from app.eval.charts import bars, curve, number
from reviewers.evals.figures import EvalReport, Figure, Section


def as_table(report: EvalReport) -> str:
    """Figures beside their targets, section by section."""
    parts = [f"{NAME} {report.version} · reviewed by {report.reviewed_by} · {report.made_at}"]
    parts += (_section(section) for section in report.sections)
    if report.missed:
        parts.append(f"{report.missed} {'target' if report.missed == 1 else 'targets'} missed")
    return "\n\n".join(parts) + "\n"


def as_page(report: EvalReport) -> str:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # Jinja types the dict by what it puts there itself.
    cast("dict[str, object]", environment.filters).update(curve=curve, bars=bars, number=number)
    return environment.get_template("page.html").render(report=report, product=NAME)


def _section(section: Section) -> str:
    rows = [_row(figure) for figure in section.figures]
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(4)]
    lines = [
        f"  {name:<{widths[0]}}  {value:>{widths[1]}}  {interval:>{widths[2]}}  {target:>{widths[3]}}{said}".rstrip()
        for name, value, interval, target, said in rows
    ]
    return "\n".join((section.title, *lines, *(f"  {said}" for said in section.said)))


def _row(figure: Figure) -> tuple[str, str, str, str, str]:
    value = f"{number(figure.value)} {figure.unit}".rstrip()
    known = figure.low is not None and figure.high is not None
    interval = f"{number(figure.low)} to {number(figure.high)}" if known else ""
    if figure.target is None:
        return figure.name, value, interval, "", ""
    sign = "≥" if figure.at_least else "≤"
    return figure.name, value, interval, f"{sign} {number(figure.target)}", "  MISSED" if figure.missed else ""
