"""No comment is placed where a forge would refuse it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.diff import Side
from app.domain.findings import Place
from app.domain.placement import lines_of, place
from tests.domain.diffs import diff_of, file_change

OLD = "".join(f"{number}\n" for number in range(1, 41))
# Hunks on the new side: 2-8 (5 is new) and 28-33 (two lines gone from the old side's 31 and 32).
NEW = OLD.replace("\n5\n", "\nfive\n").replace("31\n32\n", "")
DIFF = diff_of(file_change(OLD, NEW))


@pytest.mark.parametrize(
    ("side", "wanted", "expected"),
    [
        ("new", (5, 5), (5, 5)),
        ("new", (2, 8), (2, 8)),
        ("new", (1, 5), (2, 5)),
        ("new", (5, 12), (5, 8)),
        ("new", (1, 40), (28, 33)),
        ("new", (8, 28), (28, 28)),
        ("new", (9, 27), None),
        ("new", (1, 1), None),
        ("new", (34, 36), None),
        ("old", (31, 32), (31, 32)),
        ("old", (30, 36), (30, 35)),
        ("old", (20, 20), None),
    ],
)
def test_lines_are_clipped_to_the_hunk_of_the_last_one(
    side: Side, wanted: tuple[int, int], expected: tuple[int, int] | None
) -> None:
    found = place(Place(path="a.py", side=side, start_line=wanted[0], line=wanted[1]), DIFF)
    assert (None if found is None else (found.start_line, found.line)) == expected


def test_files_outside_the_change_and_doubtful_names_have_no_place() -> None:
    assert place(Place(path="other.py", start_line=5, line=5), DIFF) is None
    odd = file_change(OLD, NEW, path="caf\ufffd.py")
    assert place(Place(path="caf\ufffd.py", start_line=5, line=5), diff_of(odd)) is None


def test_an_added_or_emptied_file_has_one_side_only() -> None:
    added, emptied = diff_of(file_change("", "a\nb\n")), diff_of(file_change("a\nb\n", ""))
    assert place(Place(path="a.py", side="new", start_line=1, line=2), added) is not None
    assert place(Place(path="a.py", side="old", start_line=1, line=2), added) is None
    assert place(Place(path="a.py", side="old", start_line=0, line=0), added) is None
    assert place(Place(path="a.py", side="new", start_line=1, line=2), emptied) is None
    assert place(Place(path="a.py", side="new", start_line=0, line=0), emptied) is None


texts = st.lists(st.sampled_from(["a", "b", "c"]), max_size=25).map(lambda lines: "".join(f"{x}\n" for x in lines))


@given(old=texts, new=texts, side=st.sampled_from(["new", "old"]), start=st.integers(-2, 30), length=st.integers(0, 30))
def test_every_place_is_inside_one_hunk(old: str, new: str, side: Side, start: int, length: int) -> None:
    change = file_change(old, new)
    wanted = Place(path="a.py", side=side, start_line=start, line=start + length)
    found = place(wanted, diff_of(change))
    hunks = [lines_of(hunk, side) for hunk in change.hunks]
    meets = any(set(lines) & set(range(start, start + length + 1)) for lines in hunks)
    assert (found is not None) == meets
    if found is not None:
        assert any(found.start_line in lines and found.line in lines for lines in hunks)
        assert wanted.start_line <= found.start_line <= found.line <= wanted.line
