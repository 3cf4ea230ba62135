"""ast-grep with rules of our own: bugs in Python, JavaScript and TypeScript that a pattern of code gives away."""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from pydantic import BaseModel, TypeAdapter

from app.domain.findings import Category, Severity
from reviewers.linters.base import Hit, Linter, has_suffix
from reviewers.linters.run import Output

RULES = Path(__file__).with_name("rules")
CONFIG = Path(__file__).with_name("sgconfig.yml")

_PYTHON = (".py", ".pyi")
# The names ast-grep has for what our one file of rules about scripts is about, with their files' endings.
_SCRIPT_LANGUAGES = {
    "JavaScript": (".js", ".jsx", ".mjs", ".cjs"),
    "TypeScript": (".ts", ".mts", ".cts"),
    "Tsx": (".tsx",),
}
_ENDINGS = (*_PYTHON, *(ending for endings in _SCRIPT_LANGUAGES.values() for ending in endings))
_SEVERITIES = {"error": Severity.HIGH, "warning": Severity.MEDIUM}


class _Point(BaseModel):
    line: int


class _Range(BaseModel):
    start: _Point
    end: _Point


class _Metadata(BaseModel):
    category: Category
    stands_alone: bool = False


class _Match(BaseModel):
    rule: str
    file: str
    severity: str
    message: str
    note: str
    range: _Range
    metadata: _Metadata

    model_config = {"alias_generator": lambda name: "ruleId" if name == "rule" else name}


_MATCHES = TypeAdapter(list[_Match])


def rules(files: Sequence[str]) -> str:
    """As one text those for the languages of these files: ast-grep takes as long to read its rules as to use them."""
    return "\n---\n".join(
        text for endings, text in _rules_by_endings().items() if any(file.lower().endswith(endings) for file in files)
    )


@cache
def _rules_by_endings() -> Mapping[tuple[str, ...], str]:
    """Those for scripts once for each of their languages."""
    script = (RULES / "javascript.yml").read_text(encoding="utf-8")
    return {
        _PYTHON: (RULES / "python.yml").read_text(encoding="utf-8"),
        **{
            endings: script.replace("language: JavaScript", f"language: {language}")
            for language, endings in _SCRIPT_LANGUAGES.items()
        },
    }


def _parse(output: Output) -> list[Hit]:
    return [_hit(match) for match in _MATCHES.validate_json(output.stdout)]


def _hit(match: _Match) -> Hit:
    return Hit(
        rule=match.rule,
        path=match.file,
        start_line=match.range.start.line + 1,
        end_line=match.range.end.line + 1,
        title=match.message,
        body=match.note,
        severity=_SEVERITIES[match.severity],
        category=match.metadata.category,
        stands_alone=match.metadata.stands_alone,
    )


AST_GREP = Linter(
    name="ast-grep",
    program="ast-grep",
    package="ast-grep-cli",
    reads=has_suffix(*_ENDINGS),
    arguments=lambda _, files: (
        "scan", "-c", str(CONFIG), "--custom-languages", "ignore", "--inline-rules", rules(files),
        "--json=compact", "--include-metadata", "--no-ignore", "hidden", "-j", "2",
    ),
    parse=_parse,
    # 1: it found errors.
    good_exit_codes=frozenset({0, 1}),
)  # fmt: skip
