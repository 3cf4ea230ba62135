"""A finding tells of a known problem when it is near it and speaks of it."""

import pytest

from app.domain.findings import Finding, Place
from reviewers.evals.matching import Known, located, match, possible_pairs
from tests.domain.diffs import finding

TWICE = "A retried webhook refunds the order twice"
UNITS = "The timeout is in seconds, callers pass milliseconds"


def known(text: str, line: int | None = 10) -> Known:
    return Known(text=text, places=() if line is None else (Place(path="a.py", start_line=line, line=line),))


def said(text: str, line: int = 10) -> Finding:
    return finding(line=line, title=text, body="")


@pytest.mark.parametrize(
    ("problems", "findings", "expected"),
    [
        ([known(TWICE)], [said("The refund of an order happens twice when the webhook is retried", 12)], [(0, 0)]),
        ([known(TWICE)], [said(TWICE, 20)], []),
        ([known(TWICE)], [said(UNITS, 10)], []),
        ([known(TWICE, None)], [said(TWICE, 200)], [(0, 0)]),
        ([known(TWICE), known(UNITS)], [said(UNITS), said(TWICE)], [(0, 1), (1, 0)]),
        ([known(TWICE)], [said(TWICE), said(TWICE)], [(0, 0)]),
        ([], [said(TWICE)], []),
    ],
    ids=["near and alike", "far", "only near", "without a place", "two", "said twice", "nothing known"],
)
def test_matches(problems: list[Known], findings: list[Finding], expected: list[tuple[int, int]]) -> None:
    assert sorted((pair.known, pair.finding) for pair in match(problems, findings)) == expected


def test_a_place_alone_counts_only_as_what_could_be() -> None:
    problems, findings = [known(TWICE)], [said("Something entirely else", 11)]
    assert match(problems, findings) == []
    assert located(problems, findings) == 1


def test_a_judge_decides_where_it_has_an_opinion() -> None:
    problem, vague, plain = known(TWICE), said("The refund may be made again"), said(TWICE)
    assert match([problem], [vague]) == []
    assert len(match([problem], [vague], judge=lambda _problem, _finding: True)) == 1
    assert match([problem], [plain], judge=lambda _problem, _finding: False) == []
    assert len(match([problem], [plain], judge=lambda _problem, _finding: None)) == 1


def test_no_judge_is_asked_about_far_places() -> None:
    assert possible_pairs([known(TWICE)], [said(TWICE, 30), said("Nothing alike here")]) == []
