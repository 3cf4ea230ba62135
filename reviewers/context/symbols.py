"""Which functions and classes lines belong to, by the grammar of their language; no code of theirs is run."""

import functools
import importlib
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from tree_sitter import Language, Node, Parser

# Suffix -> the grammar's package, and the function in it that holds the grammar.
GRAMMARS = {
    **dict.fromkeys((".py", ".pyi"), ("tree_sitter_python", "language")),
    **dict.fromkeys((".js", ".jsx", ".mjs", ".cjs"), ("tree_sitter_javascript", "language")),
    **dict.fromkeys((".ts", ".mts", ".cts"), ("tree_sitter_typescript", "language_typescript")),
    ".tsx": ("tree_sitter_typescript", "language_tsx"),
    ".go": ("tree_sitter_go", "language"),
    ".rs": ("tree_sitter_rust", "language"),
    ".java": ("tree_sitter_java", "language"),
    ".rb": ("tree_sitter_ruby", "language"),
    **dict.fromkeys((".c", ".h"), ("tree_sitter_c", "language")),
    **dict.fromkeys((".cc", ".cpp", ".cxx", ".hpp", ".hh"), ("tree_sitter_cpp", "language")),
    ".cs": ("tree_sitter_c_sharp", "language"),
    ".php": ("tree_sitter_php", "language_php"),
    **dict.fromkeys((".sh", ".bash"), ("tree_sitter_bash", "language")),
}
# A larger file is data or generated; parsing it would take longer than reading its change.
LARGEST_FILE = 1_000_000

_CONTAINERS = ("function", "method", "class", "interface", "struct", "impl", "trait", "module", "constructor", "enum")
_DECLARES = ("_definition", "_declaration", "_item", "_specifier", "method", "class", "module", "singleton_method")


@dataclass(frozen=True)
class Symbol:
    """A function, method or class with its lines, 1-based and inclusive."""

    name: str
    start: int
    end: int
    # Its first line: what callers have to know.
    signature: str


def symbols(path: str, text: str, lines: Iterable[int] | None = None) -> list[Symbol]:
    """What a file declares, outer before inner; empty for languages without a grammar here.

    With `lines` only what holds one of them, which costs a fraction for a small change of a large file.
    """
    language = _language(PurePosixPath(path).suffix.lower())
    if language is None or len(text) > LARGEST_FILE:
        return []
    data = text.encode("utf-8", "replace")
    texts = data.split(b"\n")
    rows = None if lines is None else sorted({line - 1 for line in lines})
    return [
        Symbol(name, node.start_point[0] + 1, node.end_point[0] + 1, _line(texts, node.start_point[0]))
        for node, name in _declared(Parser(language).parse(data).root_node, rows)
    ]


def syntax_errors(path: str, text: str) -> int | None:
    """In how many places a file breaks its language's grammar; None where there is no grammar here."""
    language = _language(PurePosixPath(path).suffix.lower())
    if language is None or len(text) > LARGEST_FILE:
        return None
    found, waiting = 0, [Parser(language).parse(text.encode("utf-8", "replace")).root_node]
    while waiting:
        node = waiting.pop()
        found += node.is_error or node.is_missing
        waiting += [child for child in node.children if child.has_error]
    return found


def enclosing(found: list[Symbol], line: int) -> Symbol | None:
    """The innermost of them that holds a line."""
    around = [symbol for symbol in found if symbol.start <= line <= symbol.end]
    return min(around, key=lambda symbol: symbol.end - symbol.start, default=None)


def _declared(root: Node, rows: Sequence[int] | None) -> Iterator[tuple[Node, str]]:
    # Not by recursion: foreign code may be nested deeper than Python's stack.
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if rows is not None and not _holds(node, rows):
            continue
        if _is_declaration(node.type) and (name := _name(node)):
            yield node, name
        # Most nodes have none, and asking for the number is cheaper than for the children.
        if node.named_child_count:
            waiting += reversed(node.named_children)


def _holds(node: Node, rows: Sequence[int]) -> bool:
    """Whether one of these rows, which are sorted, is in it."""
    first = bisect_left(rows, node.start_point[0])
    return first < len(rows) and rows[first] <= node.end_point[0]


@functools.cache
def _is_declaration(kind: str) -> bool:
    """By the kind of a node, of which all grammars together have a few thousand."""
    return any(word in kind for word in _CONTAINERS) and kind.endswith(_DECLARES)


def _name(node: Node) -> str:
    name = node.child_by_field_name("name") or node.child_by_field_name("declarator")
    while name is not None and (inner := name.child_by_field_name("declarator")) is not None:
        name = inner
    return name.text.decode("utf-8", "replace") if name is not None and name.text else ""


def _line(lines: list[bytes], at: int) -> str:
    return lines[at].decode("utf-8", "replace").strip()


@functools.lru_cache(maxsize=len(GRAMMARS))
def _language(suffix: str) -> Language | None:
    if suffix not in GRAMMARS:
        return None
    package, function = GRAMMARS[suffix]
    # Imported when a file asks for it: all of them together are 20 MB.
    grammar: object = getattr(importlib.import_module(package), function)()
    return Language(grammar)
