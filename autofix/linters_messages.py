"""What a linter said, so that two answers can be compared: by file and words, wherever in the file it stands."""

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from app.sandboxes.base import WORK, Ran
from autofix.linters import Kind

# Lines, columns, and how much is too much ("line 12", "102 > 100", "14/12"): numbers that are no part of a name.
_NUMBER = re.compile(r"(?<![\w.])\d+(?!\w|\.\w)")


@dataclass(frozen=True, order=True)
class Message:
    """One of them; `text` as printed but for its spaces."""

    path: str
    text: str


Messages = Counter[Message]


def read(kind: Kind, ran: Ran, *, folder: str = WORK, whole: bool = False) -> Messages | None:
    """None when it was not to be had: it crashed, was ended, was called wrongly, printed too much to be kept.

    With `whole` also when it stopped early: what comes later would seem new beside it.
    """
    ended = ran.ended
    if ended.ending != "exited" or ended.exit_code is None or not kind.looked(ended.exit_code):
        return None
    lines = ran.output.decode("utf-8", "replace").replace("\r\n", "\n").split("\n")
    is_cut = kind.cut_short is not None and any(kind.cut_short.search(line) for line in lines)
    if ended.output_bytes > len(ran.output) or (whole and is_cut):
        return None
    said = Counter(_messages(kind, lines, folder))
    return said if said or ended.exit_code == 0 else None


def new(before: Messages, after: Messages, *, moved: Mapping[str, str], aside: Collection[str]) -> list[Message]:
    """What is said with the fix and was not before, as often as it is said more often.

    `moved` are files that have another name with it, `aside` those that are not looked at.
    """
    counted = Counter({_key(one, moved): number for one, number in before.items()})
    found: list[Message] = []
    for message in after.elements():
        key = _key(message, {})
        if counted[key] > 0:
            counted[key] -= 1
        elif message.path not in aside:
            found.append(message)
    return found


def _messages(kind: Kind, lines: Sequence[str], folder: str) -> Iterator[Message]:
    path = ""
    for line in lines:
        if kind.heading is not None and (named := kind.heading.match(line)):
            path = named["path"]
        elif found := kind.message.match(line):
            named_here = found["path"] if kind.heading is None else path
            plain = named_here.removeprefix(f"{folder}/").removeprefix("./")
            yield Message(plain, " ".join(found["text"].split()))


def _key(message: Message, moved: Mapping[str, str]) -> Message:
    return Message(moved.get(message.path, message.path), _NUMBER.sub("#", message.text))
