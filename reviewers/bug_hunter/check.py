"""The second look: what the passes agree on is checked against the code, by another model or with another question."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from app.domain.diff import FileChange
from app.domain.errors import RateLimited, Refused, UserError
from app.domain.findings import Finding
from app.domain.invisible import strip_invisible
from app.domain.secrets import Redactor
from app.llm.blocks import block
from app.llm.chat import ModelOutputUnusable, ModelRefused, ModelUnavailable, PromptTooLong, Question
from app.llm.prices import estimate_tokens
from reviewers.base import Change
from reviewers.bug_hunter.prompt import instructions, shown_path
from reviewers.bug_hunter.reading import Asking
from reviewers.bug_hunter.verdicts import SCHEMA, SCHEMA_NAME, Verdict, judged, read_answer
from reviewers.context.lookups import Lookups, may_look
from reviewers.suggestions.fits import patched, settled

# How many findings are checked with one question? More get less attention each.
_FINDINGS_AT_ONCE = 8
# How much code may stand around them? A checker errs less the more it sees.
_CODE_TOKENS = 24_000
# A shorter file is shown whole; of a longer one, what is around the findings.
_WHOLE_LINES = 500
_LINES_AROUND = 120
# How many lines stand before and behind a replacement that is proposed?
_LINES_BESIDE = 4

# How often may it ask to see more?
_LOOKS = 2

_TROUBLE = (ModelOutputUnusable, ModelRefused, ModelUnavailable, PromptTooLong, Refused)


@dataclass(frozen=True)
class Checked:
    """All findings, in their order, and what could not be checked, in words."""

    findings: tuple[Finding, ...]
    trouble: str = ""


async def check(change: Change, findings: Sequence[Finding], asking: Asking) -> Checked:
    """The findings with their verdicts. What cannot be checked stays as it was: it had its votes.

    Raises RateLimited and UserError, which end the review for now.
    """
    parts = [findings[at : at + _FINDINGS_AT_ONCE] for at in range(0, len(findings), _FINDINGS_AT_ONCE)]
    if parts:
        change.progress(f"model: checking {len(findings)} of what was found")
    done = await asyncio.gather(*(_check(change, part, asking) for part in parts))
    return Checked(
        tuple(finding for one in done for finding in one.findings),
        next((one.trouble for one in done if one.trouble), ""),
    )


async def _check(change: Change, findings: Sequence[Finding], asking: Asking) -> Checked:
    shown, seen = await asyncio.to_thread(_code, change, findings), Lookups(change)
    try:
        verdicts = await _verdicts(change, findings, shown, seen, asking)
    except (RateLimited, UserError):
        raise
    except _TROUBLE as error:
        return Checked(tuple(settled(finding, tried=False) for finding in findings), str(error))
    return Checked(tuple(judged(findings, verdicts, _visible(shown, seen, asking.redactor))))


async def _verdicts(
    change: Change, findings: Sequence[Finding], shown: dict[str, str], seen: Lookups, asking: Asking
) -> dict[int, Verdict]:
    """Asked again with what it wanted to see, so often and no more."""
    for looks_left in range(_LOOKS, -1, -1):
        asked = await asyncio.to_thread(_question, change, findings, shown, asking.redactor, seen, looks_left)
        answer = await asking.ask(asked, partial(read_answer, looks_left=looks_left), change)
        if isinstance(answer, dict):
            return answer
        await seen.look(answer)
    raise AssertionError("the last question takes nothing but verdicts")


def _visible(shown: dict[str, str], seen: Lookups, redactor: Redactor) -> dict[str, str]:
    """All code that can be quoted, under every name that it was shown by."""
    texts = {path: "\n".join(filter(None, (shown.get(path), seen.read.get(path)))) for path in (*shown, *seen.read)}
    return {name: redactor.redact(text) for path, text in texts.items() for name in (path, shown_path(path))}


def check_question(change: Change, findings: Sequence[Finding], redactor: Redactor) -> Question:
    """What a check of these findings asks."""
    return _question(change, findings, _code(change, findings), redactor, Lookups(change), _LOOKS)


def _question(
    change: Change,
    findings: Sequence[Finding],
    shown: dict[str, str],
    redactor: Redactor,
    seen: Lookups,
    looks_left: int,
) -> Question:
    """Without the author's words: whoever talked the first readers into something does not get to talk here."""
    said = "\n\n".join(_said(number, finding, change) for number, finding in enumerate(findings, 1))
    code = (block(f"file {shown_path(path)} after the change", text) for path, text in shown.items())
    return Question(
        instructions=instructions("check.md", "look.md"),
        prompt=redactor.redact("\n\n".join((*code, block("findings", said), *seen.blocks(), may_look(looks_left)))),
        schema_name=SCHEMA_NAME,
        schema=SCHEMA,
    )


def _said(number: int, finding: Finding, change: Change) -> str:
    where = f"{shown_path(finding.place.path)}:{finding.place.start_line}-{finding.place.line}"
    side = " (removed lines)" if finding.place.side == "old" else ""
    heard = [f"- {one.kind}: {one.text}" for one in finding.evidence]
    lines = (f"Finding {number} · {finding.severity} · {where}{side}", finding.title, finding.body, *heard)
    return "\n".join((*lines, "Quoted:", finding.quote, *_proposed(finding, change)))


def _proposed(finding: Finding, change: Change) -> Iterator[str]:
    """The lines as they would be, with some around them."""
    if finding.proposed is not None:
        text = patched(change.read(finding.place.path) or "", finding.place, finding.proposed).split("\n")
        end = finding.place.start_line - 1 + len(finding.proposed.split("\n"))
        yield "Proposed, the quoted lines and those around them as they would be:"
        yield from text[max(0, finding.place.start_line - 1 - _LINES_BESIDE) : end + _LINES_BESIDE]


def _code(change: Change, findings: Sequence[Finding]) -> dict[str, str]:
    """What the check sees of each file: all of it, or what is around the findings and the change's removed lines."""
    room = _CODE_TOKENS
    shown: dict[str, str] = {}
    for path in dict.fromkeys(finding.place.path for finding in findings):
        at = [finding.place.line for finding in findings if finding.place.path == path]
        text = strip_invisible("\n".join(_pieces(change.diff.by_path[path], change.read(path) or "", at)))
        if room <= 0:
            break
        shown[path] = text[: room * 3]
        room -= estimate_tokens(shown[path])
    return shown


def _pieces(file: FileChange, text: str, at: Sequence[int]) -> Iterator[str]:
    lines = text.split("\n")
    last = 0
    for number, line in enumerate(lines, 1):
        if len(lines) <= _WHOLE_LINES or any(abs(number - one) <= _LINES_AROUND for one in at):
            if number != last + 1:
                yield "…"
            yield line
            last = number
    removed = [line.text for hunk in file.hunks for line in hunk.lines if line.kind == "removed"]
    if removed:
        yield from ("", "Removed by the change:", *removed)
