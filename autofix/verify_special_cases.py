"""Finds fixes that answer the test instead of the problem: its values in the product, and values treated apart."""

import re
from collections.abc import Iterable, Iterator

from autofix.verify_files import Parts

# From how many characters on is a value the test's own also as a part of one of its lines?
_TELLING = 4
# Numbers and texts that stand in conditions of honest code everywhere.
_ORDINARY = {"0", "1", "2", "-1", "10", "100", "0.0", "1.0", "", " ", "\\n", "utf-8", "/", ".", ",", "-", "_", ":"}
_LITERAL = re.compile(
    r""""((?:[^"\\\n]|\\.)*)"|'((?:[^'\\\n]|\\.)*)'|`((?:[^`\\\n$]|\\.)*)`|(?<![\w.])(-?\d[\d_]*(?:\.\d+)?(?:e-?\d+)?)(?![\w.])"""
)
# A bare word behind a sign of comparison, as shell scripts have it.
_SHELL_WORD = re.compile(r"(?:=|==|!=|-eq|-ne)\s+([\w./-]+)\s*\]|^\s*\(?([\w./|-]+)\)(?:\s|$)")
_CONDITION = re.compile(
    r"\b(?:if|elif|elsif|unless|case|when|switch|match|while)\b|[=!]==?|\?|=>|\bin\b|\.(?:includes|has|get|indexOf|equals"
    r"|startsWith|endsWith|startswith|endswith|contains|test|__contains__)\b|strn?c(?:ase)?mp|memcmp|-(?:eq|ne)\b|\bis\b"
)
# "key: value", "[key] = value" and "'key') …": a table of answers is a chain of conditions.
_TABLE_ENTRY = re.compile(r"""^\s*[\[({]*\s*(?:"[^"\n]*"|'[^'\n]*'|-?\d[\d.]*|\([^()]*\))\s*\]?\s*(?::|=>|=|\)\s)""")
_INLINE_TABLE = re.compile(r"""[{,]\s*(?:"[^"\n]*"|'[^'\n]*'|-?\d[\d.]*|\([^()]*\))\s*:""")
# A number of two digits or more that something must be equal to, or a sum of such: what tells one input from others.
_APART = re.compile(
    r"[=!]==?\s*[-(]*(?!100\b)\d[\d_]+(?:\.\d+)?\b(?!\s*[%*/])|(?<![%*/.\d])(?<![%*/]\s)\b(?!100\b)\d[\d_]+(?:\.\d+)?\s*[=!]==?"
    r"|[=!]==?\s*[-(]*\d+\s*[-+*/%^|&<>]+\s*\d+|-(?:eq|ne)\s+\d\d+"
)
_WORD = re.compile(r"(?<![\w-])[\w./-]+")
COMMENT = re.compile(r"^\s*(?:#|//|\*|/\*)")


def special_case(parts: Parts, head: Iterable[str]) -> str:
    """The first value that only the new test and a new condition share, with its place; empty when there is none.

    `head` are the product's files before the patch: a value that the code knew already is a word of its own.
    """
    lines = [text for file in parts.tests for _, text in file.added]
    tested = {value for text in lines for value in (*_values(text), *_WORD.findall(text))}
    known = _known(head)
    for file in parts.product:
        for number, text in file.added:
            for value in _compared(text):
                told = value in tested or (len(value) >= _TELLING and any(value in line for line in lines))
                if told and value not in known:
                    return f"{value[:40]!r} at {file.path}:{number}"
    return ""


def held_value(parts: Parts, head: Iterable[str]) -> str:
    """The same for values that stand anywhere or tell one input from all others, which honest fixes do too."""
    tested = {value for file in parts.tests for _, text in file.added for value in _values(text)}
    known = _known(head)
    for file in parts.product:
        for number, text in file.added:
            if COMMENT.match(text):
                continue
            found = next((value for value in _values(text) if value in tested and value not in known), "")
            found = found or next((match[0] for match in _APART.finditer(text)), "")
            if found:
                return f"{found.strip()[:40]!r} at {file.path}:{number}"
    return ""


def _known(head: Iterable[str]) -> set[str]:
    return {value for text in head for value in (*_values(text), *re.findall(r"\w+", text))} | _ORDINARY


def _values(text: str) -> Iterator[str]:
    for match in _LITERAL.finditer(text):
        value = next((group for group in match.groups() if group is not None), "")
        yield value.replace("_", "") if value[:1].isdigit() else value


def _compared(text: str) -> Iterator[str]:
    """Values of a line that decides something."""
    if COMMENT.match(text):
        return
    if _CONDITION.search(text) or _TABLE_ENTRY.match(text) or _INLINE_TABLE.search(text):
        yield from _values(text)
    for match in _SHELL_WORD.finditer(text):
        yield from (word for word in (match[1] or match[2] or "").split("|") if word)
