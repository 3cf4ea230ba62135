"""Patterns and rules that decide which files are read."""

import pytest

from app.domain.file_rules import Attributes, ChangedFile, over_limits, skip_reason
from app.domain.globs import matches, matches_any
from app.domain.repo_config import SizeLimits
from tests.harness.growth import LINEAR, growth

QUADRATIC = 1 + LINEAR


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("*.md", "README.md", True),
        ("*.md", "docs/a/b.md", True),
        ("*.md", "a.mdx", False),
        ("/*.md", "docs/a.md", False),
        ("docs/", "docs/a/b.py", True),
        ("docs", "src/docs/a.py", True),
        ("/docs", "src/docs/a.py", False),
        ("docs/*.py", "docs/a.py", True),
        ("docs/*.py", "docs/x/a.py", False),
        ("docs/**", "docs/x/y/a.py", True),
        ("docs/**/a.py", "docs/a.py", True),
        ("docs/**/a.py", "docs/x/y/a.py", True),
        ("docs/**/a.py", "docs/x/y/b.py", False),
        ("**/gen/**", "a/gen/b/c.py", True),
        ("**", "anything/at.all", True),
        ("a?c.py", "abc.py", True),
        ("a?c.py", "ac.py", False),
        ("a*b*c", "axxbxxc", True),
        ("a*b*c", "axxbxx", False),
        ("[ab].py", "a.py", False),
        ("", "a.py", False),
        ("/", "a.py", False),
        ("x" * 501, "x" * 501, False),
    ],
)
def test_patterns(pattern: str, path: str, expected: bool) -> None:
    assert matches(path, pattern) is expected


def test_hostile_patterns_try_each_place_for_each_star_and_no_more() -> None:
    # Path and stars grow together, so twice as much is at most four times the work; trying every choice would not end.
    assert not matches("a/" * 200 + "b", "**/a/" * 60 + "c")
    assert not matches("a" * 2000 + "b", "*a" * 200 + "c")
    assert growth(lambda stars: matches("a/" * (3 * stars) + "b", "**/a/" * stars + "c"), 8) < QUADRATIC
    assert growth(lambda stars: matches("a" * (10 * stars) + "b", "*a" * stars + "c"), 25) < QUADRATIC
    assert growth(lambda many: matches_any("a/b.py", ["**/" * 100 + "c"] * many), 1_000) < LINEAR


def test_attributes_of_deeper_folders_and_later_lines_win() -> None:
    attributes = Attributes(
        {
            "": "*.gen linguist-generated\n/lib/** linguist-vendored\n# *.py linguist-generated\n\n*.x foo\n",
            "lib": "mine/** -linguist-vendored\nlate.gen linguist-generated linguist-generated=false\n",
        }
    )
    assert attributes.reason("a.gen") == "generated"
    assert attributes.reason("lib/a.py") == "vendored"
    assert attributes.reason("lib/mine/a.py") is None
    assert attributes.reason("lib/mine/late.gen") is None
    assert attributes.reason("late.gen") == "generated"
    assert attributes.reason("a.py") is None


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        (ChangedFile(path="web/yarn.lock", kind="modified", changed_lines=9), "lock file"),
        (ChangedFile(path="a/node_modules/x.js", kind="added", changed_lines=9), "vendored"),
        (ChangedFile(path="vendor.py", kind="added", changed_lines=9), None),
        (ChangedFile(path="api_pb2.py", kind="modified", changed_lines=9), "generated"),
        (ChangedFile(path="a.py", kind="modified", binary=True, size=500_001), "over 500 kB"),
        (ChangedFile(path="a.py", kind="modified", binary=True, size=500_000), "binary"),
        (ChangedFile(path="a.py", kind="submodule", changed_lines=2), "submodule"),
        (ChangedFile(path="a.py", kind="renamed"), "renamed only"),
        (ChangedFile(path="a.py", kind="renamed", changed_lines=1), None),
        (ChangedFile(path="old/a.py", kind="deleted", changed_lines=9), "ignored by configuration"),
    ],
)
def test_reasons(file: ChangedFile, reason: str | None) -> None:
    found = skip_reason(file, ignore=("old/",), attributes=Attributes({}), limits=SizeLimits())
    assert found == reason


def test_one_oversized_file_does_not_drop_the_ones_after_it() -> None:
    files = [
        ChangedFile(path=path, kind="modified", changed_lines=lines)
        for path, lines in (("huge.py", 900), ("a.py", 50), ("README.md", 30), ("tests/test_a.py", 30), ("b.py", 20))
    ]
    assert over_limits(files, SizeLimits(changed_lines=100)) == {
        "huge.py": "over 100 changed lines",
        "README.md": "over 100 changed lines",
    }
