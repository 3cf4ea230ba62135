"""The real gate, buckets and vote over noisy passes made of experts' comments, beside an oracle that never errs."""

from pathlib import Path

import pytest

from reviewers.evals import metrics
from reviewers.evals.harness import Noise, Outcome, run
from reviewers.evals.recorded import ExpertReview, read_expert_reviews


@pytest.fixture(scope="module")
def reviews(shared_data: Path) -> list[ExpertReview]:
    found = read_expert_reviews(shared_data / "eval")
    assert len(found) == 196
    return found


@pytest.fixture(scope="module")
def of_eight(reviews: list[ExpertReview]) -> Outcome:
    return run(reviews[::2], passes=8, needed=3, noise=Noise(), repetitions=1)


def test_the_product_groups_almost_as_well_as_an_oracle(of_eight: Outcome) -> None:
    assert of_eight.recall_gap <= 0.010
    assert of_eight.precision_gap <= 0.005
    assert of_eight.duplicates <= 0.005
    assert metrics.repeated(of_eight.oracle) == 0


def test_a_vote_is_worth_its_passes(reviews: list[ExpertReview]) -> None:
    alone = Noise().without_validator
    one = run(reviews[::3], passes=1, needed=1, noise=alone, repetitions=1).product
    eight = run(reviews[::3], passes=8, needed=3, noise=alone, repetitions=1).product
    assert metrics.recall(eight) >= metrics.recall(one)
    assert metrics.precision(eight) >= 1.5 * metrics.precision(one)


def test_a_stronger_validator_keeps_more_out(reviews: list[ExpertReview]) -> None:
    weak, strong = (
        run(reviews[:40], passes=5, needed=2, noise=Noise(validator_keeps_false=keeps), repetitions=1).product
        for keeps in (1.0, 0.1)
    )
    assert metrics.precision(strong) > metrics.precision(weak)
