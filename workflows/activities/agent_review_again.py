"""Reviewing a fix as any other change: are its findings gone, and is nothing new there at or above the bar?"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from app.checkouts.unpacked import Unpacked
from app.domain.agents import AgentTask
from app.domain.diff import Diff
from app.domain.findings import TrackedFinding
from app.domain.line_map import Moves
from app.domain.pull_request import PullRequest
from app.domain.repo_config import ConfigInForce
from app.domain.review import ReviewerReport
from app.store.blobs import Blobs
from autofix.patches import ParsedPatch
from autofix.proof import ReviewAgain, Reviewed
from autofix.verify_sides import Versions
from reviewers.base import Change, Reviewer
from reviewers.pipeline import Conclusion, History, conclude, paths_to_read
from reviewers.registry import owner
from workflows.activities.agent_stage import StagedCode

# The reviewers with a model that look at this agent's change; none where no model is set.
MakeReviewers = Callable[[AgentTask, PullRequest, ConfigInForce], Awaitable[tuple[Reviewer, ...]]]


class ReviewingAgain:
    def __init__(self, *, blobs: Blobs, make: MakeReviewers, code: Unpacked) -> None:
        self.blobs = blobs
        self.make = make
        self.code = code

    def of(
        self,
        task: AgentTask,
        staged: StagedCode,
        claimed: tuple[TrackedFinding, ...],
        linters: ReviewerReport,
        *,
        by_model: bool,
    ) -> ReviewAgain:
        """What a proof asks; the linters have looked already, where they may."""

        async def review_again(_patch: ParsedPatch, _versions: Mapping[str, Versions]) -> Reviewed:
            return await self._review(task, staged, claimed, linters, by_model=by_model)

        return review_again

    async def _review(
        self,
        task: AgentTask,
        staged: StagedCode,
        claimed: tuple[TrackedFinding, ...],
        linters: ReviewerReport,
        *,
        by_model: bool,
    ) -> Reviewed:
        pull_request = await self.blobs.get_model(task.pull_request_key, PullRequest)
        config = await self.blobs.get_model(task.config_key, ConfigInForce)
        diff = await self.blobs.get_model(staged.diff_key, Diff)
        moves = Moves(heads=await self.blobs.get_model(staged.moves_key, Diff))
        reviewers = await self.make(task, pull_request, config) if by_model else ()
        async with self.code.of(staged.snapshot_key) as unpacked:
            change = Change(
                diff=diff,
                head_root=unpacked.head_root,
                base_root=unpacked.base_root,
                title=pull_request.title,
                body=pull_request.body,
                effort=config.config.effort,
            )
            reports = [linters, *[await reviewer.review(change) for reviewer in reviewers]]
            history = History(known=staged.known, moves=moves)
            texts = {path: text for path in paths_to_read(diff, history) if (text := change.read(path)) is not None}
        names = tuple(report.reviewer for report in reports)
        concluded = await asyncio.to_thread(
            conclude, diff=diff, reports=reports, reviewers=names, config=config.config, texts=texts, history=history
        )
        return _judged(concluded, claimed, names, config)


def _judged(
    concluded: Conclusion, claimed: tuple[TrackedFinding, ...], names: tuple[str, ...], config: ConfigInForce
) -> Reviewed:
    """Gone means that its own reviewer read the file again and does not raise it."""
    seen = {one.known_id for one in concluded.decided if one.known_id is not None}
    gone = all(one.finding_id not in seen and _was_read(one, concluded, names) for one in claimed)
    bar = config.config.comment_at
    new = [
        one.finding
        for one in concluded.decided
        if one.known_id is None and one.finding.stands_alone and one.finding.severity.at_least(bar)
    ]
    return Reviewed(gone=gone, new=new)


def _was_read(tracked: TrackedFinding, concluded: Conclusion, names: tuple[str, ...]) -> bool:
    reviewer, path = owner(tracked.finding), tracked.finding.place.path
    if reviewer not in names:
        return False
    unread = {(item.reviewer, item.path) for item in concluded.coverage.unread()}
    return (reviewer, path) not in unread
