"""What a review left on a forge, as a report: for a machine that has a person's token and no database."""

import hashlib
from collections.abc import Iterable
from typing import Literal

from app.domain.findings import Place, Severity
from app.domain.outcomes import Outcome
from app.domain.phrases import joined_counts, short
from app.domain.posted_text import PostedFinding
from app.domain.pull_request import PullRequest
from app.domain.repo_config import FailOn
from app.domain.secrets import Redactor
from app.output.report import DONE, FOUND, INCOMPLETE, Missing, Report, Target, Told
from app.reviewing.posted import Posted

# How the title of a check begins, for the outcomes that have words of their own.
_TITLES = (
    ("Superseded by ", Outcome.SUPERSEDED),
    ("Could not review", Outcome.COULD_NOT_RUN),
    ("Waiting for ", Outcome.WAITING),
    ("Incomplete, accepted by ", Outcome.ACCEPTED),
    ("Incomplete", Outcome.INCOMPLETE),
    ("Linters found ", Outcome.NO_MODEL),
    ("No problems found", Outcome.CLEAN),
)
_UNFINISHED = frozenset({Outcome.SUPERSEDED, Outcome.COULD_NOT_RUN, Outcome.WAITING, Outcome.INCOMPLETE})


def report_of_posted(pull_request: PullRequest, posted: Posted, fail_on: FailOn, redactor: Redactor) -> Report:
    findings = tuple(sorted(_findings(posted, redactor), key=lambda told: told.number))
    outcome = _outcome(posted, findings)
    incomplete = tuple(_missing(pull_request, posted))
    counts = {one: sum(told.severity is one for told in findings) for one in Severity}
    return Report(
        target=_target(pull_request),
        outcome=outcome,
        title=posted.title or joined_counts(counts) or "Nothing is open",
        exit_code=_exit_code(findings, outcome, fail_on, is_complete=not incomplete),
        findings=findings,
        held_back=tuple(_told("", one, one.place, redactor) for one in posted.check.held_back if one.place),
        incomplete=incomplete,
        with_model=outcome is not Outcome.NO_MODEL,
        notes=(f"Read from what {posted.by} wrote; category, reviewer and evidence of a finding are not told there.",),
    )


def _findings(posted: Posted, redactor: Redactor) -> Iterable[Told]:
    in_threads = {one.number for one in posted.threads.values()}
    for finding_id, one in posted.threads.items():
        if one.place:
            yield _told(finding_id, one, one.place, redactor)
    for one in posted.check.untold:
        if one.place and one.number not in in_threads:
            yield _told("", one, one.place, redactor)


def _told(finding_id: str, one: PostedFinding, place: Place, redactor: Redactor) -> Told:
    """Its own id tells a finding from others wherever it moves; without a thread its place and title have to do."""
    name = finding_id or f"{place.path}\0{one.title}"
    return Told(
        number=one.number,
        severity=one.severity,
        category=None,
        title=redactor.redact(one.title),
        body=redactor.redact(one.body),
        reviewer="",
        rule="",
        **place.model_dump(),
        fingerprint=hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:32],
        agent_prompt=redactor.redact(one.agent_prompt),
        suggestion=one.suggestion,
        reason=one.reason,
    )


def _outcome(posted: Posted, findings: tuple[Told, ...]) -> Outcome:
    if posted.at_work:
        return Outcome.WAITING
    told = next((outcome for words, outcome in _TITLES if posted.title.startswith(words)), None)
    if told is not None:
        return told
    if posted.conclusion == "skipped":
        return Outcome.SKIPPED
    if posted.conclusion == "failure":
        return Outcome.BLOCKING_FINDINGS
    return Outcome.OPEN_FINDINGS if findings else Outcome.CLEAN


def _missing(pull_request: PullRequest, posted: Posted) -> Iterable[Missing]:
    if posted.at_work:
        yield Missing(reason="a review is at work; what is told here is what was open before it")
    elif posted.reviewed_sha and posted.reviewed_sha != pull_request.head_sha:
        now, then = short(pull_request.head_sha), short(posted.reviewed_sha)
        yield Missing(reason=f"the head is now {now}, and the newest review is of {then}")
    if posted.check.not_reviewed:
        yield Missing(reason=f"not reviewed: {posted.check.not_reviewed}")


def _exit_code(findings: tuple[Told, ...], outcome: Outcome, fail_on: FailOn, *, is_complete: bool) -> Literal[0, 1, 3]:
    if outcome in _UNFINISHED or not is_complete:
        return INCOMPLETE
    if fail_on != "never" and any(told.severity.at_least(Severity(fail_on)) for told in findings):
        return FOUND
    return DONE


def _target(pull_request: PullRequest) -> Target:
    return Target(
        kind="pull_request",
        name=pull_request.repo.full_name,
        base=pull_request.base_ref,
        head_sha=pull_request.head_sha,
        number=pull_request.ref.number,
        title=pull_request.title,
        url=pull_request.url,
    )
