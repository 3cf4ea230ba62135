"""The check of a run: opened at once, told of waits, and completed in every path."""

from collections.abc import Callable, Mapping
from datetime import datetime

import structlog
from pydantic import JsonValue

from app.domain.check_text import completed_check
from app.domain.diff import Diff
from app.domain.errors import ForgeRefused, RateLimited
from app.domain.outcomes import Outcome, Verdict, title
from app.domain.phrases import Voice
from app.domain.progress_text import ended_check, queued_check, running_check, waiting_check
from app.domain.pull_request import PullRequestRef
from app.domain.repo_config import ConfigInForce
from app.domain.review import CheckText, ReviewResult
from app.domain.runs import Run
from app.forges.base import ForgeWriter
from app.store.blobs import Blobs
from app.store.effects import Effects
from app.store.runs import Runs
from workflows.activities.figures import Figures
from workflows.messages import Stop

log = structlog.get_logger()


class Checks:
    """Creating a check is an effect; updating it is not, since saying the same twice changes nothing."""

    def __init__(
        self,
        *,
        writers: Mapping[str, ForgeWriter],
        runs: Runs,
        effects: Effects,
        blobs: Blobs,
        voices: Mapping[str, Voice],
        figures: Figures,
        clock: Callable[[], datetime],
    ) -> None:
        self.writers = writers
        self.runs = runs
        self.effects = effects
        self.blobs = blobs
        self.voices = voices
        self.figures = figures
        self.clock = clock

    async def open(self, run: Run, diff: Diff) -> None:
        """Shown as in progress; a run that has its check keeps it."""
        await self._write(run, running_check(diff, run.run_id, self._voice(run)))

    async def wait(self, run: Run, limit: RateLimited) -> None:
        """Say what is waited for, before the wait."""
        gate = (await self.blobs.get_model(run.config_key, ConfigInForce)).config.is_gate
        await self._write(run, waiting_check(limit, gate=gate, run_id=run.run_id, voice=self._voice(run)))
        await self.runs.set_waiting(run.run_id, limit.until)
        self.figures.wait(limit.kind)

    async def skip(self, run: Run, reason: str) -> None:
        await self._end(run, Verdict(outcome=Outcome.SKIPPED, reason=reason))

    async def close(self, run: Run, stop: Stop | None, *, failure: str = "") -> None:
        """End a run that posted nothing."""
        await self._end(run, _verdict(stop, failure))

    async def complete(self, run: Run, result: ReviewResult) -> None:
        """Say everything there is to say, then end the run."""
        await self._write(run, completed_check(result, self._voice(run)))
        if await self._complete(run, result.verdict, await self.blobs.put_model(result)):
            log.info("review.posted", **_about(run, result.verdict), open=len(result.open), new=len(result.to_post))

    async def revise(self, run: Run, result: ReviewResult) -> None:
        """A completed check says something new: after a dismissal, or when somebody accepted what is missing."""
        await self._write(run, completed_check(result, self._voice(run)))
        await self.runs.revise(
            run.run_id,
            outcome=result.verdict.outcome,
            title=title(result.verdict),
            result_key=await self.blobs.put_model(result),
        )

    def _voice(self, run: Run) -> Voice:
        return self.voices[run.ref.connection]

    async def carry_to_queue(self, ref: PullRequestRef, head_sha: str, action_key: str, verdict: Verdict) -> None:
        """The verdict of a pull request on the commit that a merge queue made of it."""

        async def create(look_first: bool) -> JsonValue:
            # No run stands behind it, so that its buttons and re-runs lead nowhere.
            return await self.writers[ref.connection].ensure_check(
                ref,
                head_sha,
                f"queue-{action_key[:16]}",
                queued_check(ref.number, verdict),
                check_id=None,
                look_first=look_first,
            )

        await self.effects.perform(f"queue/{action_key}", create)

    async def _end(self, run: Run, verdict: Verdict) -> None:
        try:
            await self._write(run, ended_check(verdict, run.run_id, self._voice(run)))
        except ForgeRefused as refusal:
            # Uninstalled, archived, or no longer ours to write: nobody is left to be told, and the run is over.
            log.warning("check.not_told", run_id=run.run_id, status=refusal.status)
        if await self._complete(run, verdict, ""):
            log.info("review.closed", **_about(run, verdict))

    async def _complete(self, run: Run, verdict: Verdict, result_key: str) -> bool:
        """Whether it ended by this."""
        now = self.clock()
        ended = await self.runs.complete(
            run.run_id, outcome=verdict.outcome, title=title(verdict), result_key=result_key, now=now
        )
        if ended:
            self.figures.review(verdict.outcome, (now - run.started_at).total_seconds())
        return ended

    async def _write(self, run: Run, text: CheckText) -> None:
        writer = self.writers[run.ref.connection]
        written = False

        async def create(look_first: bool) -> JsonValue:
            nonlocal written
            written = not look_first
            return await writer.ensure_check(
                run.ref, run.head_sha, run.run_id, text, check_id=None, look_first=look_first
            )

        check_id = str(await self.effects.perform(f"check/{run.run_id}", create, run_id=run.run_id))
        if not written:
            await writer.ensure_check(run.ref, run.head_sha, run.run_id, text, check_id=check_id, look_first=False)
        if run.check_id != check_id:
            await self.runs.set_keys(run.run_id, check_id=check_id)


def _about(run: Run, verdict: Verdict) -> dict[str, str]:
    return {"run_id": run.run_id, "pull_request": str(run.ref), "outcome": verdict.outcome}


def _verdict(stop: Stop | None, failure: str) -> Verdict:
    match stop:
        case None:
            return Verdict(outcome=Outcome.COULD_NOT_RUN, reason=failure)
        case Stop(reason="superseded", head_sha=head_sha):
            return Verdict(outcome=Outcome.SUPERSEDED, reason=head_sha[:7])
        case Stop(reason="closed"):
            return Verdict(outcome=Outcome.SKIPPED, reason="Closed before the review ended")
        case Stop(reason="skipped", why=why):
            return Verdict(outcome=Outcome.SKIPPED, reason=why)
        case Stop(by=by):
            return Verdict(outcome=Outcome.SKIPPED, reason=f"Stopped by {by}" if by else "Stopped")
