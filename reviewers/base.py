"""What a reviewer is given and what it gives back."""

import stat
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Protocol

from app.domain.diff import Diff
from app.domain.findings import Finding
from app.domain.repo_config import Effort
from app.domain.review import ReviewerReport


@dataclass(frozen=True, kw_only=True)
class Change:
    """The code under review, materialised from a code snapshot: untrusted files in two folders that git never sees."""

    diff: Diff
    # The whole head tree, and the merge base's versions of the changed files. Neither holds a symlink or a .git.
    head_root: Path
    base_root: Path
    # Untrusted prose; data for a model, never instructions.
    title: str
    body: str
    rules: str = ""
    # What the rules are called: a finding may name one of these, and no other.
    rule_names: tuple[str, ...] = ()
    effort: Effort = "normal"
    # What analysers found in it, for reviewers that weigh their word.
    hits: tuple[Finding, ...] = ()
    # What was said of a file on this pull request before, by its path: a line each.
    earlier: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    # Says what is being done now, for progress lines; may be called from any task.
    progress: Callable[[str], None] = lambda _: None

    def read(self, path: str, *, side: str = "new") -> str | None:
        """The text of a file of either side, undecodable bytes replaced; None when it is not a plain file there."""
        root = self.head_root if side == "new" else self.base_root
        return (root / path).read_text(encoding="utf-8", errors="replace") if is_plain_file(root, path) else None


def is_plain_file(root: Path, path: str) -> bool:
    """Whether the path leads to a file inside the root, and the last step is no link or device."""
    pure = PurePosixPath(path)
    if pure.is_absolute() or ".." in pure.parts:
        return False
    try:
        return stat.S_ISREG((root / pure).lstat().st_mode)
    except (OSError, ValueError):
        # Not there, a name too long for this machine, or one that cannot be encoded.
        return False


class Reviewer(Protocol):
    """Reads a change and returns findings with a ledger of what it read. Posts nothing, keeps nothing."""

    name: str
    is_model: bool

    async def review(self, change: Change) -> ReviewerReport: ...
