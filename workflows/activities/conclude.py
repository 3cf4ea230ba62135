"""From the reviewers' reports to the result of a run: what is open, what is posted, what is said."""

import asyncio
from collections.abc import Callable
from datetime import datetime

from pydantic import JsonValue

from app.checkouts.git import GitError
from app.checkouts.mirrors import Mirrors
from app.domain.diff import Diff
from app.domain.line_map import Moves
from app.domain.outcomes import Outcome, decide
from app.domain.repo_config import ConfigInForce, SizeLimits
from app.domain.review import ReviewerReport, ReviewResult
from app.domain.runs import Run
from app.store.blobs import Blobs
from app.store.effects import Effects
from app.store.findings import Findings, Seen
from app.store.repositories import Repositories
from app.store.runs import Runs
from reviewers.pipeline import Conclusion, History, conclude, finish, paths_to_read
from workflows.activities.precedents import Precedents
from workflows.activities.uploaded import Uploaded
from workflows.messages import PostRequest

# Moves are looked up, not read: no size makes them useless.
UNLIMITED = SizeLimits(files=100_000, changed_lines=10_000_000, file_bytes=100_000_000)


class Concluding:
    """Safe to repeat: the conclusion is stored once, and tracking the same run again gives the same findings."""

    def __init__(
        self,
        *,
        runs: Runs,
        findings: Findings,
        effects: Effects,
        repositories: Repositories,
        blobs: Blobs,
        mirrors: Mirrors,
        uploaded: Uploaded,
        precedents: Precedents,
        clock: Callable[[], datetime],
    ) -> None:
        self.runs = runs
        self.findings = findings
        self.effects = effects
        self.repositories = repositories
        self.blobs = blobs
        self.mirrors = mirrors
        self.uploaded = uploaded
        self.precedents = precedents
        self.clock = clock

    async def result(self, run: Run, request: PostRequest) -> ReviewResult:
        """Everything that will be said of the run; its findings are tracked when this returns."""
        config = await self.blobs.get_model(run.config_key, ConfigInForce)
        if run.carried_from is not None:
            return await self._carry_over(run, config)
        conclusion = await self._conclusion(run, request, config)
        known = await self.findings.of(run.ref)
        seen = [Seen(finding=one.finding, keys=one.keys, known_id=one.known_id) for one in conclusion.decided]
        tracked = await self.findings.track(run.ref, run.run_id, run.head_sha, seen, self.clock())
        finished = finish(conclusion, tracked, known)
        verdict = decide(
            config=config.config,
            coverage=conclusion.coverage,
            open_findings=finished.counted,
            failure=request.failure,
        )
        return ReviewResult(
            run_id=run.run_id,
            ref=run.ref,
            repo_name=await self._name(run),
            head_sha=run.head_sha,
            base_ref=run.base_ref,
            merge_base_sha=run.merge_base_sha,
            verdict=verdict,
            open=finished.open,
            to_post=finished.to_post,
            held_back=finished.held_back,
            outvoted=conclusion.outvoted,
            listed=tuple(one.finding_id for one in finished.open),
            counted=tuple(one.finding_id for one in finished.counted),
            mended=finished.mended,
            coverage=conclusion.coverage,
            config=config,
            analysers=conclusion.analysers,
            usage=conclusion.usage,
            started_at=run.started_at,
            finished_at=self.clock(),
        )

    async def _conclusion(self, run: Run, request: PostRequest, config: ConfigInForce) -> Conclusion:
        """Concluded once: a second try would find its own findings in the store and take them for earlier ones."""

        async def conclude_now(_: bool) -> JsonValue:
            return await self.blobs.put_model(await self._conclude(run, request, config))

        key = await self.effects.perform(f"conclude/{run.run_id}", conclude_now, run_id=run.run_id)
        return await self.blobs.get_model(str(key), Conclusion)

    async def _conclude(self, run: Run, request: PostRequest, config: ConfigInForce) -> Conclusion:
        diff = await self.blobs.get_model(run.diff_key, Diff)
        last_run = await self.runs.last_reviewed(run.ref)
        last = await self.blobs.get_model(last_run.result_key, ReviewResult) if last_run else None
        reports = [await self.blobs.get_model(key, ReviewerReport) for key in request.reports.values()]
        reports.append(await self.uploaded.of(run.ref, diff))
        history = History(
            known=tuple(await self.findings.of(run.ref)),
            moves=await self._moves(last, run),
            last=last.coverage if last and not request.full else None,
            heads_with_findings=(
                0 if request.full else await self.runs.heads_with_findings(run.ref, besides=run.head_sha)
            ),
            # Whose thumbs count is asked of the forge: not where there is nothing to hold back.
            verdicts=await self.precedents.of(run.ref) if any(one.findings for one in reports) else (),
        )
        # Seconds for a thousand findings, which others must not wait for.
        return await asyncio.to_thread(
            conclude,
            diff=diff,
            reports=reports,
            reviewers=tuple(request.reports),
            config=config.config,
            texts=await self._texts(run, diff, paths_to_read(diff, history)),
            history=history,
        )

    async def _moves(self, last: ReviewResult | None, run: Run) -> Moves:
        """How lines moved since the last reviewed head; nothing is known of it when its commits are gone."""
        if last is None:
            return Moves()
        return Moves(
            heads=await self._between(run, last.head_sha, run.head_sha),
            bases=await self._between(run, last.merge_base_sha, run.merge_base_sha),
        )

    async def _between(self, run: Run, before: str, after: str) -> Diff | None:
        if before == after:
            return None
        try:
            return await self.mirrors.diff(run.ref, before, after, limits=UNLIMITED)
        except GitError:
            return None

    async def _texts(self, run: Run, diff: Diff, paths: tuple[str, ...]) -> dict[str, str]:
        found = {path: await self.mirrors.read_file(run.ref, diff.head_sha, path) for path in paths}
        return {path: data.decode("utf-8", "replace") for path, data in found.items() if data is not None}

    async def again(self, run: Run, *, accepted_by: str = "") -> ReviewResult:
        """A completed run's result over the findings that are open now: after a dismissal, without a review."""
        before = await self.blobs.get_model(run.result_key, ReviewResult)
        if before.verdict.outcome is Outcome.ACCEPTED:
            accepted_by = accepted_by or before.verdict.reason
        return await self._over_present_findings(before, before.config, accepted_by)

    async def _carry_over(self, run: Run, config: ConfigInForce) -> ReviewResult:
        """The earlier run's reading of the same patch; the outcome is decided anew over what is still open."""
        earlier = await self.runs.get(run.carried_from or "")
        if earlier is None:
            raise LookupError(f"run {run.run_id} is carried over from {run.carried_from}, which is gone")
        before = await self.blobs.get_model(earlier.result_key, ReviewResult)
        return (await self._over_present_findings(before, config)).model_copy(
            update={
                "run_id": run.run_id,
                "head_sha": run.head_sha,
                "base_ref": run.base_ref,
                "merge_base_sha": run.merge_base_sha,
                "usage": (),
                "carried_from_sha": earlier.head_sha,
                "started_at": run.started_at,
                "finished_at": self.clock(),
            }
        )

    async def _over_present_findings(
        self, before: ReviewResult, config: ConfigInForce, accepted_by: str = ""
    ) -> ReviewResult:
        now_open = {one.finding_id: one for one in await self.findings.of(before.ref) if one.state == "open"}
        counted = [now_open[finding_id] for finding_id in before.counted if finding_id in now_open]
        # What that run did not read is still unread: the coverage sees to it that this never turns green by itself.
        verdict = decide(config=config.config, coverage=before.coverage, open_findings=counted, accepted_by=accepted_by)
        return before.model_copy(
            update={
                "verdict": verdict,
                "open": tuple(now_open[finding_id] for finding_id in before.listed if finding_id in now_open),
                "to_post": (),
                "held_back": tuple(one for one in before.held_back if one.finding.finding_id in now_open),
                "mended": (),
                "config": config,
            }
        )

    async def _name(self, run: Run) -> str:
        repo = await self.repositories.get(run.ref.connection, run.ref.repo_id)
        return repo.full_name if repo else str(run.ref)
