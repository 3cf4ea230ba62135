"""What an evaluation says: figures beside their targets, and curves, in sections; how it is shown is not known here."""

import math
from collections.abc import Sequence

from app.domain.model import Frozen
from reviewers.evals.metrics import METRICS, Counts, Metric, estimate


class Figure(Frozen):
    """A value with its 95 % interval where it has one; `target` is what it may be at most, unless `at_least`."""

    name: str
    # None where nothing was counted or a price is not known.
    value: float | None
    low: float | None = None
    high: float | None = None
    unit: str = ""
    target: float | None = None
    at_least: bool = False

    @property
    def missed(self) -> bool:
        if self.target is None:
            return False
        if self.value is None:
            return True
        return self.value < self.target if self.at_least else self.value > self.target


class Line(Frozen):
    """One line of a curve, by its points from left to right."""

    name: str
    points: tuple[tuple[float, float], ...]


class Curve(Frozen):
    """How one figure depends on another."""

    title: str
    x: str
    y: str
    lines: tuple[Line, ...]
    # Without lines between them where the points are things and not steps.
    scattered: bool = False


class Bars(Frozen):
    """One figure of several things, each with its interval where it has one."""

    title: str
    unit: str
    bars: tuple[Figure, ...]

    @property
    def empty(self) -> bool:
        """Nothing but noughts, of which there is nothing to draw."""
        return not any(bar.value or bar.high for bar in self.bars)


class Section(Frozen):
    """One part of an evaluation."""

    key: str
    title: str
    # What was done and what the figures mean, in a sentence or two.
    text: str
    figures: tuple[Figure, ...] = ()
    curves: tuple[Curve, ...] = ()
    bars: tuple[Bars, ...] = ()
    # What was said, one line each.
    said: tuple[str, ...] = ()

    @property
    def targets(self) -> int:
        return sum(figure.target is not None for figure in self.figures)

    @property
    def missed(self) -> int:
        return sum(figure.missed for figure in self.figures)


class EvalReport(Frozen):
    """A whole evaluation."""

    version: str
    made_at: str
    # "linters alone", or the model's name.
    reviewed_by: str
    sections: tuple[Section, ...]

    @property
    def missed(self) -> int:
        return sum(section.missed for section in self.sections)


def figure(name: str, value: float, *, unit: str = "", target: float | None = None, at_least: bool = False) -> Figure:
    """One without an interval."""
    return Figure(name=name, value=_known(value), unit=unit, target=target, at_least=at_least)


def measured(
    name: str, metric: Metric, rows: Sequence[Counts], *, target: float | None = None, at_least: bool = False
) -> Figure:
    """One over pull requests, with its interval."""
    found = estimate(metric, rows)
    # Where every pull request counts the same, drawing them anew says nothing about how sure the figure is.
    low, high = (found.low, found.high) if found.low < found.high else (math.nan, math.nan)
    return Figure(
        name=name, value=_known(found.value), low=_known(low), high=_known(high), target=target, at_least=at_least
    )


def all_measured(rows: Sequence[Counts], names: Sequence[str] = tuple(METRICS)) -> tuple[Figure, ...]:
    return tuple(measured(name, METRICS[name], rows) for name in names)


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
