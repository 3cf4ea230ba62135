"""zizmor on GitHub workflows and actions: ways in for somebody who opens a pull request."""

import re
from collections.abc import Sequence

from pydantic import BaseModel, TypeAdapter

from app.domain.findings import Category, Severity
from reviewers.linters.base import Hit, Linter, as_title
from reviewers.linters.run import Output

_WORKFLOW = re.compile(r"(?:^|/)\.github/workflows/[^/]+\.ya?ml$|(?:^|/)action\.ya?ml$")

_COMPLETED = re.compile(r"completed (?P<path>.+)$", re.MULTILINE)
# Exit codes: 0 nothing, 11 to 14 the highest severity found, 3 no input could be parsed.
_NOTHING_PARSED = 3

_BODIES = {
    "template-injection": "GitHub pastes the value into the script before the shell sees it: its author runs commands.",
    "dangerous-triggers": "The workflow runs with the base repository's secrets on what an outsider proposes.",
    "artipacked": "The token stays in the checkout's git configuration, where later steps and artifacts can read it.",
    "excessive-permissions": "The token may do more than the job needs, and so may whoever takes the job over.",
    "unpinned-uses": "Whoever can move the tag runs code in this workflow; a commit hash cannot be moved.",
    "github-env": "What is written there becomes the environment of later steps: its author runs commands.",
    "cache-poisoning": "What an outsider's run puts into the cache ends up in a release.",
}


class _Point(BaseModel):
    row: int


class _Span(BaseModel):
    start_point: _Point
    end_point: _Point


class _Concrete(BaseModel):
    location: _Span


class _Local(BaseModel):
    verbatim_path: str


class _Key(BaseModel):
    Local: _Local


class _Symbolic(BaseModel):
    key: _Key
    kind: str


class _Location(BaseModel):
    symbolic: _Symbolic
    concrete: _Concrete


class _Determinations(BaseModel):
    severity: str
    confidence: str


class _Result(BaseModel):
    ident: str
    desc: str
    determinations: _Determinations
    locations: list[_Location]
    ignored: bool = False


_RESULTS = TypeAdapter(list[_Result])


def _parse(output: Output) -> list[Hit]:
    if output.exit_code == _NOTHING_PARSED:
        return []
    return [_hit(result) for result in _RESULTS.validate_json(output.stdout) if result.locations and not result.ignored]


def _hit(result: _Result) -> Hit:
    location = next((one for one in result.locations if one.symbolic.kind == "Primary"), result.locations[0])
    span = location.concrete.location
    sure = result.determinations.severity == "High" and result.determinations.confidence != "Low"
    return Hit(
        rule=result.ident,
        path=location.symbolic.key.Local.verbatim_path,
        start_line=span.start_point.row + 1,
        end_line=span.end_point.row + 1,
        title=as_title(result.desc),
        body=_BODIES.get(result.ident, "Somebody who can influence this workflow's input can misuse it."),
        severity=Severity.HIGH if sure else Severity.MEDIUM,
        category=Category.SECURITY,
        stands_alone=sure,
    )


def _unread(output: Output, files: Sequence[str]) -> dict[str, str]:
    # It only says which inputs it went through; one that it cannot parse is a warning without a name.
    completed = {match["path"] for match in _COMPLETED.finditer(output.stderr.decode("utf-8", "replace"))}
    return {file: "zizmor could not parse it" for file in files if file not in completed}


ZIZMOR = Linter(
    name="zizmor",
    program="zizmor",
    package="zizmor",
    reads=lambda path: _WORKFLOW.search(path) is not None,
    arguments=lambda _home, _files: (
        "--offline", "--no-config", "--no-progress", "--color", "never", "--min-severity", "medium", "--format", "json",
    ),
    parse=_parse,
    good_exit_codes=frozenset({0, 3, 11, 12, 13, 14}),
    unread=_unread,
)  # fmt: skip
