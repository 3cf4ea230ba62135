"""A cloud agent: who asked it for what, how far it is, and what it may spend."""

from datetime import datetime
from typing import Literal

from app.domain.model import Frozen
from app.domain.pull_request import Person, PullRequestRef

# What it was asked for: a fix of findings, a free prompt by a person, or a task of another agent.
AgentKind = Literal["fix", "prompt", "sub"]
# Where a proved fix goes: shown only, a branch of ours, the pull request's branch.
Delivery = Literal["suggest", "branch", "commit"]
AgentState = Literal["queued", "working", "asking", "proving", "delivering", "done", "failed", "stopped"]


class Spending(Frozen):
    """What an agent has used."""

    steps: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    dollars: float = 0.0
    seconds: float = 0.0


class AgentBudget(Frozen):
    """Where an agent stops hard, and says so."""

    steps: int = 80
    tokens: int = 2_000_000
    dollars: float = 2.00
    seconds: float = 3_600.0


class Agent(Frozen):
    """The row of an agent."""

    agent_id: str
    ref: PullRequestRef
    kind: AgentKind
    # The action that asked, empty for autofix without a command.
    action_key: str = ""
    # Findings it is to mend.
    numbers: tuple[int, ...] = ()
    # Blob key of the words it was given; they never travel through Temporal.
    prompt_key: str = ""
    asked_by: Person
    delivery: Delivery = "suggest"
    head_sha: str
    parent_agent_id: str = ""
    state: AgentState = "queued"
    # Newest message of its conversation (store/conversations.py).
    conversation: str = ""
    budget: AgentBudget = AgentBudget()
    spent: Spending = Spending()
    # Attempts on this pull request, this one counted.
    attempt: int = 1
    # Blob keys: Fix; the workspace while it sleeps.
    fix_key: str = ""
    snapshot_key: str = ""
    # While it asks: the question's comment and when it expires.
    question_comment_id: str = ""
    asks_until: datetime | None = None
    # One sentence about how it ended.
    ending: str = ""
    started_at: datetime
    finished_at: datetime | None = None
