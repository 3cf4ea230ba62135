"""Runs a reproduction and the repository's checks on both sides, and says what held and what did not."""

import hashlib
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

from app.domain.fixes import Comparison, ProofStep
from app.sandboxes.base import WORK, Room
from autofix import checks
from autofix.checks import CheckRun, short
from autofix.evidence import Evidence
from autofix.verify_reasons import wrong_reason
from autofix.verify_sides import Sides

_LONGEST_CELL = 60
# What follows the first red run: a test that fails by turns, or by count, must not know its turn.
_ORDERS: tuple[tuple[Literal["red", "green"], ...], ...] = (
    ("green", "green", "red"),
    ("green", "red", "green"),
    ("red", "green", "green"),
)


class NotProved(Exception):
    """The step that said no, with a phrase without a full stop."""

    def __init__(self, step: ProofStep, reason: str) -> None:
        super().__init__(reason)
        self.step: ProofStep = step
        self.reason = reason


@dataclass(frozen=True)
class Reproduction:
    """Something that is red on head: a command as typed, or a linter that is asked again."""

    shown: str
    # Runs it in the folder as it is now; the name is that of the run, for a second try to find it by.
    run: Callable[[str], Awaitable[CheckRun]]
    is_new: bool = False


@dataclass
class Verification:
    """One patch in one room; the rows of its proof as they become known."""

    room: Room
    sides: Sides
    evidence: Evidence
    # Runs of this proof are told apart by it from those of any other in the same room.
    name: str
    # A hexadecimal digest that nothing inside can know; the order of runs follows from it.
    secret: str = ""
    folder: str = WORK
    scratch: str = "/tmp/proof"  # noqa: S108 - inside the sandbox
    within: timedelta = timedelta(minutes=10)
    comparisons: list[Comparison] = field(default_factory=list[Comparison])
    before: dict[str, CheckRun] = field(default_factory=dict[str, CheckRun])
    after: dict[str, CheckRun] = field(default_factory=dict[str, CheckRun])
    _runs: int = 0

    async def command(self, command: str, name: str, *, within: timedelta | None = None) -> CheckRun:
        # The folder is in the run's environment: its name must not tell which of our runs it is.
        scratch = f"{self.scratch}/{hashlib.sha256(f'{self.secret}{name}'.encode()).hexdigest()[:16]}"
        return await checks.run(
            self.room, command, exec_id=name, folder=self.folder, scratch=scratch, within=within or self.within
        )

    async def checks_on_head(self, commands: Sequence[str]) -> None:
        await self.sides.show("head")
        for command in commands:
            run = await self.run("head", "the repository's checks", lambda n, c=command: self.command(c, n))
            if _could_not_run(run):
                raise NotProved("sandbox", f"{command} could not run on head ({run.summary})")
            self.before[command] = run

    @property
    def checks_say_nothing(self) -> bool:
        """Whether the repository has checks, and none of them could have told a right fix from a wrong one."""
        runs = [(self.before[command], run) for command, run in self.after.items()]
        return bool(runs) and all(checks.says_nothing(run) for pair in runs for run in pair)

    async def reproduce(self, reproductions: Sequence[Reproduction], tests: Collection[str]) -> None:
        """Red on head with the patch's tests, green with the fix, and both again: neither by chance nor by order."""
        reds, greens = [await self._red(reproductions, tests)], list[list[CheckRun]]()
        for colour in _ORDERS[int(self.secret[:8] or "0", 16) % len(_ORDERS)]:
            if colour == "red":
                reds.append(await self._red(reproductions, tests))
            else:
                greens.append(await self._green(reproductions, reds[0]))
        for green in greens:
            self._check_green(reproductions, reds[-1], green)
        for reproduction, red, green in zip(reproductions, reds[0], greens[-1], strict=True):
            counted = self._counted(red)
            self.comparisons.append(
                Comparison(
                    what=reproduction.shown,
                    is_new=reproduction.is_new,
                    before=_cell(told(red, counted)),
                    after=_cell("pass" if counted else green.summary),
                    held=True,
                )
            )

    async def checks_with_fix(self, commands: Sequence[str], side: Literal["fixed", "old_tests"]) -> None:
        """No worse than on head, test by test; what is worse may be so twice in a row before it counts."""
        await self.sides.show(side)
        for command in commands:
            run = await self.run("fixed", "the repository's checks", lambda n, c=command: self.command(c, n))
            reasons = checks.worse(self.before[command], run)
            if reasons:
                run = await self.run("fixed", "the same once more", lambda n, c=command: self.command(c, n))
                reasons = checks.worse(self.before[command], run)
            if side == "fixed":
                self.after[command] = run
            if side == "fixed" or reasons:
                self.comparisons.append(
                    Comparison(
                        what=f"the repository's checks, {command}",
                        before=_cell(self.before[command].summary),
                        after=_cell(run.summary),
                        held=not reasons,
                    )
                )
            if reasons:
                raise NotProved("checks", _joined(reasons))

    async def run(
        self, side: Literal["head", "fixed"], what: str, start: Callable[[str], Awaitable[CheckRun]]
    ) -> CheckRun:
        """One more run of this proof, kept with its evidence."""
        self._runs += 1
        run = await start(f"{self.name}-{self._runs}")
        self.evidence.add(side, what, run)
        return run

    async def _red(self, reproductions: Sequence[Reproduction], tests: Collection[str]) -> list[CheckRun]:
        await self.sides.show("with_tests")
        runs = [await self.run("head", one.shown, one.run) for one in reproductions]
        for reproduction, run in zip(reproductions, runs, strict=True):
            if run.passed:
                raise NotProved("reproduction", f"{reproduction.shown} passes without the fix too")
            if reason := wrong_reason(run, self._counted(run), tests):
                raise NotProved("reproduction", f"{reproduction.shown} is red on head only because {reason}")
        return runs

    async def _green(self, reproductions: Sequence[Reproduction], red: Sequence[CheckRun]) -> list[CheckRun]:
        await self.sides.show("fixed")
        runs = [await self.run("fixed", one.shown, one.run) for one in reproductions]
        self._check_green(reproductions, red, runs)
        return runs

    def _check_green(
        self, reproductions: Sequence[Reproduction], red: Sequence[CheckRun], green: Sequence[CheckRun]
    ) -> None:
        for reproduction, was, now in zip(reproductions, red, green, strict=True):
            counted = self._counted(was)
            still = [name for name in counted if name not in now.tests or now.tests[name].outcome != "pass"]
            if still:
                raise NotProved("reproduction", f"{short(still[0])} still fails with the fix")
            if not set(now.red) <= self._known_red() or not (now.ran.passed or (counted and now.red)):
                raise NotProved("reproduction", f"{reproduction.shown} still fails with the fix")

    def _known_red(self) -> set[str]:
        """Tests that are red on head without any of the patch: nobody's news."""
        return {name for run in self.before.values() for name in run.red}

    def _counted(self, run: CheckRun) -> list[str]:
        """The red tests of a reproduction that the fix is to turn green."""
        return [name for name in run.red if name not in self._known_red()] or run.red


def told(run: CheckRun, names: Sequence[str]) -> str:
    """What a red run says, in a few words: the exception of its first test, else how many failed."""
    messages = run.tests[names[0]].message.splitlines() if names else []
    lines = [line.strip().removeprefix("E ").strip() for line in messages]
    if len(names) == 1 and len(lines) == 1:
        return lines[0].removeprefix("# ")
    said = [line for line in lines if line.partition(":")[0].rpartition(".")[2].endswith(("Error", "Exception"))]
    if said and len(names) == 1:
        return said[-1] if not said[-1].rstrip(": ").endswith("Error") else "fails"
    return run.summary if run.tests else f"fails, {run.summary}"


def _could_not_run(run: CheckRun) -> bool:
    return run.ran.ended.ending == "lost" or (not run.tests and run.ran.ended.exit_code in {126, 127})


def _cell(text: str) -> str:
    plain = " ".join(text.split())
    return plain if len(plain) <= _LONGEST_CELL else plain[: _LONGEST_CELL - 1] + "…"


def _joined(reasons: Sequence[str]) -> str:
    return reasons[0] if len(reasons) == 1 else f"{reasons[0]}, and {len(reasons) - 1} more"
