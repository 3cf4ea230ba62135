"""How the fake reads a diff: hunks, positions, and where a line of the old version has gone."""

import pytest

from app.forges.fake.diffs import DiffFile, read_diff

BODY = """@@ -1,4 +1,5 @@
 one
-two
+TWO
+two and a half
 three
 four
@@ -10,3 +11,2 @@ def ten():
 ten
-eleven
 twelve
@@ -20,0 +21,2 @@
+twenty and a bit
+twenty and more
"""


def file(body: str = BODY) -> DiffFile:
    return DiffFile("a.txt", "a.txt", "modified", "0" * 40, 4, 2, False, body)


@pytest.mark.parametrize(
    ("side", "line", "position"),
    [
        ("RIGHT", 1, 1), ("LEFT", 1, 1), ("LEFT", 2, 2), ("RIGHT", 2, 3), ("RIGHT", 3, 4), ("RIGHT", 5, 6),
        ("RIGHT", 11, 8), ("LEFT", 11, 9), ("RIGHT", 12, 10), ("RIGHT", 22, 13),
        ("RIGHT", 6, None), ("LEFT", 5, None), ("RIGHT", 20, None), ("RIGHT", 13, None),
    ],
)  # fmt: skip
def test_a_line_has_a_place_or_none(side: str, line: int, position: int | None) -> None:
    found = file().hunk_of("LEFT" if side == "LEFT" else "RIGHT", line)
    assert (found[1].position if found else None) == position


@pytest.mark.parametrize(
    ("old", "new"),
    [(1, 1), (2, None), (3, 4), (4, 5), (5, 6), (9, 10), (10, 11), (11, None), (12, 12), (20, 20), (21, 23)],
)
def test_lines_of_the_old_version_go_somewhere(old: int, new: int | None) -> None:
    assert file().moved(old) == new


def test_an_excerpt_ends_at_its_line() -> None:
    found = file().hunk_of("RIGHT", 2)
    assert found is not None
    assert found[0].excerpt(found[1]) == "@@ -1,4 +1,5 @@\n one\n-two\n+TWO"


def test_content_that_looks_like_a_diff_is_content() -> None:
    head = "diff --git a/x b/x\nindex 1..2 100644\n--- a/x\n+++ b/x\n"
    text = head + "@@ -1 +1,2 @@\n-@@ -9 +9 @@\n+diff --git a/y b/y\n+@@\n"
    numbers = f":100644 100644 {'1' * 40} {'2' * 40} M\0x\0" + "2\t1\tx\0"
    diff = read_diff(numbers.encode(), text.encode())
    assert [line.text for line in diff.files[0].hunks[0].lines] == ["@@ -9 +9 @@", "diff --git a/y b/y", "@@"]
