"""Rules in prose that a repository gives its reviewers: from its files, and learned from what its people decided."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Literal

from app.domain.globs import matches_any
from app.domain.invisible import strip_invisible
from app.domain.model import Frozen

# What is read of one file, and of all together, in characters.
MOST_OF_A_FILE, MOST_TOGETHER = 30_000, 100_000
# How long may a learned rule be?
MOST_LEARNED = 500

RuleState = Literal["proposed", "active", "disabled"]


class Rule(Frozen):
    """Text for the reviewers; without scope it is for the whole repository."""

    # What people call it: its file, or "R7".
    name: str
    text: str
    # The folder that it lies in, and patterns below it; empty for everything.
    folder: str = ""
    paths: tuple[str, ...] = ()
    # Why this is not all of it: a clause for the check.
    cut: str = ""
    # Whose it is, where it is no file of the repository: "learned, from pull request 8", "of acme".
    origin: str = ""

    def concerns(self, path: str) -> bool:
        if self.folder and not path.startswith(f"{self.folder}/"):
            return False
        below = path.removeprefix(f"{self.folder}/") if self.folder else path
        return not self.paths or matches_any(below, self.paths)


class LearnedRule(Frozen):
    """A rule with a life: proposed by somebody who may write, in force once a maintainer or enough evidence says so."""

    number: int
    text: str
    state: RuleState
    proposed_by: str
    # The pull request where it was proposed.
    pull_request_number: int
    proposed_at: datetime
    # Empty where evidence decided; then `decided_why` is a clause.
    decided_by: str = ""
    decided_why: str = ""

    @property
    def name(self) -> str:
        return f"R{self.number}"

    def as_rule(self) -> Rule:
        origin = f"learned, from pull request {self.pull_request_number}"
        return Rule(name=self.name, text=self.text, origin=origin)


def rules_for(rules: Sequence[Rule], paths: Collection[str]) -> list[Rule]:
    """Those that concern one of these paths, nearest folders first."""
    chosen = [rule for rule in rules if any(map(rule.concerns, paths))]
    return sorted(chosen, key=lambda rule: -len(rule.folder.split("/")) if rule.folder else 0)


def rules_text(chosen: Sequence[Rule]) -> str:
    """What reviewers are given of them."""
    return "\n\n".join(f"{_heading(rule)}\n{strip_invisible(rule.text)}" for rule in chosen)[:MOST_TOGETHER]


def learnable(text: str) -> str:
    """One clean line of at most so many characters."""
    return " ".join(strip_invisible(text).split())[:MOST_LEARNED]


def _heading(rule: Rule) -> str:
    scope = ", ".join(rule.paths)
    where = " in ".join(part for part in (scope, rule.folder) if part)
    return f"{rule.name}, for {where}:" if where else f"{rule.name}:"
