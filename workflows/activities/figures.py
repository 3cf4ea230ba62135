"""What activities count, seen from below: whoever keeps the figures satisfies it."""

from typing import Protocol


class Figures(Protocol):
    def review(self, outcome: str, seconds: float) -> None:
        """A run ended, so many seconds after it was opened."""
        ...

    def wait(self, limit: str) -> None:
        """A wait was written to a check."""
        ...

    def janitor(self, *, late: int, closed: int) -> None:
        """Runs that should have ended: how many still work, and how many were closed, their workflow being gone."""
        ...
