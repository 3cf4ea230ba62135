"""Posting a review in somebody's own name: in two steps, once for a head, and nothing beside it."""

from collections.abc import Mapping, Sequence

from app.domain.errors import ForgeRefused, ForgeUnavailable, HeadMoved, RateLimited, UserError
from app.domain.findings import Place, Severity, TrackedFinding
from app.domain.markdown import cell, clean_line, code
from app.domain.markers import run_marker
from app.domain.names import NAME
from app.domain.outcomes import Verdict
from app.domain.phrases import Voice, count, severity_counts, short
from app.domain.placement import place
from app.domain.pull_request import PullRequest
from app.domain.review import InlineComment, ReviewDraft
from app.domain.thread_text import thread_body
from app.forges.base import Thread
from app.output.report import INCOMPLETE, Missing, Posted, Report
from app.reviewing.failures import in_words
from app.reviewing.own_reviews import own_reviews
from app.reviewing.remote import RemoteWork
from app.reviewing.result import Result, about

# How many findings does the table of the body name? The others have their threads.
_ROWS = 5


class NotPosted(Exception):
    """It was asked for and could not be done; a phrase that fits after "not posted"."""


def check_may_post(pull_request: PullRequest) -> None:
    """Before anything is read: no review is paid for that could not be posted."""
    if pull_request.state != "open":
        raise UserError(f"{pull_request.url} is {pull_request.state}; leave out --post to review it here.")
    if pull_request.locked:
        raise UserError(f"{pull_request.url} is locked; leave out --post to review it here.")


async def with_post(remote: RemoteWork, result: Result, run_id: str) -> Report:
    """The report after the review was posted; or it says why nothing was."""
    report = result.report
    try:
        posted = await post(remote, result, run_id)
    except (NotPosted, HeadMoved, ForgeRefused, ForgeUnavailable, RateLimited) as error:
        missing = Missing(reason=f"not posted: {in_words(error)}")
        return report.model_copy(update={"exit_code": INCOMPLETE, "incomplete": (*report.incomplete, missing)})
    if posted is None:
        note = "Nothing was posted: no new finding has a line in this change."
        return report.model_copy(update={"notes": (*report.notes, note)})
    return report.model_copy(update={"posted": posted})


async def post(remote: RemoteWork, result: Result, run_id: str) -> Posted | None:
    """None when no finding is new and has a line in the change. `run_id` is that of this person and head."""
    ref, url = remote.pull_request.ref, remote.pull_request.url
    me = await remote.forge.reader.me()
    earlier = await own_reviews(remote.forge.connection, ref)
    if (done := earlier.of(run_id)) is not None:
        return Posted(url=f"{url}#{done}", by=me.login, threads=0, new=False)
    if earlier.draft:
        raise NotPosted("you have a review there that is not submitted yet, and there can be one; submit or delete it")
    new = _new(result.to_post, await remote.forge.reader.threads(ref))
    places = {one.finding_id: place(one.finding.place, remote.work.change.diff) for one in new}
    draft = _draft(remote, new, {name: at for name, at in places.items() if at}, result.verdict, run_id)
    if draft is None:
        return None
    writer = remote.forge.writer
    # Left over from a call that was killed: adopted when it is this very review, removed when it is an older one.
    review_id = await writer.stage_review(ref, draft, look_first=True)
    now = await remote.forge.reader.pull_request(ref)
    if now.head_sha != draft.head_sha:
        await writer.discard_review(ref, review_id)
        raise NotPosted(f"the head is now {short(now.head_sha)}; run it again")
    threads = await writer.submit_review(ref, review_id)
    anchor = (await own_reviews(remote.forge.connection, ref)).of(run_id)
    return Posted(url=f"{url}#{anchor}" if anchor else url, by=me.login, threads=len(threads))


def _new(findings: Sequence[TrackedFinding], ours: Sequence[Thread]) -> list[TrackedFinding]:
    """Without those that already have a thread of this person, from a review of an earlier head."""
    raised = {about(thread.finding_id) for thread in ours}
    return [one for one in findings if about(one.finding_id) not in raised]


def _draft(
    remote: RemoteWork,
    findings: Sequence[TrackedFinding],
    places: Mapping[str, Place],
    verdict: Verdict,
    run_id: str,
) -> ReviewDraft | None:
    placed = [one for one in findings if one.finding_id in places]
    if not placed:
        return None
    voice = Voice(link_hosts=(_host(remote.forge.connection.web_url),))
    comments = tuple(
        InlineComment(
            finding_id=one.finding_id, body=thread_body(one, run_id, voice), **places[one.finding_id].model_dump()
        )
        for one in placed
    )
    head_sha = remote.pull_request.head_sha
    return ReviewDraft(
        run_id=run_id, head_sha=head_sha, body=_body(placed, verdict, head_sha, run_id), comments=comments
    )


def _body(findings: Sequence[TrackedFinding], verdict: Verdict, head_sha: str, run_id: str) -> str:
    """As an App's, less what only an App can do: there is no check to look into, and no command to give."""
    shown = findings if len(findings) <= _ROWS else findings[: _ROWS - 1]
    rows = [_row(one) for one in shown]
    if len(shown) < len(findings):
        rows.append(f"| | and {len(findings) - len(shown)} more, each in its own thread | |")
    return "\n".join(
        (
            _heading([one.finding.severity for one in findings], verdict),
            "| | finding | |",
            "|---|---|---|",
            *rows,
            "",
            f"<sub>{short(head_sha)} · read with {NAME}</sub>",
            run_marker(run_id),
        )
    )


def _heading(severities: Sequence[Severity], verdict: Verdict) -> str:
    read = f"{verdict.unread_files} not reviewed whole" if verdict.unread_files else "all reviewed"
    model = "" if verdict.model else " Linters only: no model was used."
    return f"**{severity_counts(severities)}** in {count(verdict.files, 'file')}, {read}.{model}"


def _row(one: TrackedFinding) -> str:
    title = clean_line(one.finding.title, limit=120)
    return f"| {one.number} {one.finding.severity.title()} | {cell(title)} | {cell(code(one.where))} |"


def _host(web_url: str) -> str:
    return web_url.partition("://")[2]
