"""The order of the test files: the long ones first, so that no worker is alone with one of them at the end."""

from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
# The files that take longest, most of it waiting.
LONGEST = (
    "tests/faults/test_kills.py",
    "tests/test_demo.py",
    "tests/faults/test_deliveries.py",
    "tests/faults/test_weather.py",
    "tests/review_here/test_process.py",
    "tests/ops/test_deployment.py",
    "tests/faults/test_limits.py",
    "tests/setup/test_first_review.py",
    "tests/faults/test_fix_kills.py",
)


def in_turn(items: Sequence[pytest.Item]) -> list[pytest.Item]:
    """After the longest those that need a whole system, then the rest; the tests of a file stay together."""
    turns: dict[Path, int] = {}
    for item in items:
        turns[item.path] = min(_turn(item), turns.get(item.path, len(LONGEST) + 1))
    return sorted(items, key=lambda item: turns[item.path])


def _turn(item: pytest.Item) -> int:
    name = item.path.relative_to(ROOT).as_posix()
    if name in LONGEST:
        return LONGEST.index(name)
    return len(LONGEST) + (not needs_temporal(item))


def needs_temporal(item: pytest.Item) -> bool:
    return "temporal" in getattr(item, "fixturenames", ())
