"""Makes text that others wrote safe inside our Markdown: it may look like anything and can do nothing.

Others are a model, a tool, a title, a person. The text is taken apart and written anew from few forms that every parser
reads alike: fenced code at the left margin, inline code within one line, links to allowed hosts, and plain text in
which each character that could begin something else is an entity. What a forge would act on (a mention, a reference,
an address elsewhere) becomes inline code: forges look for those in the rendered text, where an entity is no help.
"""

import re
from collections.abc import Collection, Iterator

from app.domain.inline_markdown import code, inert, longest_run
from app.domain.invisible import strip_invisible

__all__ = ["cell", "clean", "clean_line", "code", "fenced"]

# How long may one text be? A whole comment holds 65,536 characters on GitHub, and no text is the whole comment.
DEFAULT_LIMIT = 20_000

_FENCE = re.compile(r"([ \t]*)(`{3,}|~{3,})([^`]*)")
_LANGUAGE = re.compile(r"[A-Za-z0-9+#.-]{1,20}")
# A forge draws, computes or applies these; as plain code they are only read.
_ACTIVE_LANGUAGES = frozenset({"mermaid", "math", "geojson", "topojson", "stl", "suggestion", "plantuml", "kroki"})
_LINE_START_ACTION = re.compile(r"^((?:[\s>*+-]|\d{1,9}[.)])*)/(?=[A-Za-z_])")
_LIST_ITEM = re.compile(r"(?:[*+-]|\d{1,9}[.)])\s")


def clean(text: str, *, hosts: Collection[str] = (), limit: int = DEFAULT_LIMIT) -> str:
    """The text as harmless Markdown of at most `limit` characters; only links to `hosts` stay links."""
    text = strip_invisible(text).strip()
    written = _cleaned(text, hosts)
    while len(written) > limit:
        # Escapes make text longer, so the cut is found from the length it got; each turn is shorter than the last.
        text = _cut(text, min(len(text) - 1, len(text) * limit // len(written)) - 1)
        written = _cleaned(f"{text}…" if text else "", hosts)
    return written


def clean_line(text: str, *, hosts: Collection[str] = (), limit: int = 300) -> str:
    """The same on one line, for a heading or a list: nothing in it can end or emphasise what surrounds it."""
    text = " ".join(strip_invisible(text).split())
    if len(text) > limit:
        text = text[: limit - 1].rstrip() + "…"
    return _without_action(inert(text, hosts, plain=True))


def cell(line: str) -> str:
    """A clean line, or inline code, for a table: a bar in it is no border."""
    return re.sub(r"(\\*)\|", lambda bar: f"{bar[1]}¦" if bar[1] else "\\|", line)


def fenced(text: str, language: str = "") -> str:
    """A code block of ours, written as it is, with a fence longer than any in the text."""
    fence = _fence_around(text)
    return f"{fence}{language}\n{text}\n{fence}"


def _cut(text: str, length: int) -> str:
    """At most `length` characters, at a line's or a word's end where one is near."""
    text = text[: max(length, 0)]
    for end in ("\n", " "):
        at = text.rfind(end)
        if at > len(text) // 2:
            return text[:at].rstrip()
    return text


def _cleaned(text: str, hosts: Collection[str]) -> str:
    blocks: list[str] = []
    for block in _blocks(text.split("\n"), hosts):
        if block or (blocks and blocks[-1]):
            blocks.append(block)
    return "\n".join(blocks).rstrip("\n")


def _blocks(lines: list[str], hosts: Collection[str]) -> Iterator[str]:
    """Lines of text and whole code blocks, these with an empty line before and after."""
    number = 0
    while number < len(lines):
        opening = _FENCE.fullmatch(lines[number])
        number += 1
        if opening is None:
            yield _text_line(lines[number - 1], hosts)
            continue
        end = _closing(lines, number, opening[2])
        yield from ("", _code_block(lines[number:end], len(opening[1]), opening[3].strip()), "")
        number = end + 1


def _closing(lines: list[str], start: int, fence: str) -> int:
    for number in range(start, len(lines)):
        line = lines[number].strip()
        if len(line) >= len(fence) and not line.strip(fence[0]):
            return number
    return len(lines)


def _code_block(lines: list[str], indent: int, language: str) -> str:
    if _LANGUAGE.fullmatch(language) is None or language.lower() in _ACTIVE_LANGUAGES:
        language = ""
    text = "\n".join(line.lstrip() if line[:indent].strip() else line[indent:] for line in lines)
    if _fence_around(text) != "```":
        # GitLab looks for quick actions line by line and takes an inner fence for the end of the block.
        text = re.sub(r"^/(?=[A-Za-z_])", " /", text, flags=re.MULTILINE)
    return fenced(text, language)


def _fence_around(text: str) -> str:
    return "`" * max(3, longest_run(text) + 1)


def _text_line(line: str, hosts: Collection[str]) -> str:
    line = line.expandtabs(4).rstrip()
    text = line.lstrip(" ")
    indent = len(line) - len(text)
    # Deeper than three spaces would be a block of code, in which our entities would be seen.
    indent = indent if _LIST_ITEM.match(text) else min(indent, 3)
    return _without_action(" " * indent + inert(text, hosts))


def _without_action(line: str) -> str:
    return _LINE_START_ACTION.sub(r"\1&#47;", line)
