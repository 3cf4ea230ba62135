"""What we wrote on a forge, read back by somebody who has nothing else: threads, and the summary of a check.

The other half of thread_text and check_text, to be given only what is ours for sure. What was made harmless for a
forge is plain text again here, for readers that draw and run nothing.
"""

import html
import re
from collections.abc import Iterator

from app.domain.findings import Place, Severity
from app.domain.invisible import strip_invisible
from app.domain.model import Frozen
from app.domain.names import MARKER_WORD

_HEADING = re.compile(r"\*\*(High|Medium|Low) · (\d{1,9}) · (.{1,1000}?)\*\*(?: (`.{1,1000}`))?")
_HELD_BACK = re.compile(r"- (\d{1,9}) (High|Medium|Low) · (.{1,1000}) (`[^`]{1,1000}`|``.{1,1000}``) \((.{1,1000})\)")
_FOR_AGENTS = re.compile(r"<details><summary>For your coding agent</summary>\n\n(.*?)\n\n</details>", re.DOTALL)
_SUGGESTION = re.compile(r"^(`{3,})suggestion[^\n]*\n(.*?)\n\1$", re.DOTALL | re.MULTILINE)
_PLACE = re.compile(r"(.+):(\d{1,9})")
_UNTOLD, _HELD = "**Open, without a thread**", "**Held back**"
_NOT_REVIEWED = "- **Not reviewed** "


class PostedFinding(Frozen):
    """A finding as it stands on a forge; `place` is None where the forge itself says where it stands."""

    number: int
    severity: Severity
    title: str
    body: str = ""
    agent_prompt: str = ""
    suggestion: str | None = None
    place: Place | None = None
    # Why it was held back.
    reason: str = ""
    # A sentence of ours above it, where its thread was not ours to resolve: it is mended, dismissed or withdrawn.
    is_over: bool = False


class PostedCheck(Frozen):
    """What a completed check's summary tells of findings without a thread."""

    untold: tuple[PostedFinding, ...] = ()
    held_back: tuple[PostedFinding, ...] = ()
    # The files that were not reviewed, with the reasons; empty where all were.
    not_reviewed: str = ""


def read_thread(body: str) -> PostedFinding | None:
    """The first comment of a thread of ours; None for one that is about no finding."""
    text = body.rpartition(f"<!-- {MARKER_WORD}:v1 ")[0].replace("\r\n", "\n")
    lines = text.split("\n")
    for at, line in enumerate(lines):
        if heading := _HEADING.fullmatch(line):
            found = _finding(heading, "\n".join(lines[at + 1 :]))
            return found.model_copy(update={"is_over": bool("".join(lines[:at]).strip())})
    return None


def read_check(summary: str) -> PostedCheck:
    lines = summary.replace("\r\n", "\n").split("\n")
    # The last one: a finding's own words may hold such a line.
    held = max((at for at, line in enumerate(lines) if line == _HELD), default=len(lines))
    untold = lines[lines.index(_UNTOLD) : held] if _UNTOLD in lines[:held] else []
    unread = next((line.removeprefix(_NOT_REVIEWED) for line in lines if line.startswith(_NOT_REVIEWED)), "nothing")
    return PostedCheck(
        untold=tuple(_whole(untold)),
        held_back=tuple(one for line in lines[held:] if (one := _held_back(line))),
        not_reviewed="" if unread == "nothing" else _plain(unread).replace("`", ""),
    )


def _whole(lines: list[str]) -> Iterator[PostedFinding]:
    """Each heading with what stands below it."""
    starts = [at for at, line in enumerate(lines) if (found := _HEADING.fullmatch(line)) and found[4]]
    ends = [*starts, len(lines)][1:]
    for start, end in zip(starts, ends, strict=False):
        if heading := _HEADING.fullmatch(lines[start]):
            yield _finding(heading, "\n".join(lines[start + 1 : end]))


def _finding(heading: re.Match[str], below: str) -> PostedFinding:
    for_agents, suggestion = _FOR_AGENTS.search(below), _SUGGESTION.search(below)
    for part in (for_agents, suggestion):
        below = below.replace(part[0], "") if part else below
    return PostedFinding(
        number=int(heading[2]),
        severity=Severity(heading[1].lower()),
        title=_plain(heading[3]),
        body=_plain(re.sub(r"\n{3,}", "\n\n", below)),
        agent_prompt=_plain(for_agents[1]) if for_agents else "",
        suggestion=suggestion[2] if suggestion else None,
        place=_place(heading[4]) if heading[4] else None,
    )


def _held_back(line: str) -> PostedFinding | None:
    if (found := _HELD_BACK.fullmatch(line)) is None or (place := _place(found[4])) is None:
        return None
    return PostedFinding(
        number=int(found[1]),
        severity=Severity(found[2].lower()),
        title=_plain(found[3]),
        place=place,
        reason=_plain(found[5]),
    )


def _place(written: str) -> Place | None:
    found = _PLACE.fullmatch(_plain(written.strip("`")))
    if found is None:
        return None
    return Place(path=found[1], start_line=int(found[2]), line=int(found[2]))


def _plain(text: str) -> str:
    return strip_invisible(html.unescape(text)).strip()
