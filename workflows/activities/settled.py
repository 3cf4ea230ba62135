"""Threads that people settled since the last head, or put an emoji on: not every forge tells of it."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from app.domain.feedback import Feedback
from app.domain.findings import TrackedFinding
from app.domain.pull_request import Person, PullRequest
from app.forges.base import ForgeReader, Thread
from app.store.feedback import Votes
from app.store.findings import Findings
from workflows.activities.dismiss import RESOLVED
from workflows.activities.writers import may_write


class SettledThreads:
    """Safe to repeat: what is dismissed already is not looked for."""

    def __init__(
        self,
        *,
        readers: Mapping[str, ForgeReader],
        findings: Findings,
        votes: Votes,
        clock: Callable[[], datetime],
    ) -> None:
        self.readers = readers
        self.findings = findings
        self.votes = votes
        self.clock = clock

    async def take_in(self, pull_request: PullRequest) -> None:
        """A thread that somebody with write access resolved is a dismissal."""
        for finding, by in await self.found(pull_request):
            await self.findings.set_state(finding.finding_id, "dismissed", by=by.login, why=RESOLVED, now=self.clock())

    async def found(self, pull_request: PullRequest) -> list[tuple[TrackedFinding, Person]]:
        """Open findings whose thread somebody resolved who may; costs nothing without an open thread."""
        ref = pull_request.ref
        waiting = {one.finding_id: one for one in await self.findings.of(ref) if _has_open_thread(one)}
        if not waiting:
            return []
        threads = await self.readers[ref.connection].threads(ref)
        await self.votes.replace(ref, thumbs_on(threads), self.clock())
        return [
            (finding, by)
            for thread in threads
            if thread.resolved
            and (finding := waiting.get(thread.finding_id))
            and (by := thread.resolved_by)
            and await may_write(self.readers[ref.connection], pull_request.repo, by)
        ]


def thumbs_on(threads: Sequence[Thread]) -> dict[str, tuple[Feedback, ...]]:
    """What people think of each finding, where no delivery tells it and it is read along with the threads."""
    return {one.finding_id: one.feedback for one in threads if one.feedback is not None}


def _has_open_thread(finding: TrackedFinding) -> bool:
    return finding.state == "open" and bool(finding.comment_id)
