"""What an agent asks of a language model: the next move in a conversation with tools, said aloud while it comes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from pydantic import JsonValue

from app.domain.conversation import Answered, Message

# Takes text of the answer as it comes.
Hear = Callable[[str], None]


@dataclass(frozen=True)
class ToolSpec:
    """A tool as a model sees it: its arguments are a JSON object of this schema."""

    name: str
    description: str
    schema: dict[str, JsonValue]


@dataclass(frozen=True, kw_only=True)
class TalkRequest:
    """The messages begin with an Opening and hold a Result for every call; what was shortened is shortened already."""

    messages: tuple[Message, ...]
    tools: tuple[ToolSpec, ...] = ()
    max_output_tokens: int = 16_000
    # Whose conversation it is, for providers that keep a cache by a key.
    cache_key: str = ""
    # Blob key -> PNG.
    pictures: Mapping[str, bytes] = field(default_factory=dict[str, bytes])


class ModelChanged(Exception):
    """Nothing was answered: another model has the conversation from now on, to be asked for what fits it."""

    def __init__(self, *, by: str, instead_of: str, trouble: str) -> None:
        """`trouble` is a phrase without a full stop: why the other one cannot go on."""
        self.by = by
        self.because = f"{instead_of} ({trouble})"
        super().__init__(f"{by} takes over from {self.because}")


class TalkingModel(Protocol):
    """A language model that uses tools, local or remote, real or scripted."""

    @property
    def label(self) -> str:
        """What people call it: "anthropic:NAME"."""
        ...

    @property
    def window(self) -> int:
        """How many tokens may a request and its answer have together?"""
        ...

    def price(self, *, input_tokens: int, output_tokens: int, cached_tokens: int = 0) -> float | None:
        """Dollars for so many tokens; None where the price is not known."""
        ...

    async def talk(self, request: TalkRequest, hear: Hear) -> Answered:
        """One request, never repeated here; cancelling it closes the connection.

        Raises RateLimited, UserError (key, model name), ModelUnavailable, ModelRefused or PromptTooLong; ModelChanged
        where others stand in for it.
        """
        ...

    async def close(self) -> None:
        """Give its connections back."""
        ...
