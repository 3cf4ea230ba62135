"""Money: what a review may still spend, asked before every call, and what it did spend."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from typing import Protocol

from app.domain.errors import RateLimited, Refused
from app.domain.review import ReviewerUsage
from app.llm.chat import Answer, ChatModel, Question
from app.llm.prices import estimate_tokens

# A question whose answer may not even have this many tokens is not worth its input.
_LEAST_OUTPUT_TOKENS = 1_000


@dataclass(frozen=True)
class Allowance:
    """Dollars: a limit, and what was spent of it besides this review."""

    limit: float
    spent: float = 0.0

    @property
    def left(self) -> float:
        return self.limit - self.spent


UNLIMITED = Allowance(float("inf"))


@dataclass(frozen=True, kw_only=True)
class Allowances:
    """All that limit one review; the smallest rest counts."""

    pull_request: Allowance
    # Of the repository.
    day: Allowance
    review: Allowance = UNLIMITED
    # Of all repositories together.
    everywhere: Allowance = UNLIMITED

    @property
    def left(self) -> float:
        return min(one.left for one in (self.review, self.pull_request, self.day, self.everywhere))


class AnswerStore(Protocol):
    """Answers of this run that outlive the process, so that a restarted review repeats only the call that was cut."""

    async def recall(self, key: str, ask: Callable[[], Awaitable[Answer]]) -> Answer:
        """The stored answer, or what `ask` returns, stored before it is returned."""
        ...


class Budget:
    """What one review may spend. Reserves the worst case before a call, so that parallel calls cannot overdraw it."""

    def __init__(
        self,
        *,
        pull_request: Allowance,
        day: Allowance,
        review: Allowance = UNLIMITED,
        everywhere: Allowance = UNLIMITED,
        look: Callable[[], Awaitable[Allowances]] | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`look` reads anew what others have spent meanwhile."""
        self._allowances = Allowances(pull_request=pull_request, day=day, review=review, everywhere=everywhere)
        self._look = look
        self._clock = clock
        self._taken = 0.0
        # Calls whose worst case is set aside; most of it comes back when they are answered.
        self._open = 0
        self._settled = asyncio.Event()

    @property
    def taken(self) -> float:
        """Dollars of this review: spent, and set aside for what is being asked."""
        return self._taken

    @property
    def dollars_left(self) -> float:
        return self._allowances.left - self._taken

    async def look(self) -> None:
        """Before each call: other reviews spend at the same time."""
        if self._look is not None:
            self._allowances = await self._look()

    async def room_for(self, model: ChatModel, input_tokens: int, max_output_tokens: int) -> None:
        """Until the worst case of a call fits beside the open ones, or none is open: most of theirs comes back."""
        worst = model.price(input_tokens=input_tokens, output_tokens=max_output_tokens) or 0.0
        while self._open and worst > self.dollars_left:
            self._settled.clear()
            await self._settled.wait()

    def reserve(self, model: ChatModel, input_tokens: int, max_output_tokens: int) -> tuple[float, int]:
        """Dollars set aside for one call, and how many tokens its answer may have for them.

        Raises Refused when the review's or the pull request's budget is spent, RateLimited until midnight UTC when the
        repository's or everybody's of the day is.
        A model without a known price is free here: nothing can be counted.
        """
        worst = model.price(input_tokens=input_tokens, output_tokens=max_output_tokens)
        if not worst:
            return 0.0, max_output_tokens
        tokens = max_output_tokens
        if worst > self.dollars_left:
            asking = model.price(input_tokens=input_tokens, output_tokens=0) or 0.0
            tokens = int(max_output_tokens * (self.dollars_left - asking) / (worst - asking)) if worst > asking else 0
            if tokens < _LEAST_OUTPUT_TOKENS:
                self._stop(asking)
            worst = self.dollars_left
        self._taken += worst
        self._open += 1
        return worst, tokens

    def settle(self, reserved: float, spent: float | None) -> None:
        """What the call really cost, in place of what was set aside."""
        self._taken += (spent or 0.0) - reserved
        if reserved:
            self._open -= 1
            self._settled.set()

    def _stop(self, asking: float) -> None:
        now = self._allowances
        # Where two are spent alike, the nearer one is told.
        limits = {"review": now.review, "pull_request": now.pull_request, "day": now.day, "everywhere": now.everywhere}
        which = min(limits, key=lambda name: limits[name].left)
        if which in {"review", "pull_request"}:
            raise Refused(
                f"the budget of this {which.replace('_', ' ')} ({_money(limits[which].limit)}) is spent;"
                f" a maintainer can raise `budget.{which}`"
            )
        if asking >= limits[which].limit:
            whose, next_step = (
                ("a whole day's budget", "a maintainer can raise `budget.day`")
                if which == "day"
                else ("the budget of a day for everything", "the operator can raise `daily_budget`")
            )
            raise Refused(
                f"one question costs {_money(asking)}, more than {whose} ({_money(limits[which].limit)}); {next_step}"
            )
        tomorrow = self._clock().astimezone(UTC).date() + timedelta(days=1)
        raise RateLimited(datetime.combine(tomorrow, time(), UTC), "budget")


