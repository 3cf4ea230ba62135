"""One outcome per run, and the one table of what each forge is told."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Literal, NamedTuple, assert_never

from app.domain.coverage import Coverage
from app.domain.errors import RateLimited
from app.domain.findings import Severity, TrackedFinding
from app.domain.model import Frozen
from app.domain.phrases import count, joined_counts, one_line
from app.domain.repo_config import RepoConfig

Conclusion = Literal["success", "neutral", "failure", "action_required", "cancelled", "skipped"]
CommitStatus = Literal["success", "failed", "running", "canceled", "skipped"]

NOTHING_TO_REVIEW = "Nothing to review"
# How the reason of a file that was left out for its size begins. Such a file is reviewable, so it is "not reviewed"
# and keeps a run incomplete; a lock file or a generated one is not reviewable and does not.
TOO_LARGE = "over "


class Outcome(StrEnum):
    """In the order in which they are decided: the first that holds wins. Waiting is no decision, it precedes one."""

    SUPERSEDED = "superseded"
    COULD_NOT_RUN = "could_not_run"
    SKIPPED = "skipped"
    BLOCKING_FINDINGS = "blocking_findings"
    ACCEPTED = "accepted"
    INCOMPLETE = "incomplete"
    NO_MODEL = "no_model"
    OPEN_FINDINGS = "open_findings"
    CLEAN = "clean"
    WAITING = "waiting"


class Verdict(Frozen):
    """An outcome with the facts its title needs."""

    outcome: Outcome
    # What the title says beside the counts: the new head (superseded), the failure, the policy (skipped: a whole
    # title), who accepted, what keeps it incomplete when no file does, what is waited for ("the model's rate limit
    # until 14:30").
    reason: str = ""
    high: int = 0
    medium: int = 0
    low: int = 0
    files: int = 0
    hunks: int = 0
    unread_files: int = 0
    gate: bool = False
    # Whether a model was among the reviewers.
    model: bool = True

    @property
    def severities(self) -> str:
        """The open findings in words: "1 high, 2 medium"; empty when there is none."""
        return joined_counts({Severity.HIGH: self.high, Severity.MEDIUM: self.medium, Severity.LOW: self.low})


class Row(NamedTuple):
    """What the forges are told; None means that the check is still in progress."""

    github_advising: Conclusion | None
    github_gate: Conclusion | None
    gitlab_gate: CommitStatus


# A blocking finding needs a gate; its advising cell is there so that no check can hang.
TABLE: dict[Outcome, Row] = {
    Outcome.SUPERSEDED: Row("cancelled", "cancelled", "canceled"),
    Outcome.COULD_NOT_RUN: Row("neutral", "failure", "failed"),
    Outcome.SKIPPED: Row("skipped", "skipped", "skipped"),
    Outcome.BLOCKING_FINDINGS: Row("neutral", "failure", "failed"),
    Outcome.ACCEPTED: Row("neutral", "neutral", "success"),
    Outcome.INCOMPLETE: Row("neutral", "action_required", "failed"),
    Outcome.NO_MODEL: Row("neutral", "action_required", "failed"),
    Outcome.OPEN_FINDINGS: Row("neutral", "neutral", "success"),
    Outcome.CLEAN: Row("success", "success", "success"),
    Outcome.WAITING: Row(None, None, "running"),
}


def decide(
    *,
    config: RepoConfig,
    coverage: Coverage,
    open_findings: Sequence[TrackedFinding],
    superseded_by: str = "",
    failure: str = "",
    skip_reason: str = "",
    incomplete_reason: str = "",
    accepted_by: str = "",
) -> Verdict:
    """The first row that holds.

    `open_findings` are all that count, with or without a thread. `incomplete_reason` names something that was to look
    and could not, when no single file shows it.
    """
    facts = _facts(config, coverage, open_findings)
    skip_reason = skip_reason or ("" if facts.files else NOTHING_TO_REVIEW)
    blocking = any(config.blocks(tracked.finding.severity) for tracked in open_findings)
    unread = facts.unread_files > 0 or bool(incomplete_reason)
    rows = (
        (bool(superseded_by), Outcome.SUPERSEDED, superseded_by[:7]),
        (bool(failure), Outcome.COULD_NOT_RUN, failure),
        (bool(skip_reason), Outcome.SKIPPED, skip_reason),
        (blocking, Outcome.BLOCKING_FINDINGS, ""),
        (bool(accepted_by) and (unread or not facts.model), Outcome.ACCEPTED, accepted_by),
        (unread, Outcome.INCOMPLETE, incomplete_reason),
        (not facts.model, Outcome.NO_MODEL, ""),
        (bool(open_findings), Outcome.OPEN_FINDINGS, ""),
        (True, Outcome.CLEAN, ""),
    )
    outcome, reason = next((outcome, reason) for holds, outcome, reason in rows if holds)
    return facts.model_copy(update={"outcome": outcome, "reason": reason})


def _facts(config: RepoConfig, coverage: Coverage, open_findings: Sequence[TrackedFinding]) -> Verdict:
    """The counts, with the outcome that stands when no row above it holds."""
    large = [path for path, reason in coverage.skipped.items() if reason.startswith(TOO_LARGE)]
    severities = [tracked.finding.severity for tracked in open_findings]
    return Verdict(
        outcome=Outcome.CLEAN,
        high=severities.count(Severity.HIGH),
        medium=severities.count(Severity.MEDIUM),
        low=severities.count(Severity.LOW),
        files=len(coverage.hunks) + len(large),
        hunks=coverage.hunk_count,
        unread_files=len({unread.path for unread in coverage.unread()}) + len(large),
        gate=config.is_gate,
        model=not set(coverage.model_reviewers).isdisjoint(coverage.reviewers),
    )


def waiting(limit: RateLimited, *, gate: bool) -> Verdict:
    """The verdict of a run that waits for a limit; written to the check before the wait."""
    what = {
        "primary": "the forge's rate limit",
        "secondary": "the forge's rate limit",
        "ours": "a free slot of the forge's rate limit",
        "model": "the model's rate limit",
        "budget": "the next day's budget",
    }[limit.kind]
    return Verdict(outcome=Outcome.WAITING, reason=f"{what} until {limit.until:%H:%M}", gate=gate)


def conclusion(verdict: Verdict) -> Conclusion | None:
    """What GitHub's check is completed with; None while it is in progress."""
    row = TABLE[verdict.outcome]
    return row.github_gate if verdict.gate else row.github_advising


