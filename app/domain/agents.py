"""A cloud agent: who asked it for what, how far it is, and what it may spend."""

from datetime import datetime
from typing import Literal

from app.domain.findings import TrackedFinding
from app.domain.model import Frozen
from app.domain.pull_request import Person, PullRequestRef
from app.domain.review import ReviewerUsage

# What it was asked for: a fix of findings, a free prompt by a person, or a task of another agent.
AgentKind = Literal["fix", "prompt", "sub"]
# Where a proved fix goes: shown only, a branch of ours, the pull request's branch.
Delivery = Literal["suggest", "branch", "commit"]
AgentState = Literal["queued", "working", "asking", "proving", "delivering", "done", "failed", "stopped"]

# How often does one agent try to mend its findings? Hints after that begin nothing.
MOST_TRIES = 3


class Spending(Frozen):
    """What an agent has used."""

    steps: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    dollars: float = 0.0
    seconds: float = 0.0
    # The same by the model that answered, in the order in which they first did.
    usages: tuple[ReviewerUsage, ...] = ()

    def by_model(self, meant: str) -> tuple[ReviewerUsage, ...]:
        """All of it by model; what was spent before models were told apart was the one's that was meant."""
        rest = ReviewerUsage(
            model=meant,
            requests=self.steps,
            input_tokens=self.input_tokens,
            output_tokens=self.output_tokens,
            cached_tokens=self.cached_tokens,
            dollars=self.dollars,
        )
        for one in self.usages:
            rest = rest.without(one)
        found = {one.model: one for one in self.usages}
        if rest.requests:
            found[meant] = rest.plus(found[meant]) if meant in found else rest
        return tuple(found.values())


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
    # Blob keys: AgentTask; Fix; the workspace while it sleeps.
    task_key: str = ""
    fix_key: str = ""
    snapshot_key: str = ""
    # The fix's grade ("proved", "checked", "none"), empty until there is one.
    grade: str = ""
    # Our newest comment, and the first one of the thread that it stands in: a reply there is for this agent.
    comment_id: str = ""
    thread_comment_id: str = ""
    # While it asks: the question's comment and when it expires.
    question_comment_id: str = ""
    asks_until: datetime | None = None
    # One sentence about how it ended.
    ending: str = ""
    started_at: datetime
    finished_at: datetime | None = None


class AgentTask(Frozen):
    """What an agent is to do, whole. A blob: the processes that work on it have neither a database nor a mirror."""

    agent_id: str
    ref: PullRequestRef
    repo_name: str
    kind: AgentKind
    # The pull request's title; somebody else's words.
    title: str
    head_sha: str
    merge_base_sha: str
    findings: tuple[TrackedFinding, ...] = ()
    # Words of the person who asked, newest last.
    prompts: tuple[str, ...] = ()
    # Commands of the repository's configuration, read at the tip of its default branch.
    setup: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    # Whether everybody who wrote the code may write to the repository.
    by_member: bool = False
    # Blob keys: PullRequest, Diff, ConfigInForce, the code (see app.checkouts.snapshot).
    pull_request_key: str = ""
    diff_key: str = ""
    config_key: str = ""
    snapshot_key: str = ""
    # The code at the tip of the default branch, where there is a set-up: what it installs is prepared from that alone.
    default_snapshot_key: str = ""


class AgentResult(Frozen):
    """How an agent that finished says it mended what it was asked to; to be proved, not to be believed."""

    # What the change does, one sentence.
    summary: str
    # Findings it says it mended.
    numbers: tuple[int, ...] = ()
    # What is red on the head and green now: commands as typed, and the test files they are about.
    commands: tuple[str, ...] = ()
    test_files: tuple[str, ...] = ()
    # An answer in words, for a prompt that asked for no change.
    answer: str = ""


class EnvironmentProblem(Frozen):
    """Something that kept an agent from working and that only an operator can change."""

    problem_id: str
    connection: str
    repo_id: str
    # The same for the same problem: it is told once and counted.
    fingerprint: str
    # One sentence.
    text: str
    agent_id: str
    count: int = 1
    first_seen_at: datetime
    last_seen_at: datetime
    solved_at: datetime | None = None
