"""Charts as inline SVG: no script, no font and no colour of their own, readable in light and dark and on paper."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import NamedTuple

from markupsafe import Markup

from reviewers.evals.figures import Bars, Curve, Figure, Line

_WIDTH, _HEIGHT = 520.0, 300.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 46.0, 130.0, 24.0, 40.0
_BAR_ROW, _BAR_NAMES, _BAR_VALUES = 24.0, 120.0, 110.0
# How many looks the style sheet knows; more lines than that begin anew.
_LOOKS = 6
_TEXT_HEIGHT, _LETTER = 12.0, 5.6


@dataclass(frozen=True)
class _Scale:
    """From values to pixels."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)

    def ticks(self) -> list[float]:
        step = _round_step((self.high - self.low) / 5)
        first = math.ceil(self.low / step - 1e-9)
        return [number * step for number in range(first, int(self.high / step + 1e-9) + 1)]


def curve(chart: Curve) -> Markup:
    """Lines, or dots with their names."""
    points = [point for line in chart.lines for point in line.points]
    x = _Scale(*_range([point[0] for point in points]), _LEFT, _WIDTH - _RIGHT)
    y = _Scale(*_range([point[1] for point in points]), _HEIGHT - _BOTTOM, _TOP)
    parts = [*_axes(chart, x, y)]
    for number, line in enumerate(chart.lines):
        parts += _series(line, number % _LOOKS, x, y, scattered=chart.scattered)
    parts += _names(chart, x, y)
    return _svg(chart.title, _WIDTH, _HEIGHT, parts)


def bars(chart: Bars) -> Markup:
    """One bar a row with its value, and its interval as a whisker."""
    height = _BAR_ROW * len(chart.bars) + 8
    most = max((each for bar in chart.bars for each in (bar.value, bar.high) if each is not None), default=1.0) or 1.0
    scale = _Scale(0.0, most, _BAR_NAMES, _WIDTH - _BAR_VALUES)
    parts = [part for row, bar in enumerate(chart.bars) for part in _bar(bar, 4 + row * _BAR_ROW, scale)]
    return _svg(chart.title, _WIDTH, height, parts)


def number(value: float | None) -> str:
    """As many digits as say something."""
    if value is None:
        return "–"
    if value == int(value):
        return f"{value:,.0f}"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}"


def _svg(title: str, width: float, height: float, parts: Sequence[str]) -> Markup:
    # Everything in it is a number of ours or went through escape().
    head = f'<svg viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{escape(title)}">'
    return Markup("").join(Markup(part) for part in (head, *parts, "</svg>"))  # noqa: S704 - see above


def _axes(chart: Curve, x: _Scale, y: _Scale) -> Iterator[str]:
    for tick in y.ticks():
        yield _path("grid", [(x.start, y.at(tick)), (x.end, y.at(tick))])
        yield _text(x.start - 6, y.at(tick) + 4, f"{tick:g}", "tick end")
    for tick in x.ticks():
        yield _path("grid", [(x.at(tick), y.start), (x.at(tick), y.end)])
        yield _text(x.at(tick), y.start + 15, f"{tick:g}", "tick middle")
    yield _text((x.start + x.end) / 2, _HEIGHT - 6, chart.x, "axis middle")
    yield _text(x.start - 40, 10, chart.y, "axis")


def _series(line: Line, look: int, x: _Scale, y: _Scale, *, scattered: bool) -> Iterator[str]:
    points = [(x.at(first), y.at(second)) for first, second in line.points]
    # Dots of one name belong together; single ones are things of their own.
    if len(points) > 1:
        yield _path(f"line look{look}" + (" faint" if scattered else ""), points)
    for (left, top), (first, second) in zip(points, line.points, strict=True):
        told = f"{line.name}: {number(first)}, {number(second)}"
        look_of_dot = look if len(points) > 1 or not scattered else 0
        dot = f'<circle class="dot look{look_of_dot}" cx="{left:.1f}" cy="{top:.1f}" r="3.2">'
        yield f"{dot}<title>{escape(told)}</title></circle>"


def _names(chart: Curve, x: _Scale, y: _Scale) -> Iterator[str]:
    """Each line's name beside its last point, where it lies over no other name and over no dot."""
    dots = [(x.at(first), y.at(second)) for line in chart.lines for first, second in line.points]
    taken = [_Box(left - 3, top - 3, left + 3, top + 3) for left, top in dots]
    for line in chart.lines:
        if not line.points:
            continue
        left, top = x.at(line.points[-1][0]), y.at(line.points[-1][1])
        boxes = [box for box in _beside(left, top, _LETTER * len(line.name)) if box.left > x.start]
        box = next((box for box in boxes if not any(box.over(other) for other in taken)), boxes[0])
        taken.append(box)
        yield _text(box.left, box.bottom - 2, line.name, "name")


class _Box(NamedTuple):
    left: float
    top: float
    right: float
    bottom: float

    def over(self, other: "_Box") -> bool:
        across = self.left < other.right and other.left < self.right
        return across and self.top < other.bottom and other.top < self.bottom


def _beside(left: float, top: float, width: float) -> Iterator[_Box]:
    """Right of a dot first, then left of it, then farther and farther above and below."""
    for away in range(0, 60, 6):
        for down in (away, -away):
            for start in (left + 7, left - 7 - width):
                middle = top + down
                yield _Box(start, middle - _TEXT_HEIGHT / 2, start + width, middle + _TEXT_HEIGHT / 2)


def _bar(bar: Figure, top: float, scale: _Scale) -> Iterator[str]:
    value = bar.value or 0.0
    middle = top + _BAR_ROW / 2
    yield _text(scale.start - 8, middle + 4, bar.name, "name end")
    width = max(0.0, scale.at(value) - scale.start)
    yield f'<rect class="bar" x="{scale.start:.1f}" y="{top + 4:.1f}" width="{width:.1f}" height="{_BAR_ROW - 8:.1f}"/>'
    end = scale.at(value)
    if bar.low is not None and bar.high is not None:
        yield _path("whisker", [(scale.at(bar.low), middle), (scale.at(bar.high), middle)])
        end = max(end, scale.at(bar.high))
    yield _text(end + 6, middle + 4, number(bar.value), "tick")


def _path(look: str, points: Sequence[tuple[float, float]]) -> str:
    return f'<polyline class="{look}" points="{" ".join(f"{left:.1f},{top:.1f}" for left, top in points)}"/>'


def _text(left: float, top: float, words: str, look: str) -> str:
    return f'<text class="{look}" x="{left:.1f}" y="{top:.1f}">{escape(words)}</text>'


def _range(values: Sequence[float]) -> tuple[float, float]:
    """Round ends around all values, nought included where it is near."""
    low, high = min(values, default=0.0), max(values, default=1.0)
    step = _round_step(max(high - low, 1e-6) / 5)
    if 0 <= low <= high / 4:
        low = 0.0
    low, high = math.floor(low / step) * step, math.ceil(high / step) * step
    return (low, high) if high > low else (low, low + step)


def _round_step(wanted: float) -> float:
    power = 10.0 ** math.floor(math.log10(wanted))
    return next(step * power for step in (1, 2, 2.5, 5, 10) if step * power >= wanted * 0.999)
