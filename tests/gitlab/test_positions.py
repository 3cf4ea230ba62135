"""Where a comment stands on GitLab: which numbers for which kind of line, which paths, which range."""

import hashlib

import pytest
from pydantic import JsonValue

from app.forges.gitlab.heads import Head
from app.forges.gitlab.models import DiffShape
from app.forges.gitlab.positions import find_file, position, read_lines, with_suggestion
from tests.gitlab.support import BASE, HEAD, START, comment

VERSION = Head(base_sha=BASE, start_sha=START, head_sha=HEAD, source_repo_id="77")
DIFF = """@@ -1,4 +1,5 @@
 one
-two
+two, mended
+and a half
 three
 four
@@ -20,3 +21,2 @@ def later():
 twenty
-twenty-one
 twenty-two
\\ No newline at end of file
"""
FILE = DiffShape(old_path="billing.py", new_path="billing.py", diff=DIFF)
SHA1 = hashlib.sha1(b"billing.py", usedforsecurity=False).hexdigest()


def test_lines_have_both_counters() -> None:
    assert [(line.kind[0], line.old, line.new) for line in read_lines(DIFF)] == [
        ("c", 1, 1),
        ("r", 2, 2),
        ("a", 3, 2),
        ("a", 3, 3),
        ("c", 3, 4),
        ("c", 4, 5),
        ("c", 20, 21),
        ("r", 21, 22),
        ("c", 22, 22),
    ]


KINDS: list[tuple[str, str, int, dict[str, JsonValue]]] = [
    ("an added line", "new", 2, {"new_line": 2}),
    ("a removed line", "old", 2, {"old_line": 2}),
    ("a line that did not change", "new", 4, {"new_line": 4, "old_line": 3}),
    ("the same from the old side", "old", 3, {"new_line": 4, "old_line": 3}),
    ("the second hunk", "new", 22, {"new_line": 22, "old_line": 22}),
    ("removed in the second hunk", "old", 21, {"old_line": 21}),
]


@pytest.mark.parametrize(("side", "line", "numbers"), [row[1:] for row in KINDS], ids=[row[0] for row in KINDS])
def test_each_kind_of_line_has_its_numbers(side: str, line: int, numbers: dict[str, JsonValue]) -> None:
    assert position(comment(side=side, start_line=line, line=line), FILE, VERSION) == {
        "position_type": "text",
        "base_sha": BASE,
        "start_sha": START,
        "head_sha": HEAD,
        "old_path": "billing.py",
        "new_path": "billing.py",
        **numbers,
    }


@pytest.mark.parametrize(("side", "line"), [("new", 9), ("new", 0), ("old", 30)])
def test_a_line_outside_of_the_diff_has_no_position(side: str, line: int) -> None:
    assert position(comment(side=side, start_line=line, line=line), FILE, VERSION) is None


def test_several_lines_are_a_range_from_the_first_to_the_last() -> None:
    at = position(comment(start_line=1, line=3), FILE, VERSION)
    assert at is not None
    assert (at["new_line"], at.get("old_line")) == (3, None)
    assert at["line_range"] == {
        "start": {"line_code": f"{SHA1}_1_1", "type": "old"},
        "end": {"line_code": f"{SHA1}_3_3", "type": "new"},
    }


def test_removed_lines_are_a_range_by_their_old_numbers() -> None:
    at = position(comment(side="old", start_line=1, line=2), FILE, VERSION)
    assert at is not None
    assert at["line_range"] == {
        "start": {"line_code": f"{SHA1}_1_1", "type": "old"},
        "end": {"line_code": f"{SHA1}_2_2", "type": "old"},
    }


def test_a_renamed_file_is_found_by_its_new_name_and_told_by_both() -> None:
    others = DiffShape(old_path="new_name.py", new_path="elsewhere.py", diff=DIFF)
    renamed = DiffShape(old_path="old_name.py", new_path="new_name.py", diff=DIFF)
    wanted = comment(path="new_name.py")
    assert find_file(wanted, [others, renamed]) == renamed
    at = position(wanted, renamed, VERSION)
    assert at is not None
    assert (at["old_path"], at["new_path"]) == ("old_name.py", "new_name.py")


def test_of_a_file_that_gitlab_folds_an_added_line_is_tried() -> None:
    at = position(comment(start_line=5, line=7), DiffShape(old_path="a", new_path="a"), VERSION)
    assert at is not None
    assert (at["new_line"], "old_line" in at, "line_range" in at) == (7, False, False)


SUGGESTIONS: list[tuple[str, dict[str, object], str]] = [
    ("one line", {}, "```suggestion:-0+0\nx\n```"),
    ("three lines", {"start_line": 2, "line": 4}, "```suggestion:-2+0\nx\n```"),
    ("lines that are gone", {"side": "old"}, "```\nx\n```"),
    ("more than GitLab reaches", {"start_line": 1, "line": 102}, "```\nx\n```"),
]


@pytest.mark.parametrize(("changes", "written"), [row[1:] for row in SUGGESTIONS], ids=[row[0] for row in SUGGESTIONS])
def test_a_suggestion_says_which_lines_it_replaces(changes: dict[str, object], written: str) -> None:
    body = "Use x.\n\n```suggestion\nx\n```\n\nThe word suggestion stays."
    text = with_suggestion(comment().model_copy(update={**changes, "body": body}))
    assert text == f"Use x.\n\n{written}\n\nThe word suggestion stays."
