"""Hidden marks in our own comments that say which finding, run or action a comment belongs to.

A mark is believed only in a comment whose author is our own bot id: anybody can type one. Marks stand at the very end
of what we write and everything quoted from elsewhere stands before them, so the last mark of a kind is the one that
counts. Every pattern has a fixed length, so reading is linear in the text.
"""

import re

from app.domain.names import MARKER_WORD

_PREFIX = f"<!-- {MARKER_WORD}:v1 "
_ULID = "[0-7][0-9A-HJKMNP-TV-Z]{25}"
_ACTION_KEY = "[0-9a-f]{32,64}"
_FINDING_MARK = re.compile(f"{re.escape(_PREFIX)}finding=({_ULID}) run=({_ULID}) -->")
_RUN_MARK = re.compile(f"{re.escape(_PREFIX)}run=({_ULID}) -->")
_ACTION_MARK = re.compile(f"{re.escape(_PREFIX)}action=({_ACTION_KEY}) -->")


def is_run_id(text: str) -> bool:
    return re.fullmatch(_ULID, text) is not None


def finding_marker(finding_id: str, run_id: str) -> str:
    """The mark of a thread's first comment. ValueError when an id is not a ULID: it could close the comment early."""
    return f"{_PREFIX}finding={_checked(_ULID, finding_id)} run={_checked(_ULID, run_id)} -->"


def run_marker(run_id: str) -> str:
    """The mark of a review's body."""
    return f"{_PREFIX}run={_checked(_ULID, run_id)} -->"


def action_marker(action_key: str) -> str:
    """The mark of an answer to a command."""
    return f"{_PREFIX}action={_checked(_ACTION_KEY, action_key)} -->"


def read_finding_marker(text: str) -> tuple[str, str] | None:
    """(finding_id, run_id) of the last finding mark."""
    found = _last(_FINDING_MARK, text)
    return (found[1], found[2]) if found else None


def read_run_marker(text: str) -> str | None:
    """The run_id of the last run mark; a finding's mark is not one."""
    found = _last(_RUN_MARK, text)
    return found[1] if found else None


def read_action_marker(text: str) -> str | None:
    """The action_key of the last action mark."""
    found = _last(_ACTION_MARK, text)
    return found[1] if found else None


def _last(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    found = None
    for found in pattern.finditer(text):  # noqa: B007 - only the last one is wanted
        pass
    return found


def _checked(pattern: str, value: str) -> str:
    if re.fullmatch(pattern, value) is None:
        raise ValueError(f"{value!r} cannot stand in a mark")
    return value
