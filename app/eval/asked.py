"""What somebody asked of `corrigent eval`, and what may be wrong with it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from app.checkouts.local_copy import find_repository
from app.domain.errors import UserError
from app.domain.repo_config import Effort

PARTS = ("convergence", "theory", "harness", "replay", "anchors", "context", "drawn", "bugs")
# Where the data of a part lie; those with cases find them by their sets, and the others need none.
_FOLDERS = {"harness": "aacr-bench", "context": "aacr-bench", "drawn": "aacr-bench", "replay": "martian-crb"}


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What was typed."""

    parts: Sequence[str]
    data: Path
    model: str
    judge: str
    effort: Effort
    sets: Sequence[str]
    # Changes of each set; 0 for all.
    limit: int
    jobs: int
    budget: float
    results: Path
    compare: Path | None
    # A clone whose history is pushed again, to see that reviews converge.
    clone: Path
    # A clone whose last merged changes are reviewed in place of recorded ones.
    what_if: Path | None
    last: int
    output: Literal["text", "json"]
    quick: bool

    @property
    def measured(self) -> Sequence[str]:
        """A look at a clone is nothing but reviews, and needs no recorded data."""
        return () if self.what_if is not None else self.parts


def check(asked: Asked) -> None:
    """UserError for a part that is not there, for an option without its part, and for data and clones that are away."""
    if unknown := [part for part in asked.parts if part not in PARTS]:
        raise UserError(f"There is no part {unknown[0]!r}; there are {', '.join(PARTS)}.")
    if asked.what_if is None and "bugs" not in asked.parts:
        _check_no_reviews(asked)
    if clone := asked.what_if or (asked.clone if "convergence" in asked.measured else None):
        find_repository(clone)
    for part in asked.measured:
        if part in _FOLDERS and not (asked.data / _FOLDERS[part]).is_dir():
            raise UserError(
                f"There is no folder {asked.data / _FOLDERS[part]}, which the part {part} needs;"
                " --data names the folder with bugdiffs, aacr-bench and martian-crb."
            )


def _check_no_reviews(asked: Asked) -> None:
    for option, given in (("model", asked.model), ("judge", asked.judge), ("compare", asked.compare)):
        if given:
            raise UserError(f"--{option} is about reviews, and none is asked for; add the part bugs.")
