"""Whether the repository's own linters say something of the fixed code that they did not say of the head."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

from app.domain.fixes import Comparison
from app.domain.phrases import count
from autofix.checks import CheckRun
from autofix.linters import Linter
from autofix.linters_messages import Message, Messages, new, read
from autofix.verify import NotProved, Verification
from autofix.verify_files import Parts

# One run, and all of them together: what takes longer is no check of a fix, and the proof goes on without it.
_ONE = timedelta(minutes=4)
_TOGETHER = timedelta(minutes=12)
_LONGEST_MESSAGE = 160
_WHAT = "the repository's linter"


@dataclass
class Linting:
    """One patch and the linters of its repository. A linter that does not answer costs no fix its proof."""

    verification: Verification
    linters: Sequence[Linter]
    pieces: Parts
    _seconds: float = 0.0
    _before: dict[str, Messages] = field(default_factory=dict[str, Messages])

    async def compare(self) -> None:
        """NotProved when one says something new; the folder shows the fixed code afterwards."""
        head = [file.old_path for file in self.pieces.product if file.status != "added"]
        fixed = [file.path for file in self.pieces.product if file.status != "deleted"]
        asked = [linter for linter in self.linters if linter.asked([*head, *fixed])]
        if not asked:
            return
        await self.verification.sides.show("head")
        for linter in asked:
            said = await self._ask("head", linter, head, whole=True)
            if said is not None:
                self._before[linter.name] = said
        await self.verification.sides.show("fixed")
        for linter in asked:
            if linter.name in self._before:
                await self._compare(linter, fixed)

    async def _compare(self, linter: Linter, paths: Sequence[str]) -> None:
        after = await self._ask("fixed", linter, paths)
        found = self._new(linter, after)
        if found:
            after = await self._ask("fixed", linter, paths)
            found = [one for one in found if one in self._new(linter, after)]
        if after is None:
            return
        self.verification.comparisons.append(
            Comparison(
                what=f"{_WHAT}, {linter.name}",
                before=_told(self._before[linter.name]),
                after=f"{_told(after)}, {len(found)} new" if found else _told(after),
                held=not found,
            )
        )
        if found:
            raise NotProved("checks", f"{linter.name} says something new of {_shown(found[0])}")

    async def _ask(
        self, side: Literal["head", "fixed"], linter: Linter, paths: Sequence[str], *, whole: bool = False
    ) -> Messages | None:
        """What it says; None when that was not to be had. Of no file it says nothing."""
        command = linter.asked(paths)
        within = min(_ONE, _TOGETHER - timedelta(seconds=self._seconds))
        if not command or within <= timedelta():
            return Messages() if not command else None

        async def start(name: str) -> CheckRun:
            return await self.verification.command(command, name, within=within)

        run = await self.verification.run(side, _WHAT, start)
        self._seconds += run.ran.ended.seconds
        return read(linter.kind, run.ran, folder=self.verification.folder, whole=whole)

    def _new(self, linter: Linter, after: Messages | None) -> list[Message]:
        product = self.pieces.product
        moved = {file.old_path: file.path for file in product if file.status == "renamed"}
        # Nobody knows whether the repository holds its tests to what it asks of its code.
        aside = {file.path for file in self.pieces.tests} - {file.path for file in product}
        return new(self._before[linter.name], after or Messages(), moved=moved, aside=aside)


def _told(said: Messages) -> str:
    return count(said.total(), "message") if said else "nothing"


def _shown(message: Message) -> str:
    text = message.text if len(message.text) <= _LONGEST_MESSAGE else f"{message.text[: _LONGEST_MESSAGE - 1]}…"
    return f"{message.path}: {text}".rstrip(".")
