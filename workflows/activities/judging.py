"""The fate of each finding of a closed pull request, and of lines that nobody flagged, from git, threads and agents."""

from collections.abc import Mapping, Sequence

from app.checkouts.git import GitError
from app.checkouts.mirrors import Mirrors
from app.domain.agents import Agent
from app.domain.diff import Diff
from app.domain.findings import Finding, TrackedFinding
from app.domain.line_map import Moves
from app.domain.measures import Judged, Signs, control_places, judge, was_changed
from app.domain.pull_request import PullRequestRef
from app.domain.runs import Run
from app.forges.base import Thread
from app.store.agents import Agents
from app.store.blobs import Blobs
from app.store.findings import Findings
from workflows.activities.conclude import UNLIMITED


class Judging:
    """Reads only; `head_sha` is the head as it was when the pull request was closed."""

    def __init__(self, *, findings: Findings, agents: Agents, blobs: Blobs, mirrors: Mirrors) -> None:
        self.findings = findings
        self.agents = agents
        self.blobs = blobs
        self.mirrors = mirrors

    async def fates(self, ref: PullRequestRef, head_sha: str, threads: Sequence[Thread]) -> tuple[Judged, ...]:
        """By number. Without a head nothing is known of the code."""
        found = await self.findings.of(ref)
        last_seen = await self.findings.last_seen(ref)
        moves = {
            seen_sha: await self._moves(ref, seen_sha, head_sha) for seen_sha in set(last_seen.values()) if head_sha
        }
        by_finding = {thread.finding_id: thread for thread in threads}
        pushed = _mended_by_us(await self.agents.of(ref))
        return tuple(
            judge(one, _signs(one, moves.get(last_seen.get(one.finding_id, "")), by_finding, pushed)) for one in found
        )

    async def control(self, ref: PullRequestRef, runs: Sequence[Run], head_sha: str) -> tuple[int, int]:
        """How many lines that nobody flagged were looked at, and how many of them changed after the first review."""
        first = next((run for run in runs if run.diff_key), None)
        moves = await self._moves(ref, first.head_sha, head_sha) if first else None
        if first is None or moves is None:
            return 0, 0
        try:
            diff = await self.blobs.get_model(first.diff_key, Diff)
        except FileNotFoundError:
            return 0, 0
        flagged = [one.finding.place for one in await self.findings.of(ref)]
        places = control_places(diff, flagged, seed=str(ref))
        return len(places), sum(bool(was_changed(place, moves)) for place in places)

    async def _moves(self, ref: PullRequestRef, before: str, head_sha: str) -> Moves | None:
        """None when the earlier head is gone."""
        if before == head_sha:
            return Moves()
        try:
            return Moves(heads=await self.mirrors.diff(ref, before, head_sha, limits=UNLIMITED))
        except GitError:
            return None


def _signs(
    tracked: TrackedFinding, moves: Moves | None, threads: Mapping[str, Thread], mended_by_us: frozenset[int]
) -> Signs:
    thread = threads.get(tracked.finding_id)
    changed = None if moves is None else was_changed(tracked.finding.place, moves)
    return Signs(
        changed=changed,
        fixed_by_us=tracked.number in mended_by_us and (bool(changed) or tracked.state == "mended"),
        suggestion_taken=bool(changed) and moves is not None and _is_taken(tracked.finding, moves),
        thread_resolved=thread is not None and thread.resolved,
        thread_outdated=thread is not None and thread.outdated,
    )


def _is_taken(finding: Finding, moves: Moves) -> bool:
    """By a click or by hand: it is our words that were committed."""
    suggestion = finding.suggestion
    return bool(suggestion) and moves.replaced_by(finding.place, (suggestion or "").removesuffix("\n").split("\n"))


def _mended_by_us(agents: Sequence[Agent]) -> frozenset[int]:
    pushed = (agent for agent in agents if agent.state == "done" and agent.delivery == "commit" and agent.fix_key)
    return frozenset(number for agent in pushed for number in agent.numbers)
