"""From what a model said to findings: the file must have been shown to it, and the quote must be there."""

from collections.abc import Sequence

from app.domain.anchors import find, squeeze
from app.domain.diff import FileChange
from app.domain.findings import Finding, Place
from app.domain.secrets import MASK, Redactor
from reviewers.base import Change
from reviewers.bug_hunter.answer import Said, one_line, paragraphs, visible
from reviewers.bug_hunter.excerpts import Batch
from reviewers.bug_hunter.prompt import shown_path
from reviewers.suggestions.fits import UNTRIED, objection

_TITLE_CHARACTERS = 80
# A thread has 120 words with its title; the block for an agent is folded and may be as long again.
_BODY_WORDS = 100
_AGENT_WORDS = 150
_SUGGESTION_CHARACTERS = 2_000


def checked(
    said: Sequence[Said], batch: Batch, change: Change, redactor: Redactor
) -> tuple[tuple[Finding, ...], tuple[str, ...]]:
    """Each item as a finding, or the reason why it is none."""
    paths = {name: path for path in batch.paths for name in (path, shown_path(path))}
    findings: list[Finding] = []
    dropped: list[str] = []
    for one in said:
        result = _finding(one, paths.get(one.path), change, redactor)
        if isinstance(result, Finding):
            findings.append(result)
        else:
            dropped.append(result)
    return tuple(findings), tuple(dropped)


def _finding(said: Said, path: str | None, change: Change, redactor: Redactor) -> Finding | str:
    if path is None:
        # Traversal, absolute paths, other cases, other files: nothing is normalised into a path that was not shown.
        return "path is not in the change"
    title, body = one_line(said.title, _TITLE_CHARACTERS), paragraphs(said.body, _BODY_WORDS)
    if not title or not body:
        return "no grounds named"
    quote = "\n".join(line for line in said.quote.split("\n") if MASK not in line)
    if not quote.strip():
        return "quote is empty or a masked secret"
    file, head_text = change.diff.by_path[path], change.read(path)
    found = find(quote, file, line=said.line, head_text=head_text)
    if found is None:
        return "quote not found in the change"
    code = _code_at(found.place, file, head_text or "")
    return Finding(
        reviewer="bug_hunter",
        rule=said.category.value,
        category=said.category,
        severity=said.severity,
        title=title,
        body=body,
        place=found.place,
        # The code as it is, so that the same finding has the same key however it was quoted.
        quote=code if code.strip() and redactor.redact(code) == code else quote,
        agent_prompt=_agent_prompt(said),
        # A rule that was not given is none.
        breaks_rule=_rule(said.rule or "", change.rule_names),
        proposed=_proposal(said, quote, code, found.place, change, redactor),
    )


def _rule(said: str, names: Sequence[str]) -> str:
    """The rule that is meant, also where its whole heading was copied: "R7", "api/rules.md, for *.py in api"."""
    return next((name for name in names if said == name or said.startswith(f"{name}, ")), "")


def _code_at(place: Place, file: FileChange, head_text: str) -> str:
    if place.side == "new" and head_text:
        return "\n".join(head_text.split("\n")[place.start_line - 1 : place.line])
    lines = (line for hunk in file.hunks for line in hunk.lines)
    numbered = ((line.new if place.side == "new" else line.old, line.text) for line in lines)
    return "\n".join(text for number, text in numbered if number and place.start_line <= number <= place.line)


def _proposal(said: Said, quote: str, code: str, place: Place, change: Change, redactor: Redactor) -> str | None:
    """What may be tried in place of the lines; None unless the model quoted them whole."""
    suggestion = (said.suggestion or "").replace("\r\n", "\n").strip("\n")
    if not suggestion or squeeze(quote) != squeeze(code):
        return None
    proposed = _indented(suggestion, quote, code)
    return None if objection(place, proposed, change, redactor) else proposed


def _indented(suggestion: str, quote: str, code: str) -> str:
    """Moved to where the code stands, when the model moved what it quoted to the left."""
    there, told = _indent(code), _indent(quote)
    if there == told or _indent(suggestion) == there or not there.endswith(told):
        return suggestion
    more = there.removesuffix(told)
    return "\n".join(more + line if line.strip() else line for line in suggestion.split("\n"))


def _indent(text: str) -> str:
    line = next((line for line in text.split("\n") if line.strip()), "")
    return line[: len(line) - len(line.lstrip())]


def _agent_prompt(said: Said) -> str:
    """What to do; an untried suggestion is only a hint here, never a button that commits it."""
    prompt = paragraphs(said.agent_prompt or "", _AGENT_WORDS)
    suggestion = visible(said.suggestion or "").strip("\n")
    if not suggestion or len(suggestion) > _SUGGESTION_CHARACTERS:
        return prompt
    return f"{prompt}\n\n{UNTRIED}\n\n{suggestion}".strip()