class MeteredModel:
    """A model that asks the budget first, keeps count, and does not ask again what was answered in this run."""

    def __init__(self, model: ChatModel, budget: Budget, answers: AnswerStore | None = None) -> None:
        self._model = model
        self._budget = budget
        self._answers = answers
        self._used: dict[str, ReviewerUsage] = {}

    @property
    def label(self) -> str:
        return self._model.label

    @property
    def usage(self) -> ReviewerUsage:
        """Of the model that was meant."""
        return self._used.get(self.label, ReviewerUsage(model=self.label))

    @property
    def usages(self) -> tuple[ReviewerUsage, ...]:
        """Of every model that answered, in the order in which they first did."""
        return tuple(self._used.values())

    async def ask(self, question: Question) -> Answer:
        """The answer, new or stored; what was stored was paid by an earlier attempt of this run and counts as well."""
        paid = False

        async def pay() -> Answer:
            nonlocal paid
            paid = True
            return await self._pay(question)

        answer = await (self._answers.recall(question.key(self._model.label), pay) if self._answers else pay())
        if not paid:
            self._budget.settle(0.0, self._price(answer))
        self._count(answer)
        return answer

    async def _pay(self, question: Question) -> Answer:
        asked = estimate_tokens(question.instructions) + estimate_tokens(question.prompt)
        asked += sum(estimate_tokens(one.answer) + estimate_tokens(one.problem) for one in question.tries)
        await self._budget.look()
        await self._budget.room_for(self._model, asked, question.max_output_tokens)
        reserved, tokens = self._budget.reserve(self._model, asked, question.max_output_tokens)
        spent: float | None = 0.0
        try:
            answer = await self._model.ask(replace(question, max_output_tokens=tokens))
            spent = self._price(answer)
        finally:
            self._budget.settle(reserved, spent)
        return answer

    def _price(self, answer: Answer) -> float | None:
        if answer.by:
            return answer.dollars
        return self._model.price(
            input_tokens=answer.input_tokens,
            output_tokens=answer.output_tokens,
            cached_tokens=answer.cached_tokens,
        )

    def _count(self, answer: Answer) -> None:
        label, price = answer.by or self.label, self._price(answer)
        before = self._used.get(label, ReviewerUsage(model=label))
        self._used[label] = ReviewerUsage(
            model=label,
            requests=before.requests + 1,
            input_tokens=before.input_tokens + answer.input_tokens,
            output_tokens=before.output_tokens + answer.output_tokens,
            cached_tokens=before.cached_tokens + answer.cached_tokens,
            dollars=None if price is None or before.dollars is None else before.dollars + price,
        )


def _money(dollars: float) -> str:
    return f"${dollars:.2f}".removesuffix(".00")
