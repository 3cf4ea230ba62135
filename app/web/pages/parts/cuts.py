"""Long texts of a sandbox or a model as a page shows them: beginning and end, with all that draws nothing named."""

from typing import NamedTuple

from app.web.pages.parts.words import visible

_HEAD, _TAIL = 3_000, 1_000
# A line of a minified file is no longer read by anybody.
_LONGEST_LINE = 1_000


class Cut(NamedTuple):
    """A text in up to two pieces; `left_out` says how many characters are missing between them."""

    head: str
    tail: str = ""
    left_out: int = 0


def cut(text: str, head: int = _HEAD, tail: int = _TAIL) -> Cut:
    if len(text) <= head + tail:
        return Cut(_shortened(text))
    return Cut(_shortened(text[:head]), _shortened(text[-tail:]), len(text) - head - tail)


def visible_text(text: str) -> str:
    """All of it; what draws nothing is named."""
    return "\n".join(visible(one) for one in text.replace("\r\n", "\n").split("\n"))


def _shortened(text: str) -> str:
    lines = visible_text(text).split("\n")
    return "\n".join(one if len(one) <= _LONGEST_LINE else f"{one[:_LONGEST_LINE]}…" for one in lines)
