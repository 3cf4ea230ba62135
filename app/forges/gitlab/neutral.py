"""The one function through which every text goes that we post or edit on GitLab: it may say anything and do nothing.

GitLab runs a line such as `/merge` in any note, new or edited, in the name of whoever wrote it; it notifies whoever is
mentioned, and leaves a trace on every issue and merge request that is named. What others wrote was made harmless
before; this is the second fence, for what passes the first one by a mistake of ours.
"""

import html
import re
from collections.abc import Iterator
from functools import lru_cache

from markdown_it import MarkdownIt
from markdown_it.token import Token

# GitLab deletes every CR before it looks for lines, and refuses a NUL.
_LINE_ENDS = re.compile(r"\r\n?")
# A command begins a line: https://docs.gitlab.com/user/project/quick_actions/. Older versions also look into lists,
# quotes and code that they misread, so neither the line's marks nor a fence around it is trusted.
_ACTION = re.compile(r"^((?:[\s>*+|-]|\d{1,9}[.)])*)/(?=[A-Za-z_])")
_ACTION_IN_CODE = re.compile(r"^/(?=[A-Za-z_])")
# Where markup stood, in what people see: it ends the word before a sign, and is not trusted to part it from its own.
_MARKUP = "\0"
# As people see it: a mention, an issue (#1), a merge request (!1), an epic (&1), the address of one.
_LIVE = re.compile(r"(?<!\w)@\0*\w|[#!&]\0*\d|/\0*(?:issues|merge_requests|work_items|epics)\0*/\0*\d", re.IGNORECASE)
# How the sign of each stands in the source, entities included.
_SIGN = re.compile(
    r"@|&(?:#0*64|#x0*40|commat);"
    r"|(?<!&)#(?=\d)|&(?:#0*35|#x0*23|num);"
    r"|!(?=\d)|&(?:#0*33|#x0*21|excl);"
    r"|&(?=\d)|&(?:#0*38|#x0*26|amp);(?=\d)"
    r"|/(?=(?:issues|merge_requests|work_items|epics)/)",
    re.IGNORECASE,
)
# Without any of these there is nothing to look for; our markers hold none.
_PERHAPS_LIVE = re.compile(r"[@#&]|!(?!--)|/(?:issues|merge_requests|work_items|epics)/", re.IGNORECASE)
# Parts a sign from its word. Nobody sees it, and it does so in text, in a link and in code alike.
_ZERO_WIDTH_SPACE = "\u200b"
_SUGGESTION = re.compile(r"^([ ]{0,3}`{3,})suggestion.*", re.IGNORECASE)


def neutral(text: str) -> str:
    """The text with nothing in it that GitLab would act on. Markers stay, and code that holds no such line."""
    lines = _LINE_ENDS.sub("\n", text).replace("\0", "").split("\n")
    for write in (_parted, _spelled_out) if _PERHAPS_LIVE.search(text) else ():
        blocks = _parse(lines)
        loud = {at for block in blocks if block.is_live for at in block.lines}
        if not loud:
            break
        lines = [write(line) if at in loud else line for at, line in enumerate(lines)]
    return "\n".join(_without_actions(lines) if any(_ACTION.match(line) for line in lines) else lines)


class _Block:
    """A stretch of lines that GitLab reads as one thing."""

    def __init__(self, token: Token, lines: range) -> None:
        self.lines = lines
        self.is_code = token.type in {"fence", "code_block"}
        self.is_live = not self.is_code and _LIVE.search(_shown(token)) is not None


def _parse(lines: list[str]) -> list[_Block]:
    found: list[_Block] = []
    around = [0, len(lines)]
    for token in _markdown().parse("\n".join(lines)):
        # A table's cell has no lines of its own, its row has.
        around = token.map or around
        if token.type == "fence":
            found.append(_Block(token, range(around[0] + 1, around[1])))
        elif token.type in {"inline", "html_block", "code_block"}:
            found.append(_Block(token, range(*around)))
    return found


@lru_cache(maxsize=1)
def _markdown() -> MarkdownIt:
    return MarkdownIt("commonmark").enable("table")


def _shown(token: Token) -> str:
    """What people see of it, code left out and markup marked."""
    if token.children is None:
        return html.unescape(_without_comments(token.content))
    # An address is no part of the words around it.
    addresses = (str(child.attrs.get("href", "")) for child in token.children if child.type == "link_open")
    return " ".join(["".join(_pieces(token.children)), *addresses])


def _pieces(tokens: list[Token]) -> Iterator[str]:
    for token in tokens:
        match token.type:
            case "text" | "text_special":
                yield token.content
            case "code_inline" | "softbreak" | "hardbreak":
                yield " "
            case _:
                yield _MARKUP
                yield from _pieces(token.children or [])


def _without_comments(text: str) -> str:
    first, *rest = text.split("<!--")
    # One that is never closed is no comment.
    return first + "".join(part.partition("-->")[2] if "-->" in part else part for part in rest)


def _parted(line: str) -> str:
    return _SIGN.sub(lambda sign: sign[0] + _ZERO_WIDTH_SPACE, line)


def _spelled_out(line: str) -> str:
    """For what is still live: without entities and escapes there is one way left to write a sign."""
    return _parted(line.replace("\\", "\\\\").replace("&", "&amp;"))


def _without_actions(lines: list[str]) -> Iterator[str]:
    code = {at for block in _parse(lines) if block.is_code for at in block.lines}
    for at, line in enumerate(lines):
        if at in code:
            yield _ACTION_IN_CODE.sub(" /", line)
        elif at + 1 in code and any(_ACTION_IN_CODE.match(lines[inner]) for inner in _run(code, at + 1)):
            # With a space more it is no longer the code that was tried: it may be read, and not applied.
            yield _SUGGESTION.sub(r"\1", line)
        else:
            yield _ACTION.sub(r"\1&#47;", line)


def _run(code: set[int], start: int) -> Iterator[int]:
    while start in code:
        yield start
        start += 1
