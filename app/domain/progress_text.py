"""The check of a run that is at work, waits, or ended without a review of its own."""

from collections.abc import Sequence

from app.domain.check_text import SUMMARY_LIMIT, buttons, cut_at_line, is_over
from app.domain.errors import RateLimited
from app.domain.markdown import clean_line
from app.domain.outcomes import Outcome, Verdict, conclusion, title, waiting
from app.domain.phrases import Voice, seconds
from app.domain.review import CheckText
from app.domain.runs import Stage, StageTime

_STAGE_TITLES: dict[Stage, str] = {
    "queued": "Queued",
    "checkout": "Fetching the code",
    "analysers": "Linters are reading",
    "model": "The model is reading",
    "post": "Writing the result",
    "waiting": "Waiting",
}


def running_check(stages: Sequence[StageTime], run_id: str, voice: Voice) -> CheckText:
    """While the reviewers are at work: the stages so far, the last one still counting."""
    now: Stage = stages[-1].stage if stages else "queued"
    lines = [" · ".join(_stage(stage) for stage in stages) or "queued", "", _run(run_id, voice)]
    return CheckText(title=_STAGE_TITLES[now], summary="\n".join(lines))


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


def _stage(stage: StageTime) -> str:
    attempt = f", attempt {stage.attempt}" if stage.attempt > 1 else ""
    took = seconds(stage.seconds) if stage.seconds is not None else "…"
    detail = f" ({clean_line(stage.detail)})" if stage.detail else ""
    return f"{stage.stage} {took}{attempt}{detail}"


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
