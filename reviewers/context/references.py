"""Who uses what a change touches, and what it calls: one search of the head tree, few lines, ranked by nearness."""

import asyncio
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

from app.domain.diff import FileChange
from app.llm.prices import estimate_tokens
from reviewers.base import Change
from reviewers.context.search import LONGEST_LINE, Hit, declares, search, whole_words
from reviewers.context.symbols import enclosing, symbols

# How much of a first prompt may it take? More made every model that was measured find less.
MOST_TOKENS = 3_000
CALLERS_PER_SYMBOL = 5
# A name that is declared more often means nothing in particular: `run`, `get`, `main`.
MOST_DEFINITIONS = 3
# Names asked for at once; a change of more is read without the rest.
_MOST_NAMES = 200
_CALL = re.compile(r"\b([A-Za-z_]\w{3,})\s*\(")


# Lines by the path of the changed file that they are about.
References = Mapping[str, Sequence[str]]


async def references(change: Change) -> References:
    """For each changed file the lines worth knowing from elsewhere: who uses what it has, what declares what it calls.

    Empty where there is nothing to say, and where the search is missing or fails: a review is possible without.
    """
    changed, called = await asyncio.to_thread(_names, change)
    names = sorted({name for each in (*changed.values(), *called.values()) for name in each})[:_MOST_NAMES]
    if not names:
        return {}
    found = await _search(names, change.head_root)
    definitions = {name: [hit for hit in found.get(name, ()) if declares(name, hit)] for name in names}
    return {
        path: (*_callers(path, changed[path], found, definitions), *_definitions(path, called[path], definitions))
        for path in changed
    }


def told(about: References, paths: Iterable[str]) -> str:
    """What is known about these files, as much as a prompt has room for."""
    room, lines = MOST_TOKENS, list[str]()
    for line in dict.fromkeys(line for path in paths for line in about.get(path, ())):
        room -= estimate_tokens(line)
        if room < 0:
            break
        lines.append(line)
    return "\n".join(lines)


def _callers(
    path: str,
    changed: Iterable[str],
    found: Mapping[str, Sequence[Hit]],
    definitions: Mapping[str, Sequence[Hit]],
) -> Iterator[str]:
    for name in changed:
        declared = definitions.get(name, ())
        if len(declared) > MOST_DEFINITIONS:
            continue
        uses = [hit for hit in found.get(name, ()) if hit.path != path and hit not in declared]
        uses.sort(key=lambda hit: (-_common(hit.path, path), hit.path, hit.line))
        yield from (f"uses {name}: {hit.path}:{hit.line}: {hit.text}" for hit in uses[:CALLERS_PER_SYMBOL])


def _definitions(path: str, called: Iterable[str], definitions: Mapping[str, Sequence[Hit]]) -> Iterator[str]:
    for name in called:
        declared = definitions.get(name, ())
        if 1 <= len(declared) <= MOST_DEFINITIONS:
            yield from (f"calls {name}: {hit.path}:{hit.line}: {hit.text}" for hit in declared if hit.path != path)


def _names(change: Change) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    files = change.diff.reviewable
    return {one.path: _changed_names(change, one) for one in files}, {one.path: _called_names(one) for one in files}


def _changed_names(change: Change, file: FileChange) -> list[str]:
    """The functions and classes whose lines the change touches, the first touched first."""
    text = change.read(file.path) or ""
    lines = [line.new for hunk in file.hunks for line in hunk.lines if line.kind == "added" and line.new]
    declared = symbols(file.path, text, lines)
    around = (enclosing(declared, line) for line in lines)
    return list(dict.fromkeys(symbol.name for symbol in around if symbol and symbol.name.isidentifier()))


def _called_names(file: FileChange) -> list[str]:
    texts = (line.text for hunk in file.hunks for line in hunk.added)
    return list(dict.fromkeys(name for text in texts for name in _CALL.findall(text[:LONGEST_LINE])))


async def _search(names: Sequence[str], root: Path) -> dict[str, list[Hit]]:
    """Every line of the tree that holds one of the names, by name."""
    pattern = whole_words(names)
    word = re.compile(pattern)
    found: dict[str, list[Hit]] = defaultdict(list)
    for hit in await search(pattern, root):
        for name in dict.fromkeys(word.findall(hit.text)):
            found[name].append(hit)
    return found


def _common(one: str, other: str) -> int:
    """How many folders two files share."""
    pairs = zip(PurePosixPath(one).parent.parts, PurePosixPath(other).parent.parts, strict=False)
    counted = Counter(first == second for first, second in pairs)
    return counted[True]
