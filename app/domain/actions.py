"""Something a person asked for: a command, a button, an answer; bound to its words when they were received."""

from datetime import datetime
from typing import Literal

from app.domain.model import Frozen
from app.domain.pull_request import Person, PullRequestRef

ActionSource = Literal["comment", "thread", "review", "button", "cli", "thread_resolved", "merge_queue", "dashboard"]


# Asked for beside the forge, by the operator.
OPERATORS: frozenset[ActionSource] = frozenset({"dashboard", "cli"})


class Action(Frozen):
    """One request. `action_key` is the same however often its delivery arrives, so it runs once."""

    action_key: str
    ref: PullRequestRef
    # The command's word ("review", "dismiss", …), or "unknown" with the text that was typed.
    word: str
    # The rest of the line as typed, at most 1,000 characters.
    argument: str = ""
    # Finding number, given or implied by the thread.
    number: int | None = None
    actor: Person
    source: ActionSource
    comment_id: str | None = None
    root_comment_id: str | None = None
    received_at: datetime
    # What came of it; None while it is still to be done.
    result: str | None = None


class Delivery(Frozen):
    """A row of the inbox. `headers` have lower-case names."""

    row_id: int
    connection: str
    delivery_id: str
    event: str
    headers: dict[str, str]
    body: bytes
    received_at: datetime
    attempts: int
