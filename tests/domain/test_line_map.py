"""Lines of one version in another."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.diff import FileChange
from app.domain.findings import Place
from app.domain.line_map import Moves, map_range, nearest_line
from tests.domain.diffs import diff_of, file_change, lines_of

TEN = "".join(f"{number}\n" for number in range(1, 11))


@pytest.mark.parametrize(
    ("new", "before", "after"),
    [
        ("0\n" + TEN, (4, 5), (5, 6)),
        (TEN.replace("2\n", ""), (4, 5), (3, 4)),
        (TEN.replace("9\n", "nine\n"), (4, 5), (4, 5)),
        (TEN.replace("4\n", "four\n"), (4, 5), None),
        (TEN.replace("5\n", ""), (4, 5), None),
        (TEN.replace("5\n", "new\n5\n"), (4, 5), (4, 6)),
        (TEN.replace("6\n", "six\n6b\n"), (4, 5), (4, 5)),
        (TEN.replace("6\n", "six\n6b\n"), (7, 7), (8, 8)),
        ("", (4, 5), None),
    ],
)
def test_untouched_lines_are_found_again(new: str, before: tuple[int, int], after: tuple[int, int] | None) -> None:
    assert map_range(file_change(TEN, new), *before) == after


@pytest.mark.parametrize(
    ("new", "line", "nearest"),
    [
        (TEN.replace("4\n", "four\n"), 4, 4),
        (TEN.replace("4\n5\n", "four\n"), 5, 4),
        (TEN.replace("4\n5\n6\n", ""), 5, 4),
        ("a\nb\n" + TEN, 9, 11),
        (TEN.replace("1\n2\n", ""), 9, 7),
    ],
)
def test_changed_lines_have_a_nearest_one(new: str, line: int, nearest: int) -> None:
    assert nearest_line(file_change(TEN, new), line) == nearest


texts = st.lists(st.sampled_from(["a", "b", "c", "d"]), max_size=12).map(lambda lines: "".join(f"{x}\n" for x in lines))


@given(old=texts, new=texts, context=st.integers(0, 3))
def test_a_mapped_line_is_the_same_line(old: str, new: str, context: int) -> None:
    change = file_change(old, new, context=context)
    before, after = lines_of(old), lines_of(new)
    mapped = [map_range(change, line, line) for line in range(1, len(before) + 1)]
    for number, found in enumerate(mapped):
        assert found is None or before[number] == after[found[0] - 1]
    # What is not mapped was removed, and order is kept.
    removed = sum(line.kind == "removed" for hunk in change.hunks for line in hunk.lines)
    kept = [found[0] for found in mapped if found is not None]
    if change.hunks:
        assert len(kept) == len(before) - removed
    assert kept == sorted(set(kept))


@given(old=texts, new=texts, line=st.integers(1, 12))
def test_the_nearest_line_is_never_far_outside(old: str, new: str, line: int) -> None:
    if line <= len(lines_of(old)):
        assert 1 <= nearest_line(file_change(old, new), line) <= len(lines_of(new)) + 1


def test_places_follow_renames_and_sides() -> None:
    renamed = file_change(TEN, "0\n" + TEN, path="new.py", old_path="old.py")
    moves = Moves(heads=diff_of(renamed))
    place = Place(path="old.py", start_line=4, line=5)
    assert moves.exact(place) == Place(path="new.py", start_line=5, line=6)
    other = Place(path="other.py", start_line=1, line=1)
    assert moves.exact(other) == other
    on_base = place.model_copy(update={"side": "old"})
    assert moves.exact(on_base) == on_base
    assert Moves(bases=diff_of(renamed)).exact(on_base) == Place(path="new.py", side="old", start_line=5, line=6)


def test_what_is_gone_or_unknown_is_not_mapped() -> None:
    place = Place(path="a.py", start_line=4, line=5)
    gone = FileChange(path="a.py", old_path="a.py", kind="deleted", skipped="deleted")
    assert Moves(heads=diff_of(gone)).exact(place) is None
    assert Moves(heads=diff_of(gone)).near(place) is None
    unread = FileChange(path="a.py", old_path="a.py", kind="modified", skipped="over 300 files")
    assert Moves(heads=diff_of(unread)).exact(place) is None
    assert Moves(heads=diff_of(unread)).near(place) == place
    moved = FileChange(path="b.py", old_path="a.py", kind="renamed", skipped="renamed only")
    assert Moves(heads=diff_of(moved)).exact(place) == Place(path="b.py", start_line=4, line=5)
