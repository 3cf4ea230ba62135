"""From the reviewers' reports to what a person at a terminal is told, and to what may be posted in their name."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from app.domain.findings import Finding, HeldBack, Severity, TrackedFinding
from app.domain.identity import keys
from app.domain.outcomes import TOO_LARGE, Outcome, Verdict, decide, title
from app.domain.repo_config import FailOn, RepoConfig
from app.domain.review import ReviewerReport
from app.domain.secrets import Redactor
from app.output.report import DONE, FOUND, INCOMPLETE, Missing, Report, Told
from app.reviewing.work import Work
from reviewers.pipeline import Conclusion, Finished, History, conclude, finish

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
# How many characters of a finding's id say in whose review it stands; the others say which code it is about.
_ID_PREFIX = 16
# Never reached: in a terminal nobody is notified, so no finding is held back for being small or one too many.
_NO_LIMIT = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Result:
    """The report, and which of its findings would be threads of a review."""

    report: Report
    verdict: Verdict
    to_post: tuple[TrackedFinding, ...]


def own_run_id(*who_and_what: str) -> str:
    """A run's id that is the same for the same person and head: how a second call recognises the first."""
    return "0" + _letters("\0".join(who_and_what), 25)


def about(finding_id: str) -> str:
    """The part of such a finding's id that is the same on every head, as long as its code is."""
    return finding_id[_ID_PREFIX:]


def told_now(work: Work, reports: Sequence[ReviewerReport], redactor: Redactor) -> tuple[Told, ...]:
    """The findings of the reviewers that are done, while others still read."""
    conclusion = _conclude(work, [_spoken(report) for report in reports], _for_a_terminal(work, "never"), ())
    tracked = _tracked(conclusion, work, own_run_id(""))
    return tuple(as_told(one, redactor) for one in finish(conclusion, tracked, ()).open)


def result_of(
    work: Work,
    reports: Sequence[ReviewerReport],
    *,
    reviewers: Sequence[str],
    fail_on: FailOn,
    run_id: str,
    redactor: Redactor,
) -> Result:
    """Everything, once every reviewer is done. Thousands of findings take seconds: call it in a thread."""
    config = _for_a_terminal(work, fail_on)
    conclusion = _conclude(work, [_spoken(report) for report in reports], config, reviewers)
    tracked = _tracked(conclusion, work, run_id)
    finished = finish(conclusion, tracked, ())
    verdict = decide(config=config, coverage=conclusion.coverage, open_findings=finished.counted)
    # The same candidates in the same order, by the rules for threads.
    posting = finish(_conclude(work, reports, work.config.config, reviewers), tracked, ())
    return Result(
        report=_report(work, conclusion, finished, verdict, redactor),
        verdict=verdict,
        to_post=tuple(one for one in tracked if one.finding_id in posting.to_post),
    )


def _for_a_terminal(work: Work, fail_on: FailOn) -> RepoConfig:
    update = {"comment_at": Severity.LOW, "comment_limit": _NO_LIMIT, "fail_on": fail_on}
    return work.config.config.model_copy(update=update)


def _spoken(report: ReviewerReport) -> ReviewerReport:
    """What is a hint in a check is a line in a terminal."""
    findings = tuple(one.model_copy(update={"stands_alone": True}) for one in report.findings)
    return report.model_copy(update={"findings": findings})


def _conclude(
    work: Work, reports: Sequence[ReviewerReport], config: RepoConfig, reviewers: Sequence[str]
) -> Conclusion:
    return conclude(
        diff=work.change.diff, reports=reports, reviewers=reviewers, config=config, texts={}, history=History()
    )


def _tracked(conclusion: Conclusion, work: Work, run_id: str) -> tuple[TrackedFinding, ...]:
    """Findings with their identities, in the order of `decided`."""
    now = datetime.now(UTC)
    ids: list[str] = []
    for one in conclusion.decided:
        ids.append(_finding_id(run_id, one.finding, ids))
    return tuple(
        TrackedFinding(
            finding_id=finding_id,
            number=number,
            finding=one.finding,
            first_seen_sha=work.target.head_sha,
            keys=one.keys,
            first_seen_at=now,
        )
        for number, (finding_id, one) in enumerate(zip(ids, conclusion.decided, strict=True), start=1)
    )


def _finding_id(run_id: str, finding: Finding, taken: Sequence[str]) -> str:
    """A second finding on the same code gets an id of its own."""
    number = 0
    while True:
        name = f"{fingerprint(finding)}\0{number}"
        finding_id = run_id[:_ID_PREFIX] + _letters(name, 26 - _ID_PREFIX)
        if finding_id not in taken:
            return finding_id
        number += 1


def fingerprint(finding: Finding) -> str:
    """The same for the same code in the same file, whichever lines it is on."""
    return hashlib.sha256(f"{finding.place.path}\0{keys(finding)[-1]}".encode("utf-8", "surrogatepass")).hexdigest()[
        :32
    ]


def _letters(text: str, count: int) -> str:
    number = int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest(), "big")
    return "".join(_ALPHABET[number >> 5 * at & 31] for at in range(count))


def _report(work: Work, conclusion: Conclusion, finished: Finished, verdict: Verdict, redactor: Redactor) -> Report:
    coverage = conclusion.coverage
    return Report(
        target=work.target,
        outcome=verdict.outcome,
        title=title(verdict),
        exit_code=_exit_code(verdict.outcome),
        files=verdict.files,
        hunks=verdict.hunks,
        hunks_read=coverage.read_hunk_count,
        findings=tuple(as_told(one, redactor) for one in finished.open),
        held_back=tuple(_held_back(one, redactor) for one in finished.held_back),
        incomplete=(
            *(Missing(path=one.path, reviewer=one.reviewer, reason=one.reason) for one in coverage.unread()),
            *(
                Missing(path=path, reason=reason)
                for path, reason in coverage.skipped.items()
                if reason.startswith(TOO_LARGE)
            ),
        ),
        skipped={path: reason for path, reason in coverage.skipped.items() if not reason.startswith(TOO_LARGE)},
        with_model=verdict.model,
        reviewers=coverage.reviewers,
        analysers=conclusion.analysers,
        models=conclusion.usage,
        notes=work.notes,
    )


def _exit_code(outcome: Outcome) -> Literal[0, 1, 3]:
    match outcome:
        case Outcome.BLOCKING_FINDINGS:
            return FOUND
        case Outcome.INCOMPLETE | Outcome.COULD_NOT_RUN:
            return INCOMPLETE
        case _:
            return DONE


def _held_back(held: HeldBack, redactor: Redactor) -> Told:
    return as_told(held.finding, redactor).model_copy(update={"reason": held.reason})


def as_told(tracked: TrackedFinding, redactor: Redactor) -> Told:
    """Secrets are masked: what is printed here ends up in logs of builds."""
    finding = tracked.finding
    return Told(
        number=tracked.number,
        severity=finding.severity,
        category=finding.category,
        title=redactor.redact(finding.title),
        body=redactor.redact(finding.body),
        reviewer=finding.reviewer,
        rule=finding.rule,
        path=finding.place.path,
        side=finding.place.side,
        start_line=finding.place.start_line,
        line=finding.place.line,
        fingerprint=fingerprint(finding),
        agent_prompt=redactor.redact(finding.agent_prompt),
        suggestion=finding.suggestion,
        evidence=finding.evidence,
    )
