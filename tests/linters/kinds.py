"""Kinds of the fixtures that the tests of linters ask for."""

from collections.abc import Callable, Mapping
from typing import Protocol

from reviewers.base import Change

# Skips the test where an optional program is not installed.
Needs = Callable[[str], None]


class ChangeOf(Protocol):
    """The change from one tree to another, both as texts by path, written to a folder."""

    def __call__(self, head: Mapping[str, str], base: Mapping[str, str] | None = None) -> Change: ...
