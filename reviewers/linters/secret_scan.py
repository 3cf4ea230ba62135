"""Secrets in the lines of a change, found by our own table, without any program."""

from app.domain.diff import FileChange, Hunk, Side
from app.domain.findings import Category, Severity
from app.domain.secrets import SecretHit, find
from reviewers.linters.base import Hit, is_test
from reviewers.linters.blame import LineOf, new_hits, touches

NAME = "secrets"

# Found by the name they are assigned to, not by a token's own form: less sure, and in tests mostly made up.
_BY_NAME = frozenset({"password", "authorization header", "password in a URL"})
_BODY = (
    "Everyone who can read the repository has it, and it stays in the history after the line is gone. "
    "Revoke it, and read the new one from the environment or a secret store."
)


def new_secrets(file: FileChange) -> list[Hit]:
    """Secrets on added lines that the removed and unchanged lines did not hold."""
    head = _scan(file, "new")
    if not any(touches(hit, file) for hit in head):
        return []
    return new_hits(
        head,
        _scan(file, "old"),
        head_line=_numbered(file, "new"),
        base_line=_numbered(file, "old"),
        files={file.path: file},
    )


def _scan(file: FileChange, side: Side) -> list[Hit]:
    """Both sides under the new path, so that they can be compared; a secret that stands in many places is told once."""
    seen: set[str] = set()
    hits: list[Hit] = []
    for hunk in file.hunks:
        lines = _side(hunk, side)
        # In one text, since a private key has many lines.
        text = "\n".join(line for _, line in lines)
        for secret in find(text):
            value = text[secret.start : secret.end]
            if value not in seen:
                seen.add(value)
                first, last = (text.count("\n", 0, at) for at in (secret.start, secret.end))
                hits.append(_hit(file.path, secret, lines[first][0], lines[last][0]))
    return hits


def _side(hunk: Hunk, side: Side) -> list[tuple[int, str]]:
    numbered = ((line.new if side == "new" else line.old, line.text) for line in hunk.lines)
    return [(number, text) for number, text in numbered if number is not None]


def _numbered(file: FileChange, side: Side) -> LineOf:
    texts = {number: text for hunk in file.hunks for number, text in _side(hunk, side)}
    return lambda _, number: texts.get(number, "")


def _hit(path: str, secret: SecretHit, start_line: int, end_line: int) -> Hit:
    unsure = secret.family in _BY_NAME and is_test(path)
    article = "An" if secret.family[0] in "AEIOUaeiou" else "A"
    return Hit(
        rule=secret.family.lower().replace(" ", "-"),
        path=path,
        start_line=start_line,
        end_line=end_line,
        title=f"{article} {secret.family} is written in the code",
        body=_BODY,
        severity=Severity.LOW if unsure else Severity.MEDIUM if is_test(path) else Severity.HIGH,
        category=Category.SECURITY,
        stands_alone=not unsure,
    )
