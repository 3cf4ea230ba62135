"""The formula of voting against lots drawn, and against the figures it is known for."""

import pytest

from reviewers.evals.theory import Rule, World, by_formula, by_lot, votes_reached

WORLD = World()
SAME_MODEL = World(found=0.60, rho=0.60)
RULES = (Rule(passes=1, needed=1), Rule(passes=5, needed=2, keeps_true=0.9, keeps_false=0.4), Rule(passes=8, needed=3))


@pytest.mark.parametrize(
    ("world", "rule", "recall", "precision"),
    [
        (WORLD, Rule(passes=1, needed=1), 0.37, 0.34),
        (WORLD, Rule(passes=5, needed=2), 0.53, 0.54),
        (WORLD, Rule(passes=5, needed=2, keeps_true=0.9, keeps_false=0.4), 0.48, 0.73),
        (WORLD, Rule(passes=8, needed=3), 0.53, 0.61),
        (WORLD, Rule(passes=8, needed=4), 0.39, 0.75),
        (SAME_MODEL, Rule(passes=5, needed=2, keeps_true=0.9, keeps_false=0.4), 0.62, 0.78),
    ],
)
def test_the_formula_gives_the_known_figures(world: World, rule: Rule, recall: float, precision: float) -> None:
    outlook = by_formula(world, rule)
    assert outlook.recall == pytest.approx(recall, abs=0.006)
    assert outlook.precision == pytest.approx(precision, abs=0.006)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.passes} passes, {rule.needed} needed")
@pytest.mark.parametrize("world", [WORLD, World(rho=0.0, rho_tempted=0.0), SAME_MODEL], ids=["usual", "free", "same"])
def test_lots_agree_with_the_formula_within_four_sigma(world: World, rule: Rule) -> None:
    formula, lots = by_formula(world, rule), by_lot(world, rule, pull_requests=2_000)
    assert abs(lots.recall - formula.recall) <= 4 * lots.recall_error
    assert abs(lots.false_posts - formula.false_posts) <= 4 * lots.false_error


def test_votes_add_up() -> None:
    assert votes_reached(5, 0, 0.37, 0.25) == pytest.approx(1)
    assert votes_reached(5, 1, 0.37, 0.0) == pytest.approx(1 - 0.63**5)


def test_a_vote_beats_one_pass_at_the_same_recall() -> None:
    one, vote = by_formula(WORLD, Rule(passes=1, needed=1)), by_formula(WORLD, Rule(passes=8, needed=4))
    assert vote.recall >= one.recall
    assert vote.precision >= 2 * one.precision
