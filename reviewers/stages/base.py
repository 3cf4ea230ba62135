"""What one stage of the pipeline hands to the next."""

from typing import Literal

from app.domain.findings import Finding, TrackedFinding
from app.domain.model import Frozen

# `post`: a new thread. `open`: it stands in the check, because it has a thread already or no line of the change can
# carry one. `held_back`: it stands in the check with a reason.
Decision = Literal["post", "open", "held_back"]


class Dropped(Frozen):
    """A candidate that is never tracked, and why: "quote not found in the change"."""

    reviewer: str
    what: str
    reason: str


class Candidate(Frozen):
    """A finding on its way, with the keys that identify it and the known finding that it is."""

    finding: Finding
    keys: tuple[str, ...] = ()
    known: TrackedFinding | None = None


class Decided(Frozen):
    """A candidate that is tracked, and what becomes of it."""

    finding: Finding
    keys: tuple[str, ...]
    # None for one that gets its identity now.
    known_id: str | None
    decision: Decision
    reason: str = ""
    # Whether the outcome counts it as open. Noise control hides threads, it never weakens a gate.
    counts: bool = True
