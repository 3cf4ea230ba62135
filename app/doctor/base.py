"""What a check says: one line a part, and for what is wrong the next step."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from app.settings import Settings

State = Literal["ok", "wait", "FAIL"]


@dataclass(frozen=True)
class Line:
    """`wait` is a state that needs nobody: something is not there yet, or left out on purpose."""

    state: State
    part: str
    text: str
    next_step: str = ""


@dataclass(frozen=True)
class Ground:
    """What every check may look at."""

    settings: Settings
    # The part was asked for by name: what costs time or money is done as well.
    asked: bool = False


@dataclass(frozen=True, kw_only=True)
class Check:
    """A look at one part. Whatever it raises becomes its line, with `mend` as the next step."""

    part: str
    run: Callable[[Ground], Awaitable[Line]]
    mend: str
    # Words that name it on the command line beside `part`.
    names: tuple[str, ...] = ()
    deadline: timedelta = timedelta(seconds=15)
