"""A measured figure beside its target, and how a list of them is printed."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

# A figure that names no target is there to explain the others.
Target = float | None


@dataclass(frozen=True)
class Figure:
    """`target` is what it may be at most, unless `at_least`."""

    name: str
    value: float
    unit: str = ""
    target: Target = None
    at_least: bool = False

    @property
    def ratio(self) -> float | None:
        """1.0 is just good enough, less is better; None without a target."""
        if self.target is None:
            return None
        if self.at_least:
            return math.inf if self.value == 0 else self.target / self.value
        if self.target == 0:
            return 0.0 if self.value == 0 else math.inf
        return self.value / self.target

    @property
    def missed(self) -> bool:
        return self.ratio is not None and self.ratio > 1.0


def percentile(values: Iterable[float], share: float) -> float:
    """The smallest value that at least this share of them does not exceed; NaN when there are none."""
    ordered = sorted(values)
    if not ordered:
        return math.nan
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def spread(name: str, values: Sequence[float], *, unit: str = "s", shares: Sequence[int] = (50, 95)) -> list[Figure]:
    """Percentiles without targets."""
    return [Figure(f"{name} p{share}", percentile(values, share / 100), unit) for share in shares]


def table(title: str, figures: Sequence[Figure]) -> str:
    rows = [_row(figure) for figure in figures]
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(4)]
    lines = [f"\n{title}"]
    for row in rows:
        name, value, target, ratio = row
        lines.append(
            f"  {name:<{widths[0]}}  {value:>{widths[1]}}  {target:>{widths[2]}}  {ratio:>{widths[3]}}".rstrip()
        )
    return "\n".join(lines)


def _row(figure: Figure) -> tuple[str, str, str, str]:
    if figure.target is None:
        return figure.name, _quantity(figure.value, figure.unit), "", ""
    sign = "≥" if figure.at_least else "≤"
    ratio = "" if figure.ratio is None else f"{figure.ratio:.2f}{' MISSED' if figure.missed else ''}"
    return figure.name, _quantity(figure.value, figure.unit), f"{sign} {_quantity(figure.target, figure.unit)}", ratio


def _quantity(value: float, unit: str) -> str:
    digits = 0 if value == int(value) or abs(value) >= 100 else 1 if abs(value) >= 10 else 3
    text = f"{value:,.{digits}f}" if math.isfinite(value) else str(value)
    return f"{text} {unit}".rstrip()
