"""A finding: what a reviewer says is wrong, where, and its life on the pull request."""

from datetime import datetime
from enum import StrEnum
from typing import Literal

from app.domain.diff import Side
from app.domain.model import Frozen


class Severity(StrEnum):
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"

    @property
    def rank(self) -> int:
        return list(Severity).index(self)

    def at_least(self, other: "Severity") -> bool:
        return self.rank >= other.rank


class Category(StrEnum):
    CORRECTNESS = "correctness"
    SECURITY = "security"
    CONCURRENCY = "concurrency"
    RESOURCES = "resources"
    CONTRACT = "contract"
    TESTS = "tests"
    PERFORMANCE = "performance"
    MAINTAINABILITY = "maintainability"


class Place(Frozen):
    """Lines of one side of the change, 1-based and inclusive; `line` is the last one, where the comment stands."""

    path: str
    side: Side = "new"
    start_line: int
    line: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"


# What the second look at a finding came to; empty when there was none.
Checked = Literal["", "confirmed", "plausible", "refuted"]


class Evidence(Frozen):
    """Why the finding is believed: an analyser's word, agreement between passes, a test that was run."""

    kind: Literal["analyser", "passes", "test", "quote", "check"]
    text: str


class Finding(Frozen):
    """What a reviewer returns: no identity yet, so that every reviewer stays stateless."""

    # Which reviewer, and its rule: ("ruff", "S608"), ("bug_hunter", "correctness").
    reviewer: str
    rule: str
    category: Category
    severity: Severity
    # One sentence without a full stop, at most 80 characters.
    title: str
    # Markdown, at most 120 words with the title: what happens, when, and why.
    body: str
    place: Place
    # The rule in prose that it is a breach of, by its name: "R7", or a file.
    breaks_rule: str = ""
    # The code the finding is about, verbatim; identity and anchors hang on it, never on line numbers alone.
    quote: str
    # The enclosing function or class where it is known: part of the anchor key.
    symbol: str = ""
    # For the reader's own coding agent: what to do, and how to show that it worked.
    agent_prompt: str = ""
    # Replaces start_line..line entirely; only set when it mends the finding whole and was tried.
    suggestion: str | None = None
    # The same, of which nobody knows yet whether it holds: it is shown to nobody.
    proposed: str | None = None
    evidence: tuple[Evidence, ...] = ()
    checked: Checked = ""
    # Why it was refuted, in a phrase that fits in brackets.
    refuted_why: str = ""
    # False for an analyser finding that is a hint in the check and never a thread of its own.
    stands_alone: bool = True


FindingState = Literal["open", "mended", "dismissed", "withdrawn"]


class TrackedFinding(Frozen):
    """A finding with its identity and life: `finding_id` is in our marker, `number` is what people type."""

    finding_id: str
    number: int
    finding: Finding
    state: FindingState = "open"
    first_seen_sha: str
    # Keys that make two sightings the same finding (see app.domain.identity).
    keys: tuple[str, ...]
    # The forge's id of our comment; None when it never became a thread.
    comment_id: str | None = None
    dismissed_by: str | None = None
    dismissed_why: str = ""
    first_seen_at: datetime

    @property
    def where(self) -> str:
        return str(self.finding.place)


class HeldBack(Frozen):
    """A finding that is not a thread, and the reason that the check gives."""

    finding: TrackedFinding
    reason: str
