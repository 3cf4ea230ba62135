"""The report as JSON, for scripts."""

from app.output.report import Report


def render(report: Report) -> str:
    return report.model_dump_json(indent=2) + "\n"
