"""Figures, their intervals, and when two runs differ."""

import math

import pytest

from reviewers.evals import metrics
from reviewers.evals.metrics import METRICS, Counts, difference, estimate, spearman

ROWS = [
    Counts(posted=4, true=2, known=3, found=2, weight=7, weight_found=6, placed=4),
    Counts(posted=1, true=1, known=1, found=1, weight=1, weight_found=1, placed=1, repeated=1),
    Counts(posted=0, known=2, weight=2, placed=0),
    Counts(posted=1, known=0, placed=0),
    Counts(posted=0, known=0),
]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("precision", 3 / 6),
        ("recall", 3 / 6),
        ("F0.5", 0.5),
        ("weighted recall", 7 / 10),
        ("posts per pull request", 6 / 5),
        ("clean rate", 1 / 2),
        ("anchors valid", 5 / 6),
        ("duplicates per pull request", 1 / 5),
    ],
)
def test_figures(name: str, expected: float) -> None:
    assert METRICS[name](ROWS) == pytest.approx(expected)


def test_precision_weighs_more_in_f_half() -> None:
    assert metrics.f_score(0.9, 0.3, beta=0.5) > metrics.f_score(0.3, 0.9, beta=0.5)
    assert metrics.f_score(0.0, 0.0, beta=1) == 0


def test_nothing_counted_is_no_figure() -> None:
    assert math.isnan(METRICS["precision"]([]))
    assert all(math.isnan(part) for part in estimate(METRICS["recall"], [Counts()]))
    assert math.isnan(metrics.dollars([Counts(dollars=0.2), Counts(dollars=None)]))


def test_the_interval_holds_the_figure_and_narrows_with_more_pull_requests() -> None:
    few, many = estimate(metrics.precision, ROWS), estimate(metrics.precision, ROWS * 20)
    assert few.low <= few.value <= few.high
    assert many.high - many.low < (few.high - few.low) / 2


def test_equal_runs_do_not_differ_and_a_better_one_does() -> None:
    rows = [Counts(posted=3, true=1 + at % 2, known=2, found=1 + at % 2) for at in range(40)]
    better = [one.model_copy(update={"true": min(3, one.true + 1)}) for one in rows]
    same = difference(metrics.precision, rows, rows)
    assert (same.value, same.significant) == (0, False)
    more = difference(metrics.precision, rows, better)
    assert more.value == pytest.approx(1 / 3)
    assert more.significant
    assert 0.3 < more.low <= more.value <= more.high < 0.4


def test_runs_over_different_pull_requests_are_not_compared() -> None:
    with pytest.raises(ValueError, match="same pull requests"):
        difference(metrics.recall, ROWS, ROWS[1:])


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [([1, 2, 3], [10, 20, 30], 1), ([1, 2, 3], [3, 2, 1], -1), ([1, 2, 2, 3], [1, 2, 2, 3], 1)],
)
def test_spearman(one: list[float], other: list[float], expected: float) -> None:
    assert spearman(one, other) == pytest.approx(expected)