def commit_status(verdict: Verdict) -> CommitStatus | None:
    """GitLab's commit status; None when advising, because there Corrigent sets none."""
    return TABLE[verdict.outcome].gitlab_gate if verdict.gate else None


def title(verdict: Verdict) -> str:
    """One line for the check, the dashboard and the terminal."""
    reason = one_line(verdict.reason, 120)
    no_model = "" if verdict.model else "no model configured"
    match verdict.outcome:
        case Outcome.SUPERSEDED:
            parts = (f"Superseded by {reason}",)
        case Outcome.COULD_NOT_RUN:
            parts = ("Could not review", reason)
        case Outcome.SKIPPED:
            parts = (reason or NOTHING_TO_REVIEW,)
        case Outcome.WAITING:
            parts = (f"Waiting for {reason}",)
        case Outcome.ACCEPTED:
            parts = (f"Incomplete, accepted by {reason}", verdict.severities)
        case Outcome.INCOMPLETE:
            parts = ("Incomplete", _unread_files(verdict), reason, verdict.severities, no_model)
        case Outcome.NO_MODEL:
            parts = (f"Linters found {verdict.severities or 'nothing'}", no_model)
        case Outcome.BLOCKING_FINDINGS | Outcome.OPEN_FINDINGS:
            parts = (verdict.severities, _files_reviewed(verdict), no_model)
        case Outcome.CLEAN:
            parts = ("No problems found", f"{count(verdict.files, 'file')}, {count(verdict.hunks, 'hunk')}")
        case _:
            assert_never(verdict.outcome)
    return " · ".join(part for part in parts if part)


def _unread_files(verdict: Verdict) -> str:
    unread, files = verdict.unread_files, verdict.files
    return f"{unread:,} of {count(files, 'file')} not reviewed" if unread else ""


def _files_reviewed(verdict: Verdict) -> str:
    unread, files = verdict.unread_files, verdict.files
    return f"{files - unread:,} of {count(files, 'file')} reviewed" if unread else f"{count(files, 'file')} reviewed"
