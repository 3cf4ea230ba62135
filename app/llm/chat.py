"""What Corrigent asks of a language model: one question, one answer, and the ways in which it can fail."""

import hashlib
from dataclasses import dataclass, field, replace
from typing import Protocol

from pydantic import JsonValue

from app.domain.model import Frozen


class ModelUnavailable(Exception):
    """No usable HTTP answer: 5xx, a timeout, a reset. Asking again later may help. Reads after "not reviewed"."""


class ModelRefused(Exception):
    """The model or its provider's filter declined to answer: that is not "no findings"."""


class ModelOutputUnusable(Exception):
    """The model answered, and what it said could not be read, also after being told what was wrong."""


class PromptTooLong(Exception):
    """The question does not fit the model's context window."""


@dataclass(frozen=True)
class Try:
    """An answer that could not be used, and what was wrong with it."""

    answer: str
    problem: str


@dataclass(frozen=True, kw_only=True)
class Question:
    """Instructions are ours; the prompt holds untrusted data. The answer is to be JSON of this schema."""

    instructions: str
    prompt: str
    schema_name: str
    schema: dict[str, JsonValue]
    max_output_tokens: int = 16_000
    tries: tuple[Try, ...] = field(default=())

    def again(self, answer: str, problem: str) -> "Question":
        """The same question after an answer that could not be used."""
        return replace(self, tries=(*self.tries, Try(answer, problem)))

    def key(self, label: str) -> str:
        """The same for the same question to the same model, whatever it may cost today."""
        parts = (label, self.instructions, self.prompt, self.schema_name, *(one.answer for one in self.tries))
        return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


class Answer(Frozen):
    """The text of an answer and what it took; `cut_off` when it ran into its limit of tokens."""

    text: str
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    cut_off: bool = False
    # Whose it is and what it cost, where another model than the one that was meant may have given it.
    by: str = ""
    dollars: float | None = None


class ChatModel(Protocol):
    """A language model, local or remote, real or scripted."""

    @property
    def label(self) -> str:
        """What people call it: "anthropic:NAME"."""
        ...

    def price(self, *, input_tokens: int, output_tokens: int, cached_tokens: int = 0) -> float | None:
        """Dollars for so many tokens; None where the price is not known."""
        ...

    async def ask(self, question: Question) -> Answer:
        """One request, never repeated here.

        Raises RateLimited, UserError (key, model name), ModelUnavailable, ModelRefused or PromptTooLong.
        """
        ...

    async def close(self) -> None:
        """Give its connections back."""
        ...
