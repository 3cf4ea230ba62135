"""Fixes that need no model: where a linter found it and knows a safe fix, that one fix, on that one line."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

from pydantic import BaseModel, TypeAdapter, ValidationError

from app.domain.findings import TrackedFinding
from app.sandboxes.base import WORK, Ran, Room
from autofix.checks import CheckRun
from autofix.checks_results import TestResult
from autofix.patches_content import make

# Where the linters' programs are seen inside a sandbox.
INSIDE = "/opt/linters"

_WITHIN = timedelta(minutes=1)
_LARGEST_FILE = 2_000_000


@dataclass(frozen=True)
class Edit:
    """Text from one place to another, lines and columns from 1, becomes another; where both are one it is put in."""

    start: tuple[int, int]
    end: tuple[int, int]
    text: str


@dataclass(frozen=True)
class LintHit:
    """What a linter says now; no edits where it knows no safe fix."""

    start_line: int
    end_line: int
    message: str
    edits: tuple[Edit, ...] = ()


@dataclass(frozen=True)
class Fixer:
    """A linter that can mend: its command for one rule and one file, and what its output means."""

    command: Callable[[str, str], Sequence[str]]
    # Raises ValidationError for an output that is not what we know.
    read: Callable[[bytes], list[LintHit]]


@dataclass(frozen=True)
class RuleFix:
    """A patch, and the linter to ask again as its reproduction (see proof.Claim)."""

    patch: bytes
    shown: str
    check: Callable[[Room, str], Awaitable[CheckRun]]


def programs(linters: Path) -> tuple[tuple[str, str], ...]:
    """For SandboxSpec.programs: the folder that holds ruff and shellcheck, and where it is seen inside."""
    return ((str(linters), INSIDE),)


async def rule_fix(
    room: Room, tracked: TrackedFinding, *, folder: str = WORK, programs: str = INSIDE
) -> RuleFix | None:
    """The linter's own safe fix of this finding; None when there is none, or the linter no longer finds it."""
    found, path = tracked.finding, tracked.finding.place.path
    fixer = FIXERS.get(found.reviewer)
    content = (await room.read([f"{folder}/{path}"], max_bytes=_LARGEST_FILE)).get(f"{folder}/{path}")
    if fixer is None or content is None:
        return None
    asking = _Asking(fixer, found.rule, path, programs)
    hits = await asking.hits(room, folder)
    hit = next((hit for hit in hits or () if _meets(hit, tracked) and hit.edits), None)
    if hit is None:
        return None
    text = content.decode("utf-8", "surrogateescape")
    mended = edited(text, hit.edits)
    patch = make(path, content, mended.encode("utf-8", "surrogateescape")) if mended is not None else b""
    before = _lines_of(hits or [], text)
    return RuleFix(patch, asking.shown, asking.check(_line(text, hit), before)) if patch else None


@dataclass(frozen=True)
class _Asking:
    """One linter, one rule, one file."""

    fixer: Fixer
    rule: str
    path: str
    programs: str

    @property
    def shown(self) -> str:
        return f"{self.fixer.command(self.rule, self.path)[0]} {self.rule} {self.path}"

    async def run(self, room: Room, folder: str) -> Ran:
        # 1 means that there are findings, which is not a failure of the program.
        argv = (*self.fixer.command(self.rule, f"./{self.path}"),)
        script = '"$@" 2>/dev/null || [ $? -eq 1 ]'
        path = {"PATH": f"{self.programs}:/usr/local/bin:/usr/bin:/bin"}
        return await room.run(("/bin/sh", "-c", script, "sh", *argv), cwd=folder, env=path, within=_WITHIN)

    async def hits(self, room: Room, folder: str) -> list[LintHit] | None:
        """None when the program is not there or says what we do not know."""
        ran = await self.run(room, folder)
        try:
            return self.fixer.read(ran.output) if ran.passed else None
        except ValidationError:
            return None

    def check(self, line: str, before: Sequence[str]) -> Callable[[Room, str], Awaitable[CheckRun]]:
        """Red while the linter says it of as many lines of that text as before, or of as many lines in all."""

        async def asked(room: Room, folder: str) -> CheckRun:
            ran = await self.run(room, folder)
            content = (await room.read([f"{folder}/{self.path}"], max_bytes=_LARGEST_FILE)).get(f"{folder}/{self.path}")
            try:
                hits = self.fixer.read(ran.output)
            except ValidationError:
                return CheckRun(command=self.shown, ran=ran, tests={self.rule: TestResult("error", "no answer")})
            now = _lines_of(hits, (content or b"").decode("utf-8", "surrogateescape"))
            is_red = not content or len(now) >= len(before) or now.count(line) >= before.count(line)
            result = TestResult("fail", f"{self.rule}: {hits[0].message}") if is_red and hits else TestResult("pass")
            return CheckRun(command=self.shown, ran=ran, tests={self.rule: result})

        return asked


