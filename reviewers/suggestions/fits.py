"""Whether a replacement may stand in a thread as one click: pure looks at the lines, the file and the text."""

from app.domain.diff import FileChange
from app.domain.findings import Finding, Place
from app.domain.invisible import strip_invisible
from app.domain.protected_paths import names_dependencies, protected, sets_tools
from app.domain.secrets import Redactor
from reviewers.base import Change
from reviewers.context.symbols import syntax_errors

# Stands before a replacement that a coding agent may consider.
UNTRIED = "A replacement to consider, not tried:"
LONGEST = 2_000
MOST_LINES = 60
# What could end the block that it stands in, on one forge or the other.
_FENCES = ("```", "~~~")


def objection(place: Place, replacement: str, change: Change, redactor: Redactor) -> str:
    """Why these lines cannot be offered in place of those; empty when nothing speaks against trying them."""
    file, text = change.diff.by_path.get(place.path), change.read(place.path)
    if file is None or text is None or not whole_added_lines(place, file):
        return "it does not replace whole added lines of one hunk"
    if protected(place.path) or sets_tools(place.path) or names_dependencies(place.path):
        return "the file is protected"
    if not _stand_there(place, file, text) or "\N{REPLACEMENT CHARACTER}" in text:
        return "the file has other line ends or another encoding"
    return _of_text(replacement, redactor) or _of_file(place, replacement, text)


def whole_added_lines(place: Place, file: FileChange) -> bool:
    """Whether every line of the place was added, in one hunk: a forge replaces no others."""
    if place.side != "new" or not 1 <= place.start_line <= place.line:
        return False
    wanted = set(range(place.start_line, place.line + 1))
    return any(wanted <= {line.new for line in hunk.added} for hunk in file.hunks)


def _stand_there(place: Place, file: FileChange, text: str) -> bool:
    """Whether the file's lines are those of the change: not with other line ends, not counted otherwise."""
    added = {line.new: line.text for hunk in file.hunks for line in hunk.added}
    return text.split("\n")[place.start_line - 1 : place.line] == [
        added[number] for number in range(place.start_line, place.line + 1)
    ]


def patched(text: str, place: Place, replacement: str) -> str:
    """The file with the replacement in place of its lines."""
    lines = text.split("\n")
    return "\n".join((*lines[: place.start_line - 1], *replacement.split("\n"), *lines[place.line :]))


def settled(finding: Finding, *, tried: bool) -> Finding:
    """The finding after its proposal was tried, or was not: only what held becomes a suggestion."""
    if not tried:
        return finding.model_copy(update={"proposed": None})
    prompt = finding.agent_prompt.partition(UNTRIED)[0].rstrip()
    return finding.model_copy(update={"proposed": None, "suggestion": finding.proposed, "agent_prompt": prompt})


def _of_text(replacement: str, redactor: Redactor) -> str:
    if not replacement.strip() or len(replacement) > LONGEST or replacement.count("\n") >= MOST_LINES:
        return "it is empty or too long"
    if strip_invisible(replacement) != replacement:
        return "it holds characters that nobody sees"
    if any(fence in replacement for fence in _FENCES):
        return "it holds a fence"
    if redactor.redact(replacement) != replacement:
        return "it holds a secret"
    return ""


def _of_file(place: Place, replacement: str, text: str) -> str:
    mended = patched(text, place, replacement)
    if mended == text:
        return "it changes nothing"
    before, after = syntax_errors(place.path, text), syntax_errors(place.path, mended)
    if before is None or after is None:
        return "nobody here can parse the file"
    return "the file would not parse" if after > before else ""
