"""One outcome per run, and the one table of what each forge is told."""

from enum import StrEnum
from typing import Literal

from app.domain.model import Frozen

Conclusion = Literal["success", "neutral", "failure", "action_required", "cancelled", "skipped"]


class Outcome(StrEnum):
    """In the order in which they are decided: the first that holds wins."""

    SUPERSEDED = "superseded"
    COULD_NOT_RUN = "could_not_run"
    SKIPPED = "skipped"
    BLOCKING_FINDINGS = "blocking_findings"
    NO_MODEL = "no_model"
    INCOMPLETE = "incomplete"
    OPEN_FINDINGS = "open_findings"
    ACCEPTED = "accepted"
    CLEAN = "clean"
    WAITING = "waiting"


class Verdict(Frozen):
    """An outcome with the facts its title needs."""

    outcome: Outcome
    # For could_not_run, skipped, incomplete-in-words and waiting: the phrase after "Could not review · ".
    reason: str = ""
    high: int = 0
    medium: int = 0
    low: int = 0
    files: int = 0
    hunks: int = 0
    unread_files: int = 0
    gate: bool = False
