"""What a tool is: a name, typed arguments, and an act inside the sandbox whose outcome is text for the model."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Generic, Protocol, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError

from app.domain.agents import AgentResult
from app.llm.talk import ToolSpec
from app.sandboxes.base import Room

# What of one output does a model read? Beyond this it asks for a part.
OUTPUT_BYTES = 30_000


class Arguments(BaseModel):
    """What the model wrote for one call. Unknown arguments are an error: they are mostly misspelt ones."""

    model_config = ConfigDict(frozen=True, extra="forbid")


@dataclass(frozen=True)
class Shown:
    """The outcome of a tool as the model will read it; `png` is a picture that goes with it."""

    text: str
    failed: bool = False
    png: bytes = b""


@dataclass(frozen=True)
class Finish:
    """The agent has done what it was asked to."""

    result: AgentResult


@dataclass(frozen=True)
class AskPeople:
    """Only people can say how to go on; their answer will be the tool's result."""

    question: str


@dataclass(frozen=True)
class Delegate:
    """A task for a sub-agent in the same sandbox; what it reports will be the tool's result."""

    task: str


Outcome: TypeAlias = Shown | Finish | AskPeople | Delegate


class RunChecks(Protocol):
    """Runs the repository's checks inside, within a time; what they say, for the model."""

    async def __call__(self, room: Room, *, exec_id: str, within: timedelta) -> str: ...


ReportProblem: TypeAlias = Callable[[str], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class Workplace:
    """Where and as what one call acts. `exec_id` is the same when the call is repeated after a crash."""

    room: Room
    exec_id: str
    within: timedelta
    checks: RunChecks
    report_problem: ReportProblem
    # Told what a command prints while it runs.
    watch: Callable[[bytes], None] | None = None
    # Findings it may say it mended.
    numbers: tuple[int, ...] = ()


A = TypeVar("A", bound=Arguments)


@dataclass(frozen=True)
class Tool(Generic[A]):
    """One tool; its arguments' schema and docstrings are what the model is told."""

    name: str
    description: str
    arguments: type[A]
    act: Callable[[A, Workplace], Awaitable[Outcome]] = field(repr=False)

    @property
    def spec(self) -> ToolSpec:
        return ToolSpec(name=self.name, description=self.description, schema=_schema(self.arguments))

    async def use(self, arguments: str, workplace: Workplace) -> Outcome:
        """Reads the arguments and acts; what is wrong with them is told to the model."""
        try:
            read = self.arguments.model_validate_json(arguments or "{}")
        except ValidationError as error:
            return Shown(f"The arguments of `{self.name}` cannot be used. {problems(error)}", failed=True)
        return await self.act(read, workplace)


def problems(error: ValidationError) -> str:
    """What is wrong with arguments, at most five things, without quoting them."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    return " ".join(
        f"`{'.'.join(str(part) for part in one['loc'])}`: {one['msg']}." if one["loc"] else f"{one['msg']}."
        for one in found[:5]
    )


def _schema(arguments: type[BaseModel]) -> dict[str, JsonValue]:
    """Without the titles that pydantic adds: tokens that say nothing."""
    schema = arguments.model_json_schema()
    schema.pop("title", None)
    schema.pop("description", None)
    for one in schema.get("properties", {}).values():
        one.pop("title", None)
    return schema
