"""Closing findings for good, opening them again, and showing at once what that makes of the check."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from app.domain.findings import TrackedFinding
from app.domain.pull_request import PullRequestRef
from app.forges.base import ForgeReader, ForgeWriter
from app.store.findings import Findings
from app.store.runs import Runs
from workflows.activities.checks import Checks
from workflows.activities.conclude import Concluding

# The reason of a dismissal by resolving the thread; only such a one is taken back by opening the thread again.
RESOLVED = "resolved the thread"


class Dismissing:
    """Safe to repeat: a closed finding stays closed, a resolved thread stays resolved, a check says the same twice."""

    def __init__(
        self,
        *,
        readers: Mapping[str, ForgeReader],
        writers: Mapping[str, ForgeWriter],
        findings: Findings,
        runs: Runs,
        concluding: Concluding,
        checks: Checks,
        clock: Callable[[], datetime],
    ) -> None:
        self.readers = readers
        self.writers = writers
        self.findings = findings
        self.runs = runs
        self.concluding = concluding
        self.checks = checks
        self.clock = clock

    async def dismiss(self, ref: PullRequestRef, dismissed: Sequence[TrackedFinding], *, by: str, why: str) -> None:
        for one in dismissed:
            await self.findings.set_state(one.finding_id, "dismissed", by=by, why=why, now=self.clock())
        await self._resolve(ref, {one.finding_id for one in dismissed if one.comment_id}, f"Dismissed by {by}.")
        await self.show(ref)

    async def withdraw(self, ref: PullRequestRef, finding: TrackedFinding) -> None:
        """It was wrong: as closed as a dismissal, and nobody's doing but ours."""
        await self.findings.set_state(finding.finding_id, "withdrawn", now=self.clock())
        await self._resolve(ref, {finding.finding_id}, "Withdrawn.")
        await self.show(ref)

    async def open_again(self, ref: PullRequestRef, finding: TrackedFinding) -> None:
        await self.findings.set_state(finding.finding_id, "open", now=self.clock())
        await self.show(ref)

    async def show(self, ref: PullRequestRef, *, accepted_by: str = "") -> None:
        """The last review's check over what is open now; a review at work shows it when it ends."""
        run = await self.runs.last_reviewed(ref)
        if run is None:
            return
        await self.checks.revise(run, await self.concluding.again(run, accepted_by=accepted_by))

    async def _resolve(self, ref: PullRequestRef, finding_ids: set[str], note: str) -> None:
        if not finding_ids:
            return
        threads = await self.readers[ref.connection].threads(ref)
        ours = [one for one in threads if one.finding_id in finding_ids and not one.resolved]
        await self.writers[ref.connection].resolve_threads(ref, ours, note)
