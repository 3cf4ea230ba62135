"""Agents as lists show them: what each was asked for and by whom, how far it is, what it has spent."""

from datetime import datetime
from typing import NamedTuple

from app.commands.numbers import without_numbers
from app.domain.agents import Agent, AgentState
from app.domain.phrases import and_list, dollars, one_line, seconds
from app.store.agent_rows import AgentRow
from app.store.agents import ENDED
from app.web.pages.parts.lists import pull_request_path
from app.web.pages.parts.words import Badge, line

_BADGES: dict[AgentState, Badge] = {
    "queued": Badge("queued", "busy"),
    "working": Badge("working", "busy"),
    "asking": Badge("asks", "warn"),
    "proving": Badge("proving", "busy"),
    "delivering": Badge("delivering", "busy"),
    "done": Badge("done", "quiet"),
    "failed": Badge("no fix", "bad"),
    "stopped": Badge("stopped", "quiet"),
}
_GRADES = {"proved": Badge("proved", "good"), "checked": Badge("checked", "warn")}
# Where a fix went, as the end of the work is written down.
_WENT = {
    "head": "pushed to the pull request's branch",
    "branch": "pushed to a branch of its own",
    "nowhere": "shown on the pull request, not pushed",
}
_LONGEST = 200


class ListedAgent(NamedTuple):
    """An agent in a list, ready to be printed."""

    agent_id: str
    badge: Badge
    asked: str
    # Empty where nobody asked.
    asked_by: str
    said: str
    repository: str
    number: int
    pull_request_path: str
    title: str
    at: datetime
    took: str
    # Seconds so far while it works.
    elapsed: float | None
    cost: str


def listed_agent(row: AgentRow, now: datetime) -> ListedAgent:
    agent = row.agent
    ended = agent.finished_at
    return ListedAgent(
        agent_id=agent.agent_id,
        badge=badge(agent),
        asked=asked(row),
        asked_by=line(agent.asked_by.login),
        said=said(agent),
        repository=line(row.full_name),
        number=agent.ref.number,
        pull_request_path=pull_request_path(agent.ref),
        title=line(row.title) or "(no title)",
        at=agent.started_at,
        took=seconds(max(0.0, (ended - agent.started_at).total_seconds())) if ended else "",
        elapsed=None if ended else max(0.0, (now - agent.started_at).total_seconds()),
        cost=dollars(agent.spent.dollars) if agent.spent.steps else "–",
    )


def badge(agent: Agent) -> Badge:
    done = _BADGES[agent.state]
    return _GRADES.get(agent.grade, done) if agent.state == "done" else done


def asked(row: AgentRow) -> str:
    """What it is for, in a line."""
    agent = row.agent
    words = one_line(line(words_of(row)), _LONGEST)
    if agent.kind != "fix":
        return words or "A task in words"
    what = f"Mend finding{'s' if len(agent.numbers) > 1 else ''} {and_list([str(one) for one in agent.numbers])}"
    return f"{what}: {words}" if words else what


def words_of(row: AgentRow) -> str:
    """What the person who asked last said besides the numbers of findings."""
    return without_numbers(row.words) if row.agent.kind == "fix" else row.words


def said(agent: Agent) -> str:
    """How it ended, in a line; empty while it works."""
    if agent.state not in ENDED:
        return ""
    grade, _, where = agent.ending.partition(", ")
    if agent.state == "done" and grade == agent.grade and where:
        return _WENT.get(where) or one_line(line(where), _LONGEST)
    return one_line(line(agent.ending), _LONGEST)
