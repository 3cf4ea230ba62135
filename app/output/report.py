"""What a review on the command line found: `--format json` prints exactly this, and scripts may rely on it."""

from importlib.metadata import version
from typing import Literal

from pydantic import Field

from app.domain.diff import Side
from app.domain.findings import Category, Evidence, Severity
from app.domain.model import Frozen
from app.domain.outcomes import Outcome
from app.domain.review import ReviewerUsage

DISTRIBUTION = "corrigent"

# `--fail-on` is not reached; it is; wrong use or configuration; something asked for could not be done.
DONE, FOUND, WRONG_USE, INCOMPLETE = 0, 1, 2, 3


class Target(Frozen):
    """What was reviewed against what."""

    kind: Literal["local", "pull_request"]
    # A branch of this machine, or OWNER/REPO; for what could not be read, what was typed.
    name: str
    base: str = ""
    merge_base_sha: str = ""
    # Empty for local work, whose newest part is no commit yet.
    head_sha: str = ""
    number: int | None = None
    title: str = ""
    url: str = ""


class Told(Frozen):
    """A finding as it is told. `reason` says why it was held back; empty for one that was not."""

    number: int
    severity: Severity
    # None, and no reviewer and rule, where all that is known of it is what stands on the forge.
    category: Category | None
    title: str
    body: str
    reviewer: str
    rule: str
    path: str
    side: Side
    start_line: int
    line: int
    # The same for the same code, wherever it moves; equal for two findings on one piece of code.
    fingerprint: str
    agent_prompt: str = ""
    # Replaces start_line to line; only there when it was tried and mends the finding.
    suggestion: str | None = None
    evidence: tuple[Evidence, ...] = ()
    reason: str = ""


class Missing(Frozen):
    """What was asked for and could not be done. `path` is empty when it is about no single file."""

    reason: str
    path: str = ""
    reviewer: str = ""


class Posted(Frozen):
    """The review on the forge; `new` is False when an earlier call had posted it, with however many threads."""

    url: str
    by: str
    threads: int
    new: bool = True


class Report(Frozen):
    """Version 1: fields may be added, none is removed or changes its meaning."""

    version: Literal[1] = 1
    tool_version: str = Field(default_factory=lambda: version(DISTRIBUTION))
    target: Target
    outcome: Outcome
    # One line: "1 high · 4 files reviewed · no model configured".
    title: str
    exit_code: Literal[0, 1, 3]
    files: int = 0
    hunks: int = 0
    hunks_read: int = 0
    findings: tuple[Told, ...] = ()
    held_back: tuple[Told, ...] = ()
    incomplete: tuple[Missing, ...] = ()
    # Path to reason, for files that no reviewer reads: lock files, generated ones.
    skipped: dict[str, str] = Field(default_factory=dict)
    # Whether a model was among those who had to read it.
    with_model: bool = False
    reviewers: tuple[str, ...] = ()
    analysers: tuple[str, ...] = ()
    models: tuple[ReviewerUsage, ...] = ()
    notes: tuple[str, ...] = ()
    posted: Posted | None = None


def failed(target: Target, reason: str) -> Report:
    """A review that could not be made at all."""
    return Report(
        target=target,
        outcome=Outcome.COULD_NOT_RUN,
        title=f"Could not review · {reason}",
        exit_code=INCOMPLETE,
        incomplete=(Missing(reason=reason),),
    )


def source(told: Told) -> str:
    """Who says it: "ruff S608", or "model"; empty where that is not known."""
    return "model" if told.reviewer == "bug_hunter" else f"{told.reviewer} {told.rule}".strip()
