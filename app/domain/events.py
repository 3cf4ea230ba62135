"""What a delivery means, whichever forge sent it. A payload is only a hint: state is read from the API."""

from typing import Literal

from app.domain.feedback import Feedback
from app.domain.model import Frozen
from app.domain.pull_request import Person, PullRequestRef, Repo

PullRequestChange = Literal[
    "opened", "reopened", "ready", "pushed", "retargeted", "edited", "closed", "drafted", "labeled", "unlabeled"
]


class PullRequestChanged(Frozen):
    """Something about a pull request changed that may begin, end or supersede a review."""

    ref: PullRequestRef
    repo: Repo
    change: PullRequestChange
    head_sha: str
    # The person whose act this was; our own pushes are recognised by it.
    sender: Person | None


class CommentMade(Frozen):
    """A comment, a review's body or a reply in a thread; it may hold commands."""

    ref: PullRequestRef
    repo: Repo
    kind: Literal["comment", "thread", "review"]
    comment_id: str
    # The thread's first comment when this is a reply.
    root_comment_id: str | None
    author: Person
    body: str
    # The text before an edit: only what is new in it may run.
    previous_body: str | None = None


class ThreadResolved(Frozen):
    """A person marked a thread as resolved, or opened it again."""

    ref: PullRequestRef
    repo: Repo
    root_comment_id: str
    resolved: bool
    sender: Person


class FeedbackGiven(Frozen):
    """A 👍 or 👎 on what we said in a thread, or that it was taken back."""

    ref: PullRequestRef
    repo: Repo
    root_comment_id: str
    feedback: Feedback
    given: bool


class ButtonPressed(Frozen):
    """A button of our check; the run is found by `run_id` alone, which we wrote there ourselves."""

    repo: Repo
    run_id: str
    button: str
    sender: Person


class RerunRequested(Frozen):
    """Somebody asked the forge to run our check again, for one run or for all of a head, or asked us for a review."""

    repo: Repo
    # Where the forge says it: then a head that was never reviewed is reviewed as well.
    ref: PullRequestRef | None = None
    run_id: str | None
    head_sha: str
    sender: Person


class MergeQueued(Frozen):
    """A merge queue asks for a verdict on a commit it made; `ref` is the pull request that was put in last."""

    ref: PullRequestRef
    repo: Repo
    head_sha: str


class StopPressed(Frozen):
    """Somebody who may do so ended one agent's work from its page."""

    ref: PullRequestRef
    agent_id: str
    by: Person


class ReviewAsked(Frozen):
    """The operator asked for a review beside the forge: by a button of our pages, or from the shell."""

    ref: PullRequestRef
    by: Person
    # The run on whose page the button was pressed; empty when it was asked for from the shell.
    run_id: str = ""


class FixesAsked(Frozen):
    """The operator asked for fixes of all that is open, by a button of our pages."""

    ref: PullRequestRef
    by: Person
    # The run on whose page the button was pressed.
    run_id: str


class RuleDecided(Frozen):
    """An operator put a learned rule in force, or out of it, on its page; `ref` is where it was proposed."""

    ref: PullRequestRef
    rule: int
    on: bool
    by: Person


class InstallationChanged(Frozen):
    """Repositories came under our care or left it."""

    connection: str
    installation_id: str
    account: str
    change: Literal["created", "deleted", "suspended", "unsuspended", "permissions", "repositories"]
    added: tuple[Repo, ...] = ()
    removed_repo_ids: tuple[str, ...] = ()


class Ignored(Frozen):
    """Nothing to do; the reason stays on the delivery's row."""

    reason: str


Event = (
    PullRequestChanged
    | CommentMade
    | ThreadResolved
    | FeedbackGiven
    | ButtonPressed
    | RerunRequested
    | MergeQueued
    | StopPressed
    | ReviewAsked
    | FixesAsked
    | RuleDecided
    | InstallationChanged
    | Ignored
)
