"""What a chunk of an agent's work begins with, ends with and needs."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol, TypeAlias

from app.domain.agents import Agent, AgentResult, AgentTask, Spending
from app.domain.secrets import Redactor
from app.llm.talk import TalkingModel
from app.sandboxes.base import Room
from app.store.blobs import Blobs
from app.store.conversations import Conversations
from autofix.tools.base import ReportProblem, RunChecks

# How many answers of the model may one chunk take? Temporal sees one activity for all of them.
STEPS = 20


@dataclass(frozen=True, kw_only=True)
class ChunkStart:
    """An agent as its row has it, and what it is to do."""

    agent: Agent
    task: AgentTask
    steps: int = STEPS
    # The sandbox is another one than before, with the files as they were when the last chunk ended.
    lost_sandbox: bool = False
    # It is another one, with its changes but without what was installed or built beside them.
    without_files: bool = False


# stopped: somebody ended it meanwhile. stuck: it cannot go on, or not usefully. waits: the model's limit.
End: TypeAlias = Literal["goes_on", "finished", "asks", "budget", "stuck", "stopped", "waits"]


@dataclass(frozen=True, kw_only=True)
class ChunkEnded:
    """Why it ended, and what goes with that end."""

    end: End
    result: AgentResult | None = None
    question: str = ""
    # For budget and stuck: a phrase without a full stop ("80 steps are used").
    reason: str = ""
    wait_until: datetime | None = None


class Journal(Protocol):
    """The agent's row: written after every message, so that a crash repeats one model call at most."""

    async def advance(self, *, after: str, head: str, spent: Spending) -> bool:
        """The newest message is `head`, which hangs on `after`; False when the agent was stopped.

        ConversationMoved when the row stands elsewhere: another attempt of this work is alive.
        """
        ...


class ConversationMoved(Exception):
    """Somebody else goes on with this conversation; this attempt must end."""


class Live(Protocol):
    """Those who watch. What was said after the last mark no longer counts when a new attempt rewinds to it."""

    def say(self, kind: str, text: str) -> None:
        """Soon, together with what is said next."""
        ...

    async def mark(self, head: str) -> None: ...

    async def rewind(self, head: str) -> None: ...

    async def close(self) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What an agent works with."""

    model: TalkingModel
    room: Room
    conversations: Conversations
    blobs: Blobs
    journal: Journal
    live: Live
    checks: RunChecks
    report_problem: ReportProblem
    redactor: Redactor = field(default_factory=Redactor)
    clock: Callable[[], float] = time.monotonic
