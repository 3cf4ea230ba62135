"""What a linter is to us: which files it reads, how it is called, and what its output says in our words."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from app.domain.edits import Edit
from app.domain.findings import Category, Severity
from reviewers.linters.run import Output

# What a title may have; longer ones are cut at a word.
LONGEST_TITLE = 80


@dataclass(frozen=True, kw_only=True)
class Hit:
    """One thing a linter says about a file, before it is known whether the change is to blame."""

    rule: str
    # Relative to the root, as it was asked for.
    path: str
    start_line: int
    end_line: int
    title: str
    body: str
    severity: Severity
    category: Category
    # True only for rules that are right nearly always: such a finding gets a thread with no model's agreement.
    stands_alone: bool = False
    # The tool's own fix, where it calls it safe.
    edits: tuple[Edit, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Linter:
    """A program that reads files and prints what is wrong with them, without running any of their code."""

    name: str
    program: str
    # The distribution whose version is the program's; empty for one that is not a Python package.
    package: str
    reads: Callable[[str], bool]
    # All that stands between the program and the files, from the empty folder that is its home and what it will read.
    arguments: Callable[[Path, Sequence[str]], Sequence[str]]
    # Raises ValueError (pydantic's included) for an output that is not what we know.
    parse: Callable[[Output], list[Hit]]
    # Exit codes of a program that did its work.
    good_exit_codes: frozenset[int] = frozenset({0})
    # More hits of one rule in one file say nothing new, and would drown the rest.
    most_per_rule_and_file: int = 20
    # Rules whose first hit says it all: the rest of a file that cannot be parsed is the parser's guess.
    once_per_file: frozenset[str] = frozenset()
    # Files it was given and could not read, with the reason.
    unread: Callable[[Output, Sequence[str]], Mapping[str, str]] = field(default=lambda _output, _files: {})


def as_title(message: str) -> str:
    """A tool's message as a title: its first sentence, no full stop, not too long."""
    first = " ".join(message.split("\n", 1)[0].split())
    first = first.split(". ", 1)[0].rstrip(".:; ")
    if len(first) > LONGEST_TITLE:
        first = first[: LONGEST_TITLE - 1].rsplit(" ", 1)[0].rstrip(",;:(") + "…"
    return first[:1].upper() + first[1:]


def has_suffix(*suffixes: str) -> Callable[[str], bool]:
    return lambda path: path.lower().endswith(suffixes)


def is_test(path: str) -> bool:
    """Whether a path is a test's: there a type checker's word is mostly about mocks and deliberate misuse."""
    *folders, name = path.lower().split("/")
    return (
        any(folder in {"test", "tests", "testing", "__tests__", "fixtures"} for folder in folders)
        or name.startswith(("test_", "conftest."))
        or name.rsplit(".", 1)[0].endswith(("_test", ".test", ".spec"))
    )


_DATA_FOLDERS = frozenset(
    {"testdata", "test_data", "test-data", "fixtures", "__fixtures__", "snapshots", "__snapshots__", "cassettes"}
)


def holds_test_data(path: str) -> bool:
    """Whether its folder is one of samples for tests: what looks odd there mostly has to."""
    folders = path.lower().split("/")[:-1]
    below_tests = any(pair[0] in {"test", "tests"} and pair[1] in {"data", "samples"} for pair in pairwise(folders))
    return below_tests or not _DATA_FOLDERS.isdisjoint(folders)


def is_test_data(path: str) -> bool:
    """Whether it is a recording or a sample that tests read: nothing in it runs."""
    return is_test(path) and path.lower().endswith(
        (".csv", ".json", ".jsonl", ".snap", ".txt", ".xml", ".yaml", ".yml")
    )
