"""What twelve tools said, as a test of voting, matching and dedupe, against a model judge's word."""

from pathlib import Path

import pytest

from reviewers.evals import metrics
from reviewers.evals.recorded import JudgedReviews, read_judged_reviews
from reviewers.evals.replay import agreement, merged_shares, recall_by_severity, votes_by_need


@pytest.fixture(scope="module")
def rows(shared_data: Path) -> list[JudgedReviews]:
    found = read_judged_reviews(shared_data / "eval")
    assert (len(found), sum(len(row.golden) for row in found), len(found[0].tools)) == (50, 137, 12)
    return found


def test_agreement_of_tools_finds_what_is_true(rows: list[JudgedReviews]) -> None:
    votes = votes_by_need(rows, (1, 3, 4))
    assert metrics.f_one(votes[3]) >= 0.60
    assert metrics.precision(votes[4]) >= 0.70
    assert metrics.recall(votes[4]) >= 0.54
    by_severity = recall_by_severity(rows, 3)
    parts = [one for counts in by_severity.values() for one in counts]
    assert metrics.recall(parts) == metrics.recall(votes[3])
    assert metrics.recall(by_severity["critical"]) > metrics.recall(by_severity["low"])
    assert metrics.precision(votes[1]) < metrics.precision(votes[3]) < metrics.precision(votes[4])


def test_counting_words_agrees_with_a_model_judge(rows: list[JudgedReviews]) -> None:
    found = agreement(rows)
    assert found.spearman >= 0.95
    assert found.held_out >= 0.88
    assert found.of_decisions >= 0.90


def test_one_problem_is_merged_and_two_are_not(rows: list[JudgedReviews]) -> None:
    same, different = merged_shares(rows)
    assert same >= 0.85
    assert different <= 0.10
