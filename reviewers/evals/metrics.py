"""The figures of review quality, and how sure they are: each is a ratio of sums over pull requests."""

import math
import random
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

from app.domain.model import Frozen

# What a missed problem weighs, by the words of the data and by ours.
WEIGHTS = {"critical": 8.0, "high": 4.0, "medium": 2.0, "low": 1.0}
# How many times are the pull requests drawn anew? The ends of the interval then hold to about a tenth of its width.
_DRAWS = 1_000


class Counts(Frozen):
    """What is counted on one pull request."""

    posted: int = 0
    # Findings that tell of a known problem.
    true: int = 0
    known: int = 0
    # Known problems that a finding tells of.
    found: int = 0
    weight: float = 0.0
    weight_found: float = 0.0
    # Known problems with a finding near them, whatever it says.
    located: int = 0
    # Findings that repeat another one of the same pull request.
    repeated: int = 0
    # Findings on lines where a forge accepts a comment.
    placed: int = 0
    # What is said in the check without a thread.
    hinted: int = 0
    seconds: float = 0.0
    # None where the price is not known.
    dollars: float | None = 0.0
    tokens: int = 0


class Estimate(NamedTuple):
    """A figure with the interval that holds it in 95 of 100 cases; NaN where nothing was counted."""

    value: float
    low: float
    high: float


Metric = Callable[[Sequence[Counts]], float]
_Row = TypeVar("_Row")


def precision(rows: Sequence[Counts]) -> float:
    return _ratio(sum(one.true for one in rows), sum(one.posted for one in rows))


def recall(rows: Sequence[Counts]) -> float:
    return _ratio(sum(one.found for one in rows), sum(one.known for one in rows))


def weighted_recall(rows: Sequence[Counts]) -> float:
    """A critical problem weighs as much as eight low ones."""
    return _ratio(sum(one.weight_found for one in rows), sum(one.weight for one in rows))


def f_half(rows: Sequence[Counts]) -> float:
    """F0.5: precision counts twice as much as recall, for a product that must not be noisy."""
    return f_score(precision(rows), recall(rows), beta=0.5)


def f_one(rows: Sequence[Counts]) -> float:
    return f_score(precision(rows), recall(rows), beta=1.0)


def located(rows: Sequence[Counts]) -> float:
    """No metric by itself: the most that a judge could find."""
    return _ratio(sum(one.located for one in rows), sum(one.known for one in rows))


def posts(rows: Sequence[Counts]) -> float:
    return _ratio(sum(one.posted for one in rows), len(rows))


def hints(rows: Sequence[Counts]) -> float:
    return _ratio(sum(one.hinted for one in rows), len(rows))


def clean_rate(rows: Sequence[Counts]) -> float:
    """Of the pull requests without a known problem, those on which nothing was posted."""
    clean = [one for one in rows if not one.known]
    return _ratio(sum(not one.posted for one in clean), len(clean))


def placed(rows: Sequence[Counts]) -> float:
    return _ratio(sum(one.placed for one in rows), sum(one.posted for one in rows))


def repeated(rows: Sequence[Counts]) -> float:
    return _ratio(sum(one.repeated for one in rows), len(rows))


def seconds(rows: Sequence[Counts]) -> float:
    return _ratio(sum(one.seconds for one in rows), len(rows))


def tokens(rows: Sequence[Counts]) -> float:
    return _ratio(sum(one.tokens for one in rows), len(rows))


def dollars(rows: Sequence[Counts]) -> float:
    """NaN when one price is not known: a sum without it would be too good."""
    known = [one.dollars for one in rows if one.dollars is not None]
    return _ratio(sum(known), len(rows)) if len(known) == len(rows) else math.nan


METRICS: dict[str, Metric] = {
    "precision": precision,
    "recall": recall,
    "F0.5": f_half,
    "F1": f_one,
    "weighted recall": weighted_recall,
    "located": located,
    "posts per pull request": posts,
    "hints per pull request": hints,
    "clean rate": clean_rate,
    "anchors valid": placed,
    "duplicates per pull request": repeated,
    "seconds per pull request": seconds,
    "tokens per pull request": tokens,
    "dollars per pull request": dollars,
}
# Where less is better; for the others more is, and "posts" and "located" are neither.
LESS_IS_BETTER = frozenset({
    "duplicates per pull request", "seconds per pull request", "tokens per pull request", "dollars per pull request"
})  # fmt: skip


def f_score(precision: float, recall: float, *, beta: float) -> float:
    """Nought when both are; NaN when one is unknown."""
    weight = beta * beta
    below = weight * precision + recall
    return (1 + weight) * precision * recall / below if below else below


def estimate(metric: Metric, rows: Sequence[Counts], *, draws: int = _DRAWS) -> Estimate:
    """The figure, and its interval by bootstrap over pull requests."""
    values = sorted(value for value in (metric(drawn) for drawn in _drawn(rows, draws)) if not math.isnan(value))
    if not values:
        return Estimate(metric(rows), math.nan, math.nan)
    return Estimate(metric(rows), _quantile(values, 0.025), _quantile(values, 0.975))


class Difference(NamedTuple):
    """How much the second of two runs is above the first one, with its interval, and how likely that is chance."""

    value: float
    low: float
    high: float
    chance: float

    @property
    def significant(self) -> bool:
        return self.chance < 0.05


def difference(metric: Metric, before: Sequence[Counts], after: Sequence[Counts], *, draws: int = _DRAWS) -> Difference:
    """Paired: both runs over the same pull requests in the same order, which are drawn together."""
    if len(before) != len(after):
        raise ValueError("Two runs are compared over the same pull requests.")
    pairs = list(zip(before, after, strict=True))
    values = sorted(
        value
        for drawn in _drawn(pairs, draws)
        if not math.isnan(value := metric([second for _, second in drawn]) - metric([first for first, _ in drawn]))
    )
    whole = metric(after) - metric(before)
    if not values:
        return Difference(whole, math.nan, math.nan, 1.0)
    below, above = sum(value <= 0 for value in values), sum(value >= 0 for value in values)
    chance = min(1.0, 2 * (min(below, above) + 1) / (len(values) + 1))
    return Difference(whole, _quantile(values, 0.025), _quantile(values, 0.975), chance)


def spearman(one: Sequence[float], other: Sequence[float]) -> float:
    """Whether two lists order the same things alike: 1 the same, -1 the reverse; equal values share a rank."""
    first, second = _ranks(one), _ranks(other)
    middle = (len(first) + 1) / 2
    above = sum((a - middle) * (b - middle) for a, b in zip(first, second, strict=True))
    return above / math.sqrt(sum((a - middle) ** 2 for a in first) * sum((b - middle) ** 2 for b in second))


def _drawn(rows: Sequence[_Row], draws: int) -> list[list[_Row]]:
    chance = random.Random(0)  # noqa: S311 - the same figures for the same rows
    return [chance.choices(rows, k=len(rows)) for _ in range(draws)] if rows else []


def _quantile(ordered: Sequence[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def _ranks(values: Sequence[float]) -> list[float]:
    ordered = sorted(values)
    return [ordered.index(value) + (ordered.count(value) + 1) / 2 for value in values]


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else math.nan
