"""An agent that goes round in circles: the same call with the same outcome, while nothing was changed."""

import re
from collections.abc import Iterator, Sequence

from app.domain.conversation import Answered, Message, Result

# The same thing so often: the agent is told; so often, and its work ends.
TELL_AT = 3
STOP_AT = 6
NOTE = "\n\n(You made this call before and it came to the same. Doing it again will not help: try something else.)"

_CHANGING = {"edit", "write"}
# How long something took is no news.
_TIMES = re.compile(r"\d+(?:\.\d+)? ?m?s\b")


def times_made(messages: Sequence[Message]) -> int:
    """How often the newest call came to what it came to now, since the last change of a file by a tool."""
    newest: tuple[str, str, str] | None = None
    count = 0
    for tool, arguments, outcome, failed in _backwards(messages):
        if newest is None:
            newest = (tool, arguments, outcome)
        if (tool, arguments, outcome) == newest:
            count += 1
        elif tool in _CHANGING and not failed:
            break
    return count


def _backwards(messages: Sequence[Message]) -> Iterator[tuple[str, str, str, bool]]:
    waiting: list[Result] = []
    for message in reversed(messages):
        if isinstance(message, Result):
            waiting.append(message)
        elif isinstance(message, Answered):
            arguments = {call.call_id: call.arguments for call in message.calls}
            for result in waiting:
                outcome = _TIMES.sub("", result.text.removesuffix(NOTE))
                yield result.tool, arguments.get(result.call_id, ""), outcome, result.failed
            waiting.clear()
