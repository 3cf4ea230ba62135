"""The check of a run that is at work, waits, or ended without a review of its own."""

from app.domain.check_text import SUMMARY_LIMIT, buttons, cut_at_line, is_over
from app.domain.diff import Diff
from app.domain.errors import RateLimited
from app.domain.outcomes import Outcome, Verdict, conclusion, title, waiting
from app.domain.phrases import Voice, count, short
from app.domain.review import CheckText


def running_check(diff: Diff, run_id: str, voice: Voice) -> CheckText:
    """While the reviewers are at work: what they read. It is not written again until there is something to say."""
    files = len(diff.reviewable)
    what = f"{count(files, 'file')}, {count(diff.hunk_count, 'hunk')}"
    lines = [f"The reviewers read {what} at {short(diff.head_sha)}.", "", _run(run_id, voice)]
    return CheckText(title=f"Reviewing · {what}", summary="\n".join(lines))


def waiting_check(limit: RateLimited, *, gate: bool, run_id: str, voice: Voice) -> CheckText:
    """Written before the wait begins, so that nobody has to guess."""
    verdict = waiting(limit, gate=gate)
    lines = [
        f"Nothing is sent before {limit.until:%H:%M} UTC ({limit.until:%Y-%m-%d}). The review then goes on by itself.",
        f"{voice.command('stop')} ends it · {voice.command('status')} says where it stands",
        "",
        _run(run_id, voice),
    ]
    return CheckText(title=title(verdict), summary="\n".join(lines))


def ended_check(verdict: Verdict, run_id: str, voice: Voice) -> CheckText:
    """A run that was superseded, skipped, or failed: one sentence on what happened, one on what to do."""
    lines = [f"{title(verdict)}.", _next_step(verdict, voice), "", _run(run_id, voice)]
    return CheckText(
        title=title(verdict),
        summary=cut_at_line(lines, SUMMARY_LIMIT),
        conclusion=conclusion(verdict),
        buttons=buttons(verdict),
    )


def queued_check(number: int, verdict: Verdict) -> CheckText:
    """On a merge queue's commit: what its newest pull request's own check says, without a review."""
    summary = f"Pull request {number} says: {title(verdict)}. Nothing was reviewed again for the merge queue."
    return CheckText(title=f"Carried over from {number}", summary=summary, conclusion=conclusion(verdict))


def _next_step(verdict: Verdict, voice: Voice) -> str:
    if is_over(verdict):
        return "There is nothing to do."
    match verdict.outcome:
        case Outcome.SUPERSEDED:
            return "The newer head has a check of its own."
        case Outcome.COULD_NOT_RUN:
            return f"Nothing was posted. {voice.command('review')} tries again."
        case _:
            return f"{voice.command('review')} reviews it all the same."


def _run(run_id: str, voice: Voice) -> str:
    return f"Run [{run_id}]({voice.public_url}/runs/{run_id})" if voice.public_url else f"Run {run_id}"
