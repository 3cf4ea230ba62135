"""Whose money a review spends: limits of the repository and of the operator, also beside reviews that are open here."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, time
from functools import partial

from app.domain.pull_request import PullRequestRef
from app.domain.repo_config import BudgetLimits
from app.llm.budget import UNLIMITED, Allowance, Allowances, Budget
from app.store.usage import Usage


@dataclass(frozen=True)
class _Opened:
    """A budget whose spending is not in the store yet."""

    ref: PullRequestRef
    budget: Budget
    at: datetime


class Accounts:
    """One for a process that asks models.

    Reviews that run at the same time see each other's spending before it is written down, so that together they do not
    overdraw a limit either. Another process's is seen when it is written, at the end of its reviews.
    """

    def __init__(self, usage: Usage, *, daily_budget: float | None, clock: Callable[[], datetime]) -> None:
        self._usage = usage
        self._daily_budget = daily_budget
        self._clock = clock
        self._opened: dict[str, _Opened] = {}

    async def open(self, key: str, ref: PullRequestRef, limits: BudgetLimits) -> Budget:
        """For a review or an answer by this name, until `written`; the same name again takes the place of the first."""
        budget = await self.beside(ref, limits, key=key)
        today = self._midnight()
        kept = {name: one for name, one in self._opened.items() if one.at >= today}
        self._opened = {**kept, key: _Opened(ref, budget, self._clock())}
        return budget

    async def beside(self, ref: PullRequestRef, limits: BudgetLimits, *, key: str = "") -> Budget:
        """For those who keep accounts of their own, which no review needs to see."""
        look = partial(self._look, key, ref, limits)
        now = await look()
        return Budget(
            pull_request=now.pull_request,
            day=now.day,
            review=now.review,
            everywhere=now.everywhere,
            look=look,
            clock=self._clock,
        )

    def written(self, key: str) -> None:
        """What was spent is in the store from now on."""
        self._opened.pop(key, None)

    async def _look(self, key: str, ref: PullRequestRef, limits: BudgetLimits) -> Allowances:
        midnight = self._midnight()
        usage, limit = self._usage, self._daily_budget
        spent = await usage.spent(ref, midnight)
        everywhere = UNLIMITED if limit is None else Allowance(limit, await usage.spent_everywhere(midnight))
        # After the last read: what is written meanwhile counts twice rather than never.
        open_now = [one for other, one in self._opened.items() if other != key and one.at >= midnight]
        return Allowances(
            review=Allowance(limits.review),
            pull_request=Allowance(
                limits.pull_request, spent.pull_request + _taken(one for one in open_now if one.ref == ref)
            ),
            day=Allowance(limits.day, spent.repository + _taken(one for one in open_now if _is_beside(one.ref, ref))),
            everywhere=Allowance(everywhere.limit, everywhere.spent + _taken(open_now)),
        )

    def _midnight(self) -> datetime:
        return datetime.combine(self._clock().date(), time(), UTC)


def _is_beside(one: PullRequestRef, other: PullRequestRef) -> bool:
    return (one.connection, one.repo_id) == (other.connection, other.repo_id)


def _taken(opened: Iterable[_Opened]) -> float:
    return sum(one.budget.taken for one in opened)
