"""oxlint on JavaScript and TypeScript, where it is installed: correctness rules, never the repository's plugins."""

import re
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel

from app.domain.findings import Category, Severity
from reviewers.linters.base import Hit, Linter, as_title, has_suffix
from reviewers.linters.run import Output

CONFIG = Path(__file__).with_name("oxlint.json")

# Fail as soon as the line runs, whatever the types are.
_CERTAIN = frozenset({
    "no-const-assign", "no-obj-calls", "no-this-before-super", "constructor-super", "no-new-native-nonconstructor",
    "no-import-assign", "no-invalid-regexp", "no-class-assign", "no-func-assign", "no-setter-return",
})  # fmt: skip
_CANNOT_OPEN = re.compile(r'Failed to open file (?P<path>.+) with error "(?P<why>.+)"', re.DOTALL)
_SECURITY = frozenset({"no-eval", "no-implied-eval"})


class _Span(BaseModel):
    line: int


class _Label(BaseModel):
    span: _Span


class _Diagnostic(BaseModel):
    message: str
    # Missing for a file that cannot be opened.
    filename: str = ""
    # Missing for a file that cannot be parsed: "eslint(no-debugger)".
    code: str = ""
    help: str = ""
    labels: list[_Label]


class _Report(BaseModel):
    diagnostics: list[_Diagnostic]


def _parse(output: Output) -> list[Hit]:
    report = _Report.model_validate_json(output.stdout)
    return [_hit(diagnostic) for diagnostic in report.diagnostics if diagnostic.labels]


def _unread(output: Output, _: Sequence[str]) -> dict[str, str]:
    report = _Report.model_validate_json(output.stdout)
    failures = (_CANNOT_OPEN.match(diagnostic.message) for diagnostic in report.diagnostics)
    return {match["path"]: f"oxlint: {match['why']}" for match in failures if match}


def _hit(diagnostic: _Diagnostic) -> Hit:
    rule = diagnostic.code.rpartition("(")[2].rstrip(")") or "invalid-syntax"
    certain = rule in _CERTAIN or rule == "invalid-syntax"
    # The last label is the culprit (the second key, the assignment), those before it what it collides with.
    line = diagnostic.labels[-1].span.line
    return Hit(
        rule=rule,
        path=diagnostic.filename,
        start_line=line,
        end_line=line,
        title=as_title(diagnostic.message),
        body=_body(rule, diagnostic),
        severity=Severity.HIGH if certain else Severity.MEDIUM,
        category=Category.SECURITY if rule in _SECURITY else Category.CORRECTNESS,
        stands_alone=certain,
    )


def _body(rule: str, diagnostic: _Diagnostic) -> str:
    if rule == "invalid-syntax":
        return "The file cannot be parsed, so it cannot be loaded."
    if rule in _CERTAIN:
        return f"This throws when the line runs. {diagnostic.help}".strip()
    return diagnostic.help or "The code very likely does not do what it says."


OXLINT = Linter(
    name="oxlint",
    program="oxlint",
    package="",
    reads=has_suffix(".js", ".jsx", ".mjs", ".cjs", ".ts", ".tsx", ".mts", ".cts"),
    arguments=lambda _home, _files: ("-f", "json", "-c", str(CONFIG), "--disable-nested-config", "--no-ignore"),
    parse=_parse,
    unread=_unread,
    # 1: a file that cannot be parsed, which is a finding.
    good_exit_codes=frozenset({0, 1}),
)
