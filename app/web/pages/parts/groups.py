"""A run's findings by what became of them: open, held back, closed."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from app.domain.agents import Agent
from app.domain.diff import Diff
from app.domain.feedback import Feedback
from app.domain.findings import TrackedFinding
from app.domain.review import ReviewResult
from app.domain.runs import Run
from app.web.pages.parts.agents import badge
from app.web.pages.parts.excerpts import ShownLine, excerpt
from app.web.pages.parts.lives import Moment, life
from app.web.pages.parts.words import Badge


class FindingAgent(NamedTuple):
    """Who mends it, and how far that is."""

    agent_id: str
    badge: Badge


class ShownFinding(NamedTuple):
    """A finding with the code it is about and what became of it."""

    tracked: TrackedFinding
    lines: tuple[ShownLine, ...]
    life: tuple[Moment, ...]
    # Why it is no thread, where it was held back.
    reason: str = ""
    # The newest agent that was to mend it.
    agent: FindingAgent | None = None
    # What people think of it.
    feedback: tuple[Feedback, ...] = ()


class Groups(NamedTuple):
    """Each list is by rank."""

    open: tuple[ShownFinding, ...] = ()
    held_back: tuple[ShownFinding, ...] = ()
    # Mended by this run, or mended, dismissed or withdrawn since.
    closed: tuple[ShownFinding, ...] = ()


def told_of(run: Run, result: ReviewResult, present: Sequence[TrackedFinding]) -> list[TrackedFinding]:
    """Every finding the run's page tells, as it is at present: a dismissed one leaves the result, not its story."""
    now = {one.finding_id: one for one in present}
    of_result = (*result.open, *result.mended, *(held.finding for held in result.held_back))
    told = {one.finding_id: now.get(one.finding_id, one) for one in of_result}
    ended = run.finished_at
    closed = (one for one in present if one.state != "open" and ended is not None and one.first_seen_at <= ended)
    for one in closed:
        told.setdefault(one.finding_id, one)
    return list(told.values())


def group(
    findings: Sequence[TrackedFinding],
    result: ReviewResult,
    diff: Diff | None,
    mended: Mapping[str, str],
    agents: Sequence[Agent] = (),
    feedback: Mapping[str, Sequence[Feedback]] = MappingProxyType({}),
) -> Groups:
    """`mended` gives the head that mended a finding, by its id; agents are those of the pull request, oldest first."""
    mending = {number: FindingAgent(one.agent_id, badge(one)) for one in agents for number in one.numbers}
    reasons = {held.finding.finding_id: held.reason for held in result.held_back}
    shown = [
        ShownFinding(
            tracked=one,
            lines=excerpt(diff, one.finding),
            life=life(one, mended.get(one.finding_id, "")),
            reason=reasons.get(one.finding_id, ""),
            agent=mending.get(one.number),
            feedback=tuple(feedback.get(one.finding_id, ())),
        )
        for one in findings
    ]
    still_open = [one for one in shown if one.tracked.state == "open"]
    return Groups(
        open=tuple(one for one in still_open if one.tracked.finding_id not in reasons),
        held_back=tuple(one for one in still_open if one.tracked.finding_id in reasons),
        closed=tuple(one for one in shown if one.tracked.state != "open"),
    )
