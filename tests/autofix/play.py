"""An agent at work in a folder, with a model that says what a test wants said."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from app.domain.agents import Agent, AgentBudget, AgentTask, Spending
from app.domain.conversation import Answered, Message, Result, Told, ToolCall
from app.domain.findings import Category, Finding, Place, Severity, TrackedFinding
from app.domain.pull_request import Person, PullRequestRef
from app.domain.secrets import Redactor
from app.llm.talk import Hear, TalkingModel, TalkRequest
from app.sandboxes.base import Room
from app.store.blobs import Blobs
from app.store.conversations import Conversations
from autofix.base import ChunkEnded, ChunkStart, Parts
from autofix.loop import run_chunk
from tests.autofix.folder_room import FolderRoom

AGENT_ID = "01JAGENT"
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
REF = PullRequestRef(connection="github", repo_id="1001", number=12)
SUMS = "def add(a, b):\n    return a - b\n"
FINDING = TrackedFinding(
    finding_id="01JFINDING",
    number=2,
    finding=Finding(
        reviewer="bug_hunter",
        rule="correctness",
        category=Category.CORRECTNESS,
        severity=Severity.HIGH,
        title="add subtracts",
        body="Every sum is wrong, since `add` returns a - b.",
        place=Place(path="sums.py", start_line=2, line=2),
        quote="    return a - b",
    ),
    first_seen_sha="a" * 40,
    keys=("k",),
    first_seen_at=NOW,
)


def call(tool: str, call_id: str = "", **arguments: object) -> ToolCall:
    text = json.dumps(arguments)
    return ToolCall(call_id=call_id or f"id-{tool}-{len(text)}", name=tool, arguments=text)


def says(text: str = "", *calls: ToolCall) -> Answered:
    return Answered(text=text, calls=calls, input_tokens=100, output_tokens=10)


FINISHED = says("", call("finish", summary="Adds again.", findings=[2]))
Move = Answered | Exception | Callable[[TalkRequest], Answered]


@dataclass
class Moves:
    """Answers in their order; the last one again and again."""

    moves: Sequence[Move]
    window: int = 200_000
    dollars_a_token: float = 0.0
    label: str = "moves"
    requests: list[TalkRequest] = field(default_factory=list[TalkRequest])

    def price(self, *, input_tokens: int, output_tokens: int, cached_tokens: int = 0) -> float | None:
        return (input_tokens + output_tokens) * self.dollars_a_token

    async def talk(self, request: TalkRequest, hear: Hear) -> Answered:
        move = self.moves[min(len(self.requests), len(self.moves) - 1)]
        self.requests.append(request)
        if isinstance(move, Exception):
            raise move
        answered = move if isinstance(move, Answered) else move(request)
        hear(answered.text)
        return answered

    async def close(self) -> None:
        """Nothing is open."""


@dataclass
class Row:
    """What of an agent's row the loop needs."""

    head: str = ""
    spent: Spending = field(default_factory=Spending)
    stopped: bool = False
    heads: list[str] = field(default_factory=list[str])

    async def advance(self, *, after: str, head: str, spent: Spending) -> bool:
        assert self.head in {after, head}
        self.head, self.spent = head, spent
        self.heads.append(head)
        return not self.stopped


@dataclass
class Watching:
    """What somebody who watches would see."""

    said: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])

    def say(self, kind: str, text: str) -> None:
        self.said.append((kind, text))

    async def mark(self, head: str) -> None:
        self.said.append(("step", head))

    async def rewind(self, head: str) -> None:
        self.said.append(("rewind", head))

    async def close(self) -> None:
        self.said.append(("close", ""))


@dataclass
class Play:
    """A repository, a row, and chunks of work on them."""

    folder: Path
    row: Row = field(default_factory=Row)
    live: Watching = field(default_factory=Watching)
    budget: AgentBudget = field(default_factory=AgentBudget)
    prompts: tuple[str, ...] = ()
    kind: str = "fix"
    problems: list[str] = field(default_factory=list[str])
    secrets: tuple[str, ...] = ()
    seconds: float = 0.0
    room: Room | None = None

    def __post_init__(self) -> None:
        self.repo = self.folder / "repo"
        self.repo.mkdir(exist_ok=True)
        if not (self.repo / "sums.py").exists():
            (self.repo / "sums.py").write_text(SUMS)
        self.blobs = Blobs(str(self.folder / "blobs"))
        self.conversations = Conversations(self.blobs)
        self.folder_room = FolderRoom(self.repo)

    async def chunk(
        self, model: TalkingModel, steps: int = 20, *, lost_sandbox: bool = False, without_files: bool = False
    ) -> ChunkEnded:
        start = ChunkStart(
            agent=self.agent(), task=self.task(), steps=steps, lost_sandbox=lost_sandbox, without_files=without_files
        )
        return await run_chunk(start, self.parts(model))

    async def messages(self) -> tuple[Message, ...]:
        return (await self.conversations.read(self.row.head)).messages

    async def results(self) -> list[Result]:
        return [one for one in await self.messages() if isinstance(one, Result)]

    async def hints(self) -> list[str]:
        return [one.text for one in await self.messages() if isinstance(one, Told)]

    def agent(self) -> Agent:
        return Agent(
            agent_id=AGENT_ID,
            ref=REF,
            kind="fix",
            asked_by=Person(user_id="5", login="ada"),
            head_sha="a" * 40,
            conversation=self.row.head,
            budget=self.budget,
            spent=self.row.spent,
            started_at=NOW,
        )

    def task(self) -> AgentTask:
        fields = {
            "agent_id": AGENT_ID,
            "ref": REF,
            "repo_name": "acme/shop",
            "kind": self.kind,
            "title": "Refund on retry",
            "head_sha": "a" * 40,
            "merge_base_sha": "b" * 40,
            "findings": (FINDING,) if self.kind == "fix" else (),
            "prompts": self.prompts,
        }
        return AgentTask.model_validate(fields)

    def parts(self, model: TalkingModel) -> Parts:
        async def checks(room: Room, *, exec_id: str, within: timedelta) -> str:
            ran = await room.run(("python3", "-m", "py_compile", "sums.py"), exec_id=exec_id, within=within)
            return "1 passed" if ran.passed else "1 failed"

        async def report(problem: str) -> None:
            self.problems.append(problem)

        def clock() -> float:
            self.seconds += 0.01
            return self.seconds

        return Parts(
            model=model,
            room=self.room or self.folder_room,
            conversations=self.conversations,
            blobs=self.blobs,
            journal=self.row,
            live=self.live,
            checks=checks,
            report_problem=report,
            redactor=Redactor(self.secrets),
            clock=clock,
        )
