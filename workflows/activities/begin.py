"""Beginning a review: claim the head, open its check, and put the code where the reviewers find it."""

import asyncio
from collections.abc import Callable
from datetime import datetime

from temporalio import activity

from app.checkouts.mirrors import Fetched, HeadGone, Mirrors
from app.checkouts.snapshot import make
from app.domain.diff import Diff
from app.domain.outcomes import Outcome
from app.domain.pull_request import PullRequest
from app.domain.repo_config import ConfigInForce
from app.domain.runs import OpenedRun, Run
from app.store.blobs import Blobs
from app.store.runs import COMPLETE, Runs
from reviewers.pipeline import reviewers_for
from reviewers.registry import MODEL_REVIEWERS
from workflows import queues
from workflows.activities.checks import Checks
from workflows.activities.configuration import Configurations
from workflows.activities.fetching import Fetching
from workflows.activities.settled import SettledThreads
from workflows.messages import BegunReview, ReviewerStep, ReviewInput
from workflows.turn import AUTO

# Runs that ended without having said anything about the code: their head may be claimed again.
UNSAID = (Outcome.SUPERSEDED, Outcome.SKIPPED)


class Beginning:
    def __init__(
        self,
        *,
        fetching: Fetching,
        runs: Runs,
        blobs: Blobs,
        mirrors: Mirrors,
        configurations: Configurations,
        checks: Checks,
        settled: SettledThreads,
        model: str,
        clock: Callable[[], datetime],
    ) -> None:
        self.fetching = fetching
        self.runs = runs
        self.blobs = blobs
        self.mirrors = mirrors
        self.configurations = configurations
        self.checks = checks
        self.settled = settled
        self.model = model
        self.clock = clock

    @activity.defn(name="begin_review")
    async def begin_review(self, start: ReviewInput) -> BegunReview:
        pull_request = await self.blobs.get_model(start.pull_request_key, PullRequest)
        if start.skip_reason:
            return await self._skip(start, pull_request)
        try:
            fetched = await self.fetching.fetch(pull_request, refresh=False)
        except HeadGone:
            return BegunReview(status="moved")
        return await self._begin(start, pull_request, fetched)

    async def _begin(self, start: ReviewInput, pull_request: PullRequest, fetched: Fetched) -> BegunReview:
        config, patch_id = await asyncio.gather(
            self.configurations.at(pull_request, fetched),
            self.mirrors.patch_id(pull_request.repo, fetched.merge_base_sha, fetched.head_sha),
        )
        opened = await self._open(start, pull_request, fetched, config, patch_id)
        run = opened.run
        if opened.status == "done":
            return BegunReview(status="done", run_id=run.run_id)
        _, diff, _ = await asyncio.gather(
            self.runs.set_stage(run.run_id, "checkout", attempt=activity.info().attempt, now=self.clock()),
            self._diff(pull_request, fetched, config),
            self.settled.take_in(pull_request),
        )
        keys = await asyncio.gather(self.blobs.put_model(config), self.blobs.put_model(diff))
        if opened.status == "carried":
            await self.runs.set_keys(run.run_id, config_key=keys[0], diff_key=keys[1])
            await self.checks.open(run, diff)
            return BegunReview(status="carried", run_id=run.run_id, analysers_first=True)
        # The forge takes as long for its answer as git for the snapshot.
        _, snapshot_key = await asyncio.gather(self.checks.open(run, diff), self._snapshot(run, fetched, diff))
        await self.runs.set_stage(
            run.run_id,
            "analysers",
            now=self.clock(),
            config_key=keys[0],
            diff_key=keys[1],
            snapshot_key=snapshot_key,
        )
        steps = self._steps(start, run, snapshot_key, diff_key=keys[1], config_key=keys[0]) if snapshot_key else ()
        return BegunReview(status="started", run_id=run.run_id, steps=steps, analysers_first=True)

    async def _open(
        self, start: ReviewInput, pull_request: PullRequest, fetched: Fetched, config: ConfigInForce, patch_id: str
    ) -> OpenedRun:
        if not start.full and await self._nothing_new(start, fetched, config):
            last = await self.runs.last_reviewed(start.ref)
            if last is not None:
                return OpenedRun(status="done", run=last)
        request, tries = start.request, 1
        while True:
            opened = await self.runs.open(
                ref=start.ref,
                head_sha=fetched.head_sha,
                merge_base_sha=fetched.merge_base_sha,
                base_ref=pull_request.base_ref,
                base_sha=pull_request.base_sha,
                request=request,
                patch_id=patch_id,
                config_fingerprint=config.fingerprint,
                now=self.clock(),
            )
            if opened.status != "done" or not _said_nothing(opened.run):
                return opened
            # A head that was superseded and came back, or a draft that became ready: nothing was said about it yet.
            tries += 1
            request = again(start.request, tries)

    async def _nothing_new(self, start: ReviewInput, fetched: Fetched, config: ConfigInForce) -> bool:
        """`review` reads what is new since the last reviewed head; a head that was read whole has nothing new."""
        if start.request == AUTO:
            return False
        last = await self.runs.last_reviewed(start.ref)
        return (
            last is not None
            and last.outcome in COMPLETE
            and (last.head_sha, last.merge_base_sha) == (fetched.head_sha, fetched.merge_base_sha)
            and last.config_fingerprint == config.fingerprint
        )

    async def _diff(self, pull_request: PullRequest, fetched: Fetched, config: ConfigInForce) -> Diff:
        return await self.mirrors.diff(
            pull_request.repo,
            fetched.merge_base_sha,
            fetched.head_sha,
            limits=config.config.limits,
            ignore=config.config.ignore,
        )

    async def _snapshot(self, run: Run, fetched: Fetched, diff: Diff) -> str:
        """The blob that reviewers unpack; empty when there is nothing for them to read."""
        if not diff.reviewable:
            return ""
        return await self.blobs.put(await make(self.mirrors.git(run.ref), fetched.head_tree_id, diff))

    def _steps(
        self, start: ReviewInput, run: Run, snapshot_key: str, *, diff_key: str, config_key: str
    ) -> tuple[ReviewerStep, ...]:
        return tuple(
            ReviewerStep(
                run_id=run.run_id,
                reviewer=name,
                queue=queues.LLM if name in MODEL_REVIEWERS else queues.SANDBOX,
                pull_request_key=start.pull_request_key,
                diff_key=diff_key,
                snapshot_key=snapshot_key,
                config_key=config_key,
            )
            for name in reviewers_for(self.model)
        )

    async def _skip(self, start: ReviewInput, pull_request: PullRequest) -> BegunReview:
        """A head that is not read: its check says why, and that is all."""
        opened = await self.runs.open(
            ref=start.ref,
            head_sha=start.head_sha,
            merge_base_sha="",
            base_ref=pull_request.base_ref,
            base_sha=pull_request.base_sha,
            request=start.request,
            patch_id="",
            config_fingerprint="",
            now=self.clock(),
        )
        if opened.status != "done":
            await self.checks.skip(opened.run, start.skip_reason)
        return BegunReview(status="done", run_id=opened.run.run_id)


def _said_nothing(run: Run) -> bool:
    """It ended before it could; one that found nothing to review has a result, and has said that."""
    return run.outcome in UNSAID and not run.result_key


def again(request: str, tries: int) -> str:
    """The claim of a head whose earlier runs said nothing."""
    return request if tries == 1 else f"{request}~{tries}"


def asked_by(run: Run) -> str:
    """The request a run's claim was made for."""
    return run.request.partition("~")[0]
