"""People are told of a problem once: known findings are recognised, new ones are not lost in them."""

from datetime import UTC, datetime

import pytest

from app.domain.findings import Finding, Place, TrackedFinding
from app.domain.identity import assign, keys, lines_apart, match
from tests.domain.diffs import finding


def tracked(known: Finding, number: int = 1) -> TrackedFinding:
    return TrackedFinding(
        finding_id=f"id{number}",
        number=number,
        finding=known,
        first_seen_sha="a" * 40,
        keys=keys(known),
        first_seen_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


def at(line: int | None, path: str = "a.py") -> Place | None:
    return None if line is None else Place(path=path, start_line=line, line=line)


KNOWN = finding()
OTHER_WORDS = {"title": "Customers are overcharged", "body": "Nothing takes the rebate off."}
SAME_WORDS_OTHER_CODE = finding("total = price * count * tax", line=12)


@pytest.mark.parametrize(
    ("new", "now", "same"),
    [
        (finding(**OTHER_WORDS, line=40), 40, True),
        (finding("  total  =  price*count", line=40, **OTHER_WORDS), 40, True),
        (finding(**OTHER_WORDS, line=42), 40, True),
        (finding(**OTHER_WORDS, line=40, path="moved.py"), None, True),
        (finding(line=80), 40, False),
        (finding("total = price * count * tax", line=43), 40, True),
        (finding("total = price * count * tax", line=44), 40, False),
        (finding("total = price * count * tax", line=12), None, True),
        (finding("total = price * count * tax", line=14), None, False),
        (finding("total = price * count * tax", line=40, **OTHER_WORDS), 40, False),
        (finding("connection.close()", line=40, title="Close twice", body="The pool closes it again."), 40, False),
        (finding(line=40, path="b.py", symbol="other"), 40, False),
    ],
    ids=[
        "the same code, other words",
        "the same code, re-indented",
        "the same code, a line off",
        "the same code in another file, the old one gone",
        "the same code a second time",
        "changed code, near, like words",
        "changed code, too far",
        "changed code, near where it was",
        "changed code, far from where it was",
        "changed code, other words",
        "another problem on the same line",
        "like words in another file",
    ],
)
def test_what_is_the_same_finding(new: Finding, now: int | None, same: bool) -> None:
    known = tracked(KNOWN)
    assert (match([known], new, lambda _: at(now)) is known) is same


def test_every_known_finding_is_given_once_and_the_surest_pair_wins() -> None:
    first = tracked(finding("a = load(x)", line=10), 1)
    second = tracked(finding("b = load(x)", line=12), 2)
    new = [finding("b = load(x)", line=12), finding("c = load(x)", line=11), finding("a = load(x)", line=10)]
    found = assign([first, second], new, lambda known: known.finding.place)
    assert [known and known.number for known in found] == [2, None, 1]


def test_the_order_of_findings_does_not_matter() -> None:
    known = [tracked(finding(f"x{n} = load(x)", line=10 * n), n) for n in range(1, 5)]
    new = [finding(f"x{n} = load(x)", line=10 * n) for n in (3, 1, 4, 2)]
    found = assign(known, new, lambda each: each.finding.place)
    assert [each and each.number for each in found] == [3, 1, 4, 2]


def test_keys_survive_moves_and_words_but_not_another_rule_or_file() -> None:
    moved = finding(line=99, **OTHER_WORDS)
    assert keys(moved) == keys(KNOWN)
    other_rule = finding(rule="security")
    assert keys(other_rule)[0] != keys(KNOWN)[0]
    assert keys(other_rule)[1] == keys(KNOWN)[1]
    assert set(keys(finding("y = 2"))).isdisjoint(keys(KNOWN))
    assert keys(finding(symbol="charge"))[1] != keys(KNOWN)[1]


def test_findings_without_a_quote_are_the_same_by_rule_and_title() -> None:
    assert keys(finding("")) == keys(finding("", line=99))
    assert keys(finding("")) != keys(finding("", title="Another problem"))


@pytest.mark.parametrize(
    ("one", "other", "apart"),
    [((1, 3), (2, 5), 0), ((1, 3), (6, 8), 3), ((6, 8), (1, 3), 3), ((4, 4), (4, 4), 0)],
)
def test_lines_apart(one: tuple[int, int], other: tuple[int, int], apart: int) -> None:
    here, there = (Place(path="a.py", start_line=start, line=end) for start, end in (one, other))
    assert lines_apart(here, there) == apart
    assert lines_apart(here, there.model_copy(update={"path": "b.py"})) is None
    assert lines_apart(here, there.model_copy(update={"side": "old"})) is None