def _meets(hit: LintHit, tracked: TrackedFinding) -> bool:
    place = tracked.finding.place
    return hit.start_line <= place.line and place.start_line <= hit.end_line


def _line(text: str, hit: LintHit) -> str:
    lines = text.split("\n")
    return lines[hit.start_line - 1].strip() if 0 < hit.start_line <= len(lines) else ""


def _lines_of(hits: Sequence[LintHit], text: str) -> list[str]:
    return [_line(text, hit) for hit in hits]


def edited(text: str, edits: Sequence[Edit]) -> str | None:
    """The text with all edits made, from the last to the first; None when two of them meet or one is outside."""
    starts = [0]
    for line in text.split("\n"):
        starts.append(starts[-1] + len(line) + 1)

    def offset(place: tuple[int, int]) -> int:
        return starts[place[0] - 1] + place[1] - 1

    if any(not 0 < line < len(starts) for edit in edits for line in (edit.start[0], edit.end[0])):
        return None
    spans = sorted(((offset(edit.start), offset(edit.end), edit.text) for edit in edits), key=lambda span: span[:2])
    for before, after in pairwise(spans):
        if before[1] > after[0]:
            return None
    for begin, end, new in reversed(spans):
        text = text[:begin] + new + text[end:]
    return text


class _RuffPoint(BaseModel):
    row: int
    column: int


class _RuffEdit(BaseModel):
    content: str
    location: _RuffPoint
    end_location: _RuffPoint


class _RuffFix(BaseModel):
    applicability: str
    edits: list[_RuffEdit]


class _RuffHit(BaseModel):
    message: str
    location: _RuffPoint
    end_location: _RuffPoint
    fix: _RuffFix | None = None


_RUFF = TypeAdapter(list[_RuffHit])


def _read_ruff(output: bytes) -> list[LintHit]:
    return [
        LintHit(
            hit.location.row,
            hit.end_location.row,
            hit.message,
            tuple(
                Edit((e.location.row, e.location.column), (e.end_location.row, e.end_location.column), e.content)
                for e in (hit.fix.edits if hit.fix and hit.fix.applicability == "safe" else ())
            ),
        )
        for hit in _RUFF.validate_json(output)
    ]


class _ShellReplacement(BaseModel):
    line: int
    column: int
    endLine: int  # noqa: N815 - shellcheck's name
    endColumn: int  # noqa: N815 - shellcheck's name
    replacement: str


class _ShellFix(BaseModel):
    replacements: list[_ShellReplacement]


class _ShellHit(BaseModel):
    line: int
    endLine: int  # noqa: N815 - shellcheck's name
    message: str
    fix: _ShellFix | None = None


class _ShellReport(BaseModel):
    comments: list[_ShellHit]


def _read_shellcheck(output: bytes) -> list[LintHit]:
    return [
        LintHit(
            hit.line,
            hit.endLine,
            hit.message,
            tuple(
                Edit((one.line, one.column), (one.endLine, one.endColumn), one.replacement)
                for one in (hit.fix.replacements if hit.fix else ())
            ),
        )
        for hit in _ShellReport.model_validate_json(output).comments
    ]


FIXERS: Mapping[str, Fixer] = {
    "ruff": Fixer(
        lambda rule, path: ("ruff", "check", "--isolated", "--no-cache", "--target-version", "py314", "--select", rule,
                            "--output-format", "json", "--", path),
        _read_ruff,
    ),
    "shellcheck": Fixer(
        lambda rule, path: ("shellcheck", "--norc", f"--include={rule}", "-f", "json1", "--", path),
        _read_shellcheck,
    ),
}  # fmt: skip
