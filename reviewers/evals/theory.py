"""What voting and a validator must give, by formula and by drawing lots: the measure for everything that is built.

Every pass finds each of G real problems with its own chance p, every one of M tempting falsehoods with its own chance
q, and invents a few on its own. What at least t of k passes say is kept; a validator then keeps most that is true and
some that is false. Chances differ from problem to problem (Beta, correlation rho): passes agree on what is easy.
"""

import math
import random
from typing import NamedTuple

from app.domain.model import Frozen


class World(Frozen):
    """What a change holds, and what a reviewer and a validator are like. The defaults fit twelve real tools."""

    problems: int = 3
    found: float = 0.373
    rho: float = 0.25
    temptations: int = 12
    tempted: float = 0.10
    rho_tempted: float = 0.10
    # One-off inventions of each pass.
    inventions: float = 1.0


class Rule(Frozen):
    """Passes, votes needed, and the validator's strength: what it keeps of the true and of the false."""

    passes: int
    needed: int
    keeps_true: float = 1.0
    keeps_false: float = 1.0


class Outlook(NamedTuple):
    """What a pull request may expect, with the standard errors where lots were drawn."""

    recall: float
    false_posts: float
    precision: float
    recall_error: float = 0.0
    false_error: float = 0.0


def votes_reached(passes: int, needed: int, mean: float, rho: float) -> float:
    """The chance that something found with `mean` gets at least `needed` of so many votes (beta-binomial)."""
    return sum(_votes(passes, votes, mean, rho) for votes in range(needed, passes + 1))


def by_formula(world: World, rule: Rule) -> Outlook:
    recall = rule.keeps_true * votes_reached(rule.passes, rule.needed, world.found, world.rho)
    tempted = world.temptations * votes_reached(rule.passes, rule.needed, world.tempted, world.rho_tempted)
    invented = world.inventions * rule.passes if rule.needed == 1 else 0.0
    false_posts = rule.keeps_false * (tempted + invented)
    return Outlook(recall, false_posts, _precision(recall * world.problems, false_posts))


def by_lot(world: World, rule: Rule, *, pull_requests: int, seed: int = 0) -> Outlook:
    """The same by drawing every pass of every pull request."""
    chance = random.Random(seed)  # noqa: S311 - a simulation, the same each time
    found: list[int] = []
    false: list[int] = []
    for _ in range(pull_requests):
        found.append(_kept(chance, world.problems, world.found, world.rho, rule, rule.keeps_true))
        tempted = _kept(chance, world.temptations, world.tempted, world.rho_tempted, rule, rule.keeps_false)
        false.append(tempted + _invented(chance, world, rule))
    recalls = [each / world.problems for each in found]
    recall, false_posts = _mean(recalls), _mean(false)
    precision = _precision(recall * world.problems, false_posts)
    return Outlook(recall, false_posts, precision, _error(recalls), _error(false))


def poisson(chance: random.Random, mean: float) -> int:
    """How often something happens that happens `mean` times."""
    limit, product, number = math.exp(-mean), chance.random(), 0
    while product > limit:
        product *= chance.random()
        number += 1
    return number


def own_chance(chance: random.Random, mean: float, rho: float) -> float:
    """How likely a pass finds this very problem."""
    return chance.betavariate(*_beta(mean, rho)) if rho else mean


def _kept(chance: random.Random, things: int, mean: float, rho: float, rule: Rule, keeps: float) -> int:
    kept = 0
    for _ in range(things):
        mine = own_chance(chance, mean, rho)
        votes = sum(chance.random() < mine for _ in range(rule.passes))
        kept += votes >= rule.needed and chance.random() < keeps
    return kept


def _invented(chance: random.Random, world: World, rule: Rule) -> int:
    """Nobody invents the same twice, so one vote must be enough."""
    if rule.needed > 1:
        return 0
    number = poisson(chance, world.inventions * rule.passes)
    return sum(chance.random() < rule.keeps_false for _ in range(number))


def _votes(passes: int, votes: int, mean: float, rho: float) -> float:
    ways = math.comb(passes, votes)
    if not rho:
        return ways * mean**votes * (1 - mean) ** (passes - votes)
    a, b = _beta(mean, rho)
    return ways * math.exp(_log_beta(votes + a, passes - votes + b) - _log_beta(a, b))


def _beta(mean: float, rho: float) -> tuple[float, float]:
    return mean * (1 / rho - 1), (1 - mean) * (1 / rho - 1)


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def _precision(true: float, false: float) -> float:
    return true / (true + false) if true + false else math.nan


def _mean(values: list[float] | list[int]) -> float:
    return sum(values) / len(values)


def _error(values: list[float] | list[int]) -> float:
    mean = _mean(values)
    return math.sqrt(sum((value - mean) ** 2 for value in values) / len(values) / len(values))
