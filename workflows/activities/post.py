"""Posting a finished review: threads only for new findings, everything else in the check; each exactly once."""

from collections.abc import Callable, Mapping
from datetime import datetime

from pydantic import JsonValue, TypeAdapter
from temporalio import activity

from app.domain.answers import fixed_in
from app.domain.diff import Diff
from app.domain.errors import HeadMoved, RateLimited
from app.domain.findings import Place
from app.domain.outcomes import Outcome
from app.domain.phrases import Voice
from app.domain.placement import place
from app.domain.report import draft_review
from app.domain.review import ReviewDraft, ReviewResult
from app.domain.runs import Run
from app.forges.base import ForgeReader, ForgeWriter
from app.store.blobs import Blobs
from app.store.effects import Effects
from app.store.findings import Findings
from app.store.runs import Runs
from workflows.activities.agent_start import AgentStarts
from workflows.activities.begin import asked_by
from workflows.activities.checks import Checks
from workflows.activities.conclude import Concluding
from workflows.messages import Closing, Posted, PostRequest, Stop, WaitNotice

PAIRS = TypeAdapter(list[tuple[str, str]])


class Posting:
    """The only place that writes reviews. Runs no model; may be killed between any two lines."""

    def __init__(
        self,
        *,
        readers: Mapping[str, ForgeReader],
        writers: Mapping[str, ForgeWriter],
        runs: Runs,
        findings: Findings,
        effects: Effects,
        blobs: Blobs,
        concluding: Concluding,
        voices: Mapping[str, Voice],
        checks: Checks,
        agent_starts: AgentStarts,
        clock: Callable[[], datetime],
    ) -> None:
        self.readers = readers
        self.writers = writers
        self.runs = runs
        self.findings = findings
        self.effects = effects
        self.blobs = blobs
        self.concluding = concluding
        self.voices = voices
        self.checks = checks
        self.agent_starts = agent_starts
        self.clock = clock

    @activity.defn(name="post_review")
    async def post_review(self, request: PostRequest) -> Posted:
        run = await self._run(request.run_id)
        if run.outcome is not None:
            await self._mend(run)
            return Posted(outcome=run.outcome)
        await self.runs.set_stage(run.run_id, "post", attempt=activity.info().attempt, now=self.clock())
        result = await self.concluding.result(run, request)
        threads = 0
        if result.to_post:
            moved_to, threads = await self._post(run, result)
            if moved_to:
                await self.checks.close(run, Stop(reason="superseded", head_sha=moved_to))
                return Posted(outcome=Outcome.SUPERSEDED)
        await self._resolve_mended(run, result)
        await self.checks.complete(run, result)
        await self._mend(run)
        return Posted(outcome=result.verdict.outcome, threads=threads)

    async def _mend(self, run: Run) -> None:
        """Where the configuration says so, agents begin on what a review left open; each begins once."""
        ended = await self._run(run.run_id)
        if ended.result_key:
            result = await self.blobs.get_model(ended.result_key, ReviewResult)
            # As they are now: with the comments that they have got since.
            told = {one.finding_id for one in result.open}
            found = [one for one in await self.findings.of(run.ref) if one.finding_id in told]
            await self.agent_starts.after_review(run.ref, run.run_id, run.head_sha, found, result.config.config)

    async def _post(self, run: Run, result: ReviewResult) -> tuple[str, int]:
        """The head that took this one's place, if any, and how many threads were opened."""
        diff = await self.blobs.get_model(run.diff_key, Diff)
        draft = draft_review(result, _places(result, diff), self.voices[run.ref.connection])
        if draft is None:
            return "", 0
        writer = self.writers[run.ref.connection]
        try:
            review_id = await self._stage(run, writer, draft)
        except HeadMoved as moved:
            if moved.head_sha == run.head_sha:
                raise
            return moved.head_sha, 0
        moved_to = await self._moved_to(run)
        if moved_to:
            await writer.discard_review(run.ref, review_id)
            return moved_to, 0
        pairs = await self._submit(run, writer, review_id)
        await self.findings.set_comments(pairs)
        return "", len(pairs)

    async def _stage(self, run: Run, writer: ForgeWriter, draft: ReviewDraft) -> str:
        async def stage(look_first: bool) -> JsonValue:
            return await writer.stage_review(run.ref, draft, look_first)

        review_id = str(await self.effects.perform(f"review/{run.run_id}", stage, run_id=run.run_id))
        await self.runs.set_keys(run.run_id, review_id=review_id)
        return review_id

    async def _submit(self, run: Run, writer: ForgeWriter, review_id: str) -> list[tuple[str, str]]:
        async def submit(_: bool) -> JsonValue:
            # Submitting a submitted review changes nothing, so an earlier try need not be looked for.
            posted = await writer.submit_review(run.ref, review_id)
            return [[thread.finding_id, thread.comment_id] for thread in posted]

        return PAIRS.validate_python(await self.effects.perform(f"submit/{run.run_id}", submit, run_id=run.run_id))

    async def _moved_to(self, run: Run) -> str:
        """The newer head, read at the last moment; empty while this one is still to be reviewed.

        The base may have moved: what was read is still this head against the same merge base.
        """
        now = await self.readers[run.ref.connection].pull_request(run.ref)
        return now.head_sha if now.head_sha != run.head_sha else ""

    async def _resolve_mended(self, run: Run, result: ReviewResult) -> None:
        with_thread = {one.finding_id for one in result.mended if one.comment_id}
        if with_thread:
            threads = await self.readers[run.ref.connection].threads(run.ref)
            ours = [one for one in threads if one.finding_id in with_thread and not one.resolved]
            await self.writers[run.ref.connection].resolve_threads(run.ref, ours, fixed_in(run.head_sha))
        for one in result.mended:
            await self.findings.set_state(one.finding_id, "mended", now=self.clock())

    @activity.defn(name="show_wait")
    async def show_wait(self, notice: WaitNotice) -> None:
        await self.checks.wait(await self._run(notice.run_id), RateLimited(notice.until, notice.kind))

    @activity.defn(name="close_review")
    async def close_review(self, closing: Closing) -> None:
        for run in await self.runs.running(closing.ref):
            if run.head_sha == closing.head_sha and asked_by(run) == closing.request:
                await self.checks.close(run, closing.stop, failure=closing.failure)

    async def _run(self, run_id: str) -> Run:
        run = await self.runs.get(run_id)
        if run is None:
            raise LookupError(f"run {run_id} is not in the store")
        return run


def _places(result: ReviewResult, diff: Diff) -> dict[str, Place]:
    """Where the forge surely accepts a comment; a finding without such a place is told by the check."""
    found = {one.finding_id: place(one.finding.place, diff) for one in result.open}
    return {finding_id: at for finding_id, at in found.items() if at is not None}
