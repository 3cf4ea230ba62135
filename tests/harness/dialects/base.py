"""What every provider's protocol has on the wire: answers, whole and in pieces, and requests that are turned down."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from pydantic import JsonValue

Object = dict[str, JsonValue]
Finish = Literal["stop", "length", "filter", "refusal"]
# Requests that are turned down, as each provider does it.
Trouble = Literal["429", "quota", "529", "500", "503", "401", "404", "400 context"]

# Providers quote what they were sent.
QUOTED = "Your prompt was SECRET-PROMPT-TEXT."
INPUT_TOKENS, OUTPUT_TOKENS = 120, 30


@dataclass(frozen=True)
class Said:
    """An answer: text, or the use of a tool with this text as its arguments."""

    text: str
    tool: str = ""
    finish: Finish = "stop"

    @property
    def pieces(self) -> tuple[str, str]:
        half = len(self.text) // 2
        return self.text[:half], self.text[half:]

    @property
    def arguments(self) -> JsonValue:
        """Of a tool, for protocols in which they cannot be broken JSON."""
        try:
            return json.loads(self.text)
        except ValueError:
            return {}


@dataclass(frozen=True)
class Refusal:
    """An answer with a status of its own."""

    status: int
    body: Object
    headers: Mapping[str, str]


class Dialect(Protocol):
    """One provider's protocol."""

    stream_type: str

    def output_tool(self, request: Object) -> str:
        """The tool that the answer has to be given with; empty where it may be text."""
        ...

    def wants_schema(self, request: Object) -> bool: ...

    def whole(self, said: Said) -> Object: ...

    def events(self, said: Said) -> Iterator[bytes]:
        """The pieces of a streamed answer."""
        ...

    def refusal(self, trouble: Trouble) -> Refusal: ...


def server_sent(event: Object, name: str = "") -> bytes:
    """An event of a stream of text."""
    return (f"event: {name}\n" if name else "").encode() + b"data: " + json.dumps(event).encode() + b"\n\n"


def first_name(tools: JsonValue, *way: str) -> str:
    """The name of the first of some tools; `way` leads to it."""
    found = tools[0] if isinstance(tools, list) and tools else None
    for key in way:
        found = found.get(key) if isinstance(found, dict) else None
        found = found[0] if isinstance(found, list) and found else found
    return found if isinstance(found, str) else ""
