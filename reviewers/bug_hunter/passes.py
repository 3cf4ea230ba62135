"""How often a change is read, by the effort asked for; what each reading looks at first, and in which order."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from app.domain.repo_config import Effort
from reviewers.bug_hunter.excerpts import Batch, Excerpt


@dataclass(frozen=True)
class Pass:
    """One reading of the whole change. Readings that differ agree on what is there, and seldom on what is not."""

    number: int
    # What it looks at first; empty for a reading that looks at everything alike.
    lens: str = ""

    @property
    def voter(self) -> str:
        return f"pass {self.number}"

    def ordered(self, batch: Batch) -> Batch:
        """The batch in this pass's own order, the same each time; the first pass reads in the order of the diff.

        By file and hunk alone, so that a later head asks the same question about what did not change.
        """
        if self.number == 1:
            return batch
        return Batch(tuple(sorted(batch.excerpts, key=self._place)))

    def _place(self, excerpt: Excerpt) -> tuple[str, str, str]:
        # Equal keys keep their order: the parts of a long hunk stay behind each other.
        return self._draw(excerpt.path), excerpt.path, self._draw(f"{excerpt.path}\0{excerpt.hunk}")

    def _draw(self, what: str) -> str:
        return hashlib.sha256(f"{self.number}\0{what}".encode("utf-8", "surrogatepass")).hexdigest()


# A reading that looks at everything alike, in the order of the diff.
ONCE = Pass(1)


@dataclass(frozen=True)
class Plan:
    """The readings of a change, and how many must have said the same before it counts."""

    passes: tuple[Pass, ...]
    votes: int
    # How often each may ask to see more of the tree before it answers. More context makes most readers worse and all of
    # them dearer, so that only the check and the highest effort have tools.
    looks: int = 0

    @property
    def quorum(self) -> int:
        """How many readings of a hunk make it read: with fewer, what is true could not gather its votes."""
        return len(self.passes) // 2 + 1


_CORRECTNESS = "correctness: wrong results, conditions, defaults and boundaries; what is null, empty or there twice"
_SECURITY = "security: whatever a stranger can send, reach or read; who may do this; secrets, paths, queries, parsing"
_CONCURRENCY = "concurrency and resources: what runs twice, at once, half or late; what is never closed or freed"
_CONTRACT = "contracts: every caller, implementer, stored format and document of what is changed here"
_REMOVED = "removed behaviour: for every removed line, what it guarded against and who does so now"
_TESTS = "tests: which of them can still fail, and what they would have to show about this change"


def _plan(votes: int, *lenses: str, looks: int = 0) -> Plan:
    return Plan(tuple(Pass(number, lens) for number, lens in enumerate(lenses, 1)), votes, looks)


# Measured on drawn reviews: one pass finds .34 of what there is with .53 of it true, five that must agree by two
# .48 with .73, eight that must agree by three .47 with .78 (each with a check behind them).
PLANS: Mapping[Effort, Plan] = {
    "low": Plan((ONCE,), votes=1),
    "normal": _plan(2, _CORRECTNESS, _SECURITY, _CONCURRENCY, _CONTRACT, _REMOVED),
    "high": _plan(3, _CORRECTNESS, _SECURITY, _CONCURRENCY, _CONTRACT, _REMOVED, _TESTS, "", "", looks=2),
}
