"""Fixes that need no model: where a linter found it and knows a safe fix, that one fix, on that one line."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from pydantic import BaseModel, TypeAdapter, ValidationError

from app.domain.edits import Edit, edited
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
    check = rule_check(tracked, programs=programs)
    path = f"{folder}/{tracked.finding.place.path}"
    content = (await room.read([path], max_bytes=_LARGEST_FILE)).get(path)
    if check is None or content is None:
        return None
    hits = check.read(await check.run(room, folder)) or ()
    edits = next((hit.edits for hit in hits if check.meets(hit) and hit.edits), None)
    if edits is None:
        return None
    mended = edited(content.decode("utf-8", "surrogateescape"), edits)
    patch = make(check.path, content, mended.encode("utf-8", "surrogateescape")) if mended is not None else b""
    return RuleFix(patch, check.shown, check) if patch else None


def rule_check(tracked: TrackedFinding, *, programs: str = INSIDE) -> "RuleCheck | None":
    """The linter as the reproduction of its own finding, whoever made the fix; None for other reviewers' findings."""
    fixer = FIXERS.get(tracked.finding.reviewer)
    return RuleCheck(fixer, tracked, programs) if fixer is not None else None


class RuleCheck:
    """Asks one linter about one rule in one file.

    The first call must be on head: red when the finding is there. Later ones are red while the linter says it of as
    many lines of that text as it did then, or of as many lines in all.
    """

    def __init__(self, fixer: Fixer, tracked: TrackedFinding, programs: str) -> None:
        self._fixer = fixer
        self._place = tracked.finding.place
        self._rule = tracked.finding.rule
        self._programs = programs
        self._on_head: Sequence[str] | None = None
        self._line = ""

    @property
    def path(self) -> str:
        return self._place.path

    @property
    def shown(self) -> str:
        return f"{self._fixer.command(self._rule, self.path)[0]} {self._rule} {self.path}"

    def meets(self, hit: LintHit) -> bool:
        return hit.start_line <= self._place.line and self._place.start_line <= hit.end_line

    async def run(self, room: Room, folder: str) -> Ran:
        # 1 means that there are findings, which is not a failure of the program.
        script = '"$@" 2>/dev/null || [ $? -eq 1 ]'
        argv = self._fixer.command(self._rule, f"./{self.path}")
        path = {"PATH": f"{self._programs}:/usr/local/bin:/usr/bin:/bin"}
        return await room.run(("/bin/sh", "-c", script, "sh", *argv), cwd=folder, env=path, within=_WITHIN)

    def read(self, ran: Ran) -> list[LintHit] | None:
        """None when the program is not there or says what we do not know."""
        try:
            return self._fixer.read(ran.output) if ran.passed else None
        except ValidationError:
            return None

    async def __call__(self, room: Room, folder: str) -> CheckRun:
        ran = await self.run(room, folder)
        hits = self.read(ran)
        content = (await room.read([f"{folder}/{self.path}"], max_bytes=_LARGEST_FILE)).get(f"{folder}/{self.path}")
        if hits is None or content is None:
            return CheckRun(command=self.shown, ran=ran, tests={self._rule: TestResult("error", "no answer")})
        is_red = self._is_red(hits, content.decode("utf-8", "surrogateescape").split("\n"))
        result = TestResult("fail", f"{self._rule}: {hits[0].message}") if is_red else TestResult("pass")
        return CheckRun(command=self.shown, ran=ran, tests={self._rule: result})

    def _is_red(self, hits: Sequence[LintHit], text: Sequence[str]) -> bool:
        lines = [text[hit.start_line - 1].strip() for hit in hits if 0 < hit.start_line <= len(text)]
        if self._on_head is None:
            self._on_head = lines
            self._line = next((line for hit, line in zip(hits, lines, strict=False) if self.meets(hit)), "")
            return any(self.meets(hit) for hit in hits)
        fewer = len(lines) < len(self._on_head) and lines.count(self._line) < self._on_head.count(self._line)
        return bool(lines) and not fewer


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
