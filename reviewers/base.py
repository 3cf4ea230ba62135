"""What a reviewer is given and what it gives back."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
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
        try:
            target = (root / path).resolve()
            if not target.is_relative_to(root.resolve()) or not target.is_file():
                return None
        except (OSError, ValueError):
            # A name that no file can have: too long, or with a null in it.
            return None
        return target.read_text(encoding="utf-8", errors="replace")


class Reviewer(Protocol):
    """Reads a change and returns findings with a ledger of what it read. Posts nothing, keeps nothing."""

    name: str
    is_model: bool

    async def review(self, change: Change) -> ReviewerReport: ...
