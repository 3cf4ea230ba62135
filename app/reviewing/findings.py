"""`corrigent findings URL`: what a review of ours left open, as a block for a coding agent, as JSON or as SARIF."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from app.domain.errors import UserError
from app.domain.findings import Severity, TrackedFinding
from app.domain.outcomes import Outcome
from app.domain.phrases import short
from app.domain.pull_request import PullRequestRef
from app.domain.repo_config import FailOn
from app.domain.review import ReviewResult
from app.domain.runs import PullRequestState, Run
from app.domain.secrets import Redactor
from app.forges.registry import build
from app.one_process_limits import OneProcessLimits
from app.output import json, prompt, sarif
from app.output.report import DONE, FOUND, INCOMPLETE, Missing, Report, Target
from app.output.terminal import Terminal
from app.reviewing.address import PullRequestAddress, parse_address
from app.reviewing.posted import posted
from app.reviewing.posted_report import report_of_posted
from app.reviewing.remote import access_to, find_pull_request, in_words
from app.reviewing.result import as_told
from app.settings import Settings, load_settings
from app.telemetry import start_logging
from app.wiring import Store, database_is_there, open_store

Format = Literal["prompt", "json", "sarif"]
_RENDER = {"prompt": prompt.render, "json": json.render, "sarif": sarif.render}


def tell_findings(url: str, *, output: Format, fail_on: FailOn, home: Path | None, bot: str = "") -> int:
    """The exit code, as that of `review`; UserError for a pull request that was never reviewed.

    From the database of the instance that reviewed it; where there is none, from the forge with a person's token.
    """
    settings = load_settings({"home": str(home)} if home else None)
    start_logging(level="error", secrets=settings.secret_values())
    report = asyncio.run(_report(url, settings, fail_on, bot))
    terminal = Terminal()
    terminal.write(_RENDER[output](report))
    for note in report.notes:
        terminal.complain(note)
    return report.exit_code


async def _report(url: str, settings: Settings, fail_on: FailOn, bot: str) -> Report:
    # Before anything is looked for: a wrong address is the first thing to mend.
    address = parse_address(url)
    if not database_is_there(settings) or bot:
        return await report_from_forge(address, settings, fail_on, bot)
    async with open_store(settings, may_migrate=False) as store:
        return await report_of(url, settings, store, fail_on)


async def report_from_forge(address: PullRequestAddress, settings: Settings, fail_on: FailOn, bot: str = "") -> Report:
    """What stands on the forge, for who may read it; `bot` is whose words count, where it is not the settings' one."""
    address = address.below(one.web_url for one in settings.connections if one.kind == "gitlab")
    known = next((one.slug for one in settings.connections if one.web_url == address.web_url), "")
    access = await access_to(address, settings)
    if address.kind == "github" and not access.connection.token.get_secret_value():
        raise UserError(
            f"Nothing was reviewed in {settings.home} yet, and GitHub shows threads to those alone who sign in. Set "
            f"GITHUB_TOKEN, or sign in with: gh auth login --hostname {address.host}"
        )
    forge = build(access.connection, OneProcessLimits())
    try:
        with in_words(address, access.how):
            pull_request = await find_pull_request(forge, address)
            found = await posted(access.connection, pull_request, bot or known)
    finally:
        await forge.close()
    report = report_of_posted(pull_request, found, fail_on, Redactor(settings.secret_values()))
    return report.model_copy(update={"notes": (*access.notes, *report.notes)})


async def report_of(url: str, settings: Settings, store: Store, fail_on: FailOn) -> Report:
    """The newest review with what is open of it now."""
    ref, name = await _ref(url, settings, store)
    state, run = await store.pull_requests.get(ref), await store.runs.last_reviewed(ref)
    if state is None or run is None:
        raise UserError(f"{name} {ref.number} was never reviewed here; `corrigent review {url}` reads it now.")
    result = await store.blobs.get_model(run.result_key, ReviewResult)
    now_open = {one.finding_id: one for one in await store.findings.of(ref) if one.state == "open"}
    redactor = Redactor(settings.secret_values())
    found = [now_open[finding_id] for finding_id in result.listed if finding_id in now_open]
    reasons = {one.finding.finding_id: one.reason for one in result.held_back}
    held = [(now_open[finding_id], why) for finding_id, why in reasons.items() if finding_id in now_open]
    return Report(
        target=_target(name, state, result),
        outcome=result.verdict.outcome,
        title=run.title,
        exit_code=_exit_code(found, state, run, fail_on),
        files=result.verdict.files,
        hunks=result.verdict.hunks,
        hunks_read=result.coverage.read_hunk_count,
        findings=tuple(as_told(one, redactor) for one in found),
        held_back=tuple(as_told(one, redactor).model_copy(update={"reason": reason}) for one, reason in held),
        incomplete=tuple(_missing(state, run, result)),
        with_model=result.verdict.model,
        reviewers=result.coverage.reviewers,
        analysers=result.analysers,
        models=result.usage,
    )


async def _ref(url: str, settings: Settings, store: Store) -> tuple[PullRequestRef, str]:
    address = parse_address(url).below(one.web_url for one in settings.connections if one.kind == "gitlab")
    ours = [one.key for one in settings.connections if one.web_url == address.web_url]
    for key in ours:
        for repo in await store.repositories.all(key):
            if repo.full_name.lower() == address.full_name.lower():
                ref = PullRequestRef(connection=key, repo_id=repo.repo_id, number=address.number)
                return ref, repo.full_name
    what = f"{address.full_name!r} is not under our care" if ours else f"{address.host} is no connection of ours"
    raise UserError(f"{what}; `corrigent review {url}` reads it now.")


def _target(name: str, state: PullRequestState, result: ReviewResult) -> Target:
    return Target(
        kind="pull_request",
        name=name,
        base=result.base_ref,
        merge_base_sha=result.merge_base_sha,
        head_sha=result.head_sha,
        number=state.ref.number,
        title=state.title,
        url=state.url,
    )


def _missing(state: PullRequestState, run: Run, result: ReviewResult) -> list[Missing]:
    unread = [Missing(path=one.path, reviewer=one.reviewer, reason=one.reason) for one in result.coverage.unread()]
    if run.head_sha == state.head_sha:
        return unread
    reason = f"the head is now {short(state.head_sha)}, and the newest review is of {short(run.head_sha)}"
    return [*unread, Missing(reason=reason)]


def _exit_code(found: Sequence[TrackedFinding], state: PullRequestState, run: Run, fail_on: FailOn) -> Literal[0, 1, 3]:
    if run.head_sha != state.head_sha or run.outcome in {Outcome.INCOMPLETE, Outcome.COULD_NOT_RUN}:
        return INCOMPLETE
    if fail_on != "never" and any(one.finding.severity.at_least(Severity(fail_on)) for one in found):
        return FOUND
    return DONE
