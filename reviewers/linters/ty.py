"""ty on Python files: calls, attributes and operators that fail when the line runs, told without the packages."""

import re
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, Field, TypeAdapter

from app.domain.findings import Category, Severity
from reviewers.linters.base import Hit, Linter, as_title, has_suffix, is_test
from reviewers.linters.run import Output

CONFIG = Path(__file__).with_name("ty.toml")

_BODIES = {
    "missing-attribute": "Reading it raises `AttributeError` when this line runs.",
    "missing-union-attribute": "For one of the types the value can have, this raises `AttributeError`.",
    "unused-awaitable": "Without `await` the call never runs; Python only warns that it was never awaited.",
    "truthiness-test-of-callable": "A function is always true: the call's parentheses are probably missing.",
    "abstract-class-instantiation": "Making an instance raises `TypeError`.",
    "index-out-of-bounds": "The index is outside the sequence: this raises `IndexError`.",
    "missing-typed-dict-key": "Whoever reads the key gets a `KeyError`.",
}
_DEFAULT_BODY = "By the types that ty can see, this raises `TypeError` when it runs."
_QUIET = frozenset({"missing-union-attribute", "truthiness-test-of-callable"})
# Rules of the language that cannot be turned off; ruff says them better.
_NOT_OURS = frozenset({"invalid-syntax", "io"})
_A_MODULE = re.compile(r"ModuleType|\bModule `")


class _Point(BaseModel):
    line: int


class _Positions(BaseModel):
    begin: _Point
    end: _Point


class _Location(BaseModel):
    path: str
    # Missing when the finding is about a whole file.
    positions: _Positions | None = None


class _Diagnostic(BaseModel):
    rule: str = Field(alias="check_name")
    description: str
    location: _Location


_DIAGNOSTICS = TypeAdapter(list[_Diagnostic])


def _parse(output: Output) -> list[Hit]:
    return [
        _hit(diagnostic, diagnostic.location.positions)
        for diagnostic in _DIAGNOSTICS.validate_json(output.stdout)
        if diagnostic.location.positions is not None and not _is_noise(diagnostic)
    ]


def _is_noise(diagnostic: _Diagnostic) -> bool:
    # A module's attribute may be set at run time, or be a submodule that somebody else imports.
    of_a_module = diagnostic.rule == "missing-attribute" and _A_MODULE.search(diagnostic.description) is not None
    return diagnostic.rule in _NOT_OURS or of_a_module or is_test(diagnostic.location.path)


def _hit(diagnostic: _Diagnostic, positions: _Positions) -> Hit:
    return Hit(
        rule=diagnostic.rule,
        path=diagnostic.location.path,
        start_line=positions.begin.line,
        end_line=max(positions.begin.line, positions.end.line),
        title=as_title(diagnostic.description.removeprefix(f"{diagnostic.rule}: ")),
        body=_BODIES.get(diagnostic.rule, _DEFAULT_BODY),
        severity=Severity.LOW if diagnostic.rule in _QUIET else Severity.MEDIUM,
        category=Category.CORRECTNESS,
    )


def _arguments(home: Path, _files: Sequence[str]) -> Sequence[str]:
    # An environment without packages: ty fails on a repository's broken .venv, and must not see what we have installed.
    (home / "lib" / "python3.13" / "site-packages").mkdir(parents=True, exist_ok=True)
    return (
        "check", "--exit-zero", "--config-file", str(CONFIG), "--python", str(home), "--output-format", "gitlab",
        "--no-progress",
    )  # fmt: skip


TY = Linter(
    name="ty",
    program="ty",
    package="ty",
    reads=has_suffix(".py", ".pyi"),
    arguments=_arguments,
    parse=_parse,
    # More is one misunderstanding of ty's (a base class it cannot see), not many bugs.
    most_per_rule_and_file=3,
)
