"""Measures of many pull requests as one table: rates, counts, medians."""

from collections import Counter
from collections.abc import Sequence
from statistics import median

from app.domain.findings import Severity
from app.domain.measures import Escape, Judged, Measure
from app.domain.model import Frozen

Measured = tuple[Measure, tuple[Judged, ...]]


class Rate(Frozen):
    """So many of so many."""

    name: str
    part: int
    of: int

    @property
    def share(self) -> float | None:
        return self.part / self.of if self.of else None


class Summary(Frozen):
    """Of a window. Rates are over findings that had a thread and whose end is known."""

    pull_requests: int
    merged: int
    reviews: int
    findings: int
    unknown: int
    acted_on: Rate
    # By which sign -> how often: our suggestion, our fix, mended by people, …
    acted_on_by: tuple[tuple[str, int], ...] = ()
    # The same question about lines that nobody flagged: what is over it is ours.
    control: Rate
    by_severity: tuple[Rate, ...]
    by_category: tuple[Rate, ...]
    # Reason of a dismissal -> how often.
    dismissals: tuple[tuple[str, int], ...]
    median_seconds: float | None
    dollars: float
    escapes: tuple[Escape, ...] = ()


def summarise(measured: Sequence[Measured], escapes: Sequence[Escape] = ()) -> Summary:
    seen = [one for _, judged in measured for one in judged if one.posted]
    known = [one for one in seen if one.fate != "unknown"]
    times = [one.first_review_seconds for one, _ in measured if one.first_review_seconds is not None]
    dismissals = Counter(one.how for one in seen if one.fate == "dismissed")
    return Summary(
        pull_requests=len(measured),
        merged=sum(one.state == "merged" for one, _ in measured),
        reviews=sum(one.reviews for one, _ in measured),
        findings=len(seen),
        unknown=len(seen) - len(known),
        acted_on=_rate("all", known),
        acted_on_by=tuple(Counter(one.how for one in seen if one.fate == "acted_on").most_common()),
        control=Rate(
            name="lines that nobody flagged",
            part=sum(one.control_changed for one, _ in measured),
            of=sum(one.control_lines for one, _ in measured),
        ),
        by_severity=tuple(
            _rate(severity.value, of_it)
            for severity in reversed(Severity)
            if (of_it := [one for one in known if one.severity is severity])
        ),
        by_category=_by_category(known),
        dismissals=tuple(dismissals.most_common()),
        median_seconds=median(times) if times else None,
        dollars=sum(one.dollars for one, _ in measured),
        escapes=tuple(escapes),
    )


def _by_category(known: Sequence[Judged]) -> tuple[Rate, ...]:
    """What there is most of stands first."""
    counts = Counter(one.category for one in known)
    found = sorted(counts, key=lambda category: (-counts[category], category))
    return tuple(_rate(one.value, [each for each in known if each.category is one]) for one in found)


def _rate(name: str, known: Sequence[Judged]) -> Rate:
    return Rate(name=name, part=sum(one.fate == "acted_on" for one in known), of=len(known))
