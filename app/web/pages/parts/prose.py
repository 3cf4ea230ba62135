"""Markdown of a model or a tool as plain pieces: paragraphs, inline code and code blocks, and nothing that can act."""

import re
from typing import Literal, NamedTuple

from app.domain.invisible import strip_invisible

_FENCED = re.compile(r"^[ \t]*(`{3,}|~{3,})[^\n`]*\n(.*?)(?:\n[ \t]*\1[`~]*[ \t]*$|\Z)", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)
_EMPTY_LINES = re.compile(r"\n[ \t]*\n+")
# The longest text that is shown; bodies are far below.
_LIMIT = 20_000


class Span(NamedTuple):
    """Part of a paragraph."""

    kind: Literal["text", "code"]
    text: str


class Block(NamedTuple):
    """A paragraph, or a block of code with a single span."""

    kind: Literal["paragraph", "code"]
    spans: tuple[Span, ...]


def blocks(text: str) -> tuple[Block, ...]:
    """The text in order; the template escapes every piece."""
    text = strip_invisible(text)[:_LIMIT].strip()
    found: list[Block] = []
    end = 0
    for fenced in _FENCED.finditer(text):
        found += _paragraphs(text[end : fenced.start()])
        found.append(Block("code", (Span("code", fenced[2]),)))
        end = fenced.end()
    return (*found, *_paragraphs(text[end:]))


def spans(text: str) -> tuple[Span, ...]:
    """One paragraph's text and inline code."""
    found: list[Span] = []
    end = 0
    for code in _INLINE.finditer(text):
        found += [Span("text", text[end : code.start()]), Span("code", code[2].strip())]
        end = code.end()
    return tuple(span for span in (*found, Span("text", text[end:])) if span.text)


def _paragraphs(text: str) -> list[Block]:
    return [Block("paragraph", spans(part.strip())) for part in _EMPTY_LINES.split(text) if part.strip()]
