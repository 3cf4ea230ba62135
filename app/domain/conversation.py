"""An agent's conversation: messages in a chain, each naming the one before it, none ever changed."""

from collections.abc import Sequence
from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from app.domain.model import Frozen

# Tools whose results the conversation itself knows: other people's words, another agent's.
ASK = "ask"
SUB_AGENT = "sub_agent"


class ToolCall(Frozen):
    """A tool that the model wants to use; `arguments` is JSON as it wrote it, which may be broken."""

    call_id: str
    name: str
    arguments: str


class Opening(Frozen):
    """Our instructions, and the task, in which everything foreign stands in marked blocks.

    One in the midst begins the conversation of a sub-agent, which the result of the call `for_call` ends.
    """

    kind: Literal["opening"] = "opening"
    instructions: str
    text: str
    # How many of the task's prompts are in the text.
    prompts: int = 0
    for_call: str = ""


class Told(Frozen):
    """Something said to the agent later: a follow-up by a person, or a hint of ours."""

    kind: Literal["told"] = "told"
    reason: Literal["prompt", "hint"]
    text: str


class Answered(Frozen):
    """What a model said, which tools it wants, and what that took. Input tokens include the cached ones."""

    kind: Literal["answered"] = "answered"
    text: str = ""
    calls: tuple[ToolCall, ...] = ()
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    # It ran into its limit of tokens.
    cut_off: bool = False
    # The whole answer as the model's library writes it, where it holds more than text and calls (signed thoughts that
    # the provider wants back unchanged); never shown.
    native: str = ""
    # Whose it is ("anthropic:NAME"), and at the first one after another model could not go on, which and why not.
    by: str = ""
    took_over_from: str = ""


class Result(Frozen):
    """What one tool call came to, as the model reads it: redacted, capped, data and never instructions."""

    kind: Literal["result"] = "result"
    call_id: str
    tool: str
    text: str
    failed: bool = False
    # Blob key of a picture (PNG) that belongs to it.
    picture_key: str = ""


class Shortened(Frozen):
    """From here on, long outputs and arguments before index `before` of this conversation are left out of requests."""

    kind: Literal["shortened"] = "shortened"
    before: int


Message: TypeAlias = Annotated[Opening | Told | Answered | Result | Shortened, Field(discriminator="kind")]


def current(messages: Sequence[Message]) -> tuple[Message, ...]:
    """What belongs to the conversation that goes on now: the sub-agent's while there is one, else the agent's own.

    Of a sub-agent that has ended only the result is left.
    """
    stack: list[tuple[str, list[Message]]] = [("", [])]
    for message in messages:
        if isinstance(message, Opening) and message.for_call:
            stack.append((message.for_call, []))
        elif isinstance(message, Result) and message.tool == SUB_AGENT and message.call_id == stack[-1][0]:
            stack.pop()
        stack[-1][1].append(message)
    return tuple(stack[-1][1])


def pending_calls(messages: Sequence[Message]) -> tuple[tuple[int, ToolCall], ...]:
    """Calls of the last answer that have no result yet, each with its place in that answer."""
    done: set[str] = set()
    for message in reversed(messages):
        if isinstance(message, Result):
            done.add(message.call_id)
        elif isinstance(message, Answered):
            return tuple((at, call) for at, call in enumerate(message.calls) if call.call_id not in done)
    return ()


def last_speaker(messages: Sequence[Message]) -> str:
    """Which model answered last; empty where none did, or it was not written down."""
    return next((message.by for message in reversed(messages) if isinstance(message, Answered)), "")


def prompts_heard(messages: Sequence[Message]) -> int:
    """How many of the task's prompts the agent has heard: in its opening, as an answer to a question, or told."""
    own = [message for message in messages if not (isinstance(message, Opening) and message.for_call)]
    opening = own[0].prompts if own and isinstance(own[0], Opening) else 0
    told = sum(isinstance(message, Told) and message.reason == "prompt" for message in own)
    answers = sum(isinstance(message, Result) and message.tool == ASK and not message.failed for message in own)
    return opening + told + answers
