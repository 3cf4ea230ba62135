"""Money stops before it is spent, also when several calls are open at once."""

import asyncio
from datetime import UTC, datetime

import pytest

from app.domain.errors import RateLimited, Refused
from app.llm.budget import Allowance, Budget, MeteredModel
from app.llm.chat import Answer, ModelUnavailable, Question
from app.llm.prices import dollars, estimate_tokens
from tests.harness.scripts import Memory

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
QUESTION = Question(instructions="i", prompt="p" * 3_200, schema_name="s", schema={}, max_output_tokens=10_000)


class PricedModel:
    """Costs $1 a thousand tokens of output and nothing for input; answers with as many tokens as it may."""

    label = "priced"

    def __init__(self, known: bool = True, fails: bool = False) -> None:
        self.calls: list[int] = []
        self._known = known
        self._fails = fails

    def price(self, *, input_tokens: int, output_tokens: int, cached_tokens: int = 0) -> float | None:
        del input_tokens, cached_tokens
        return output_tokens / 1_000 if self._known else None

    async def ask(self, question: Question) -> Answer:
        self.calls.append(question.max_output_tokens)
        await asyncio.sleep(0)
        if self._fails:
            raise ModelUnavailable("model answered 500")
        return Answer(text="{}", input_tokens=10, output_tokens=question.max_output_tokens)

    async def close(self) -> None: ...


def budget(pull_request: float, day: float, *, spent_today: float = 0.0) -> Budget:
    return Budget(pull_request=Allowance(pull_request), day=Allowance(day, spent_today), clock=lambda: NOON)


async def test_the_pull_requests_budget_ends_in_a_refusal_with_the_key_to_raise() -> None:
    model = MeteredModel(PricedModel(), budget(10.5, 100))
    await model.ask(QUESTION)
    with pytest.raises(Refused, match=r"budget of this pull request \(\$10.50\) is spent; .*`budget.pull_request`"):
        await model.ask(QUESTION)


async def test_the_days_budget_waits_for_midnight_utc() -> None:
    inner = PricedModel()
    model = MeteredModel(inner, budget(100, 20, spent_today=19.5))
    with pytest.raises(RateLimited) as caught:
        await model.ask(QUESTION)
    assert (caught.value.kind, caught.value.until) == ("budget", datetime(2026, 11, 22, tzinfo=UTC))
    assert not inner.calls, "checked before the call"


async def test_the_last_dollars_buy_a_shorter_answer() -> None:
    inner = PricedModel()
    await MeteredModel(inner, budget(4, 100)).ask(QUESTION)
    assert inner.calls == [4_000]


async def test_parallel_calls_cannot_overdraw() -> None:
    inner = PricedModel()
    model = MeteredModel(inner, budget(25, 100))
    results = await asyncio.gather(*(model.ask(QUESTION) for _ in range(6)), return_exceptions=True)
    assert sum(isinstance(one, Refused) for one in results) == 3
    assert model.usage.dollars == pytest.approx(25)


async def test_a_failed_call_gives_its_money_back() -> None:
    purse = budget(10, 100)
    with pytest.raises(ModelUnavailable):
        await MeteredModel(PricedModel(fails=True), purse).ask(QUESTION)
    assert purse.dollars_left == 10


async def test_a_model_without_a_price_is_counted_but_not_stopped() -> None:
    model = MeteredModel(PricedModel(known=False), budget(0, 0))
    await model.ask(QUESTION)
    assert (model.usage.requests, model.usage.output_tokens, model.usage.dollars) == (1, 10_000, None)


async def test_a_question_dearer_than_a_day_does_not_wait_for_ever() -> None:
    class DearInput(PricedModel):
        def price(self, *, input_tokens: int, output_tokens: int, cached_tokens: int = 0) -> float | None:
            del input_tokens, cached_tokens
            return 3.0 + output_tokens / 1_000

    with pytest.raises(Refused, match=r"one question costs \$3, more than a whole day's budget \(\$2\)"):
        await MeteredModel(DearInput(), budget(100, 2)).ask(QUESTION)


async def test_a_restarted_review_asks_only_what_was_not_answered_and_still_counts_it() -> None:
    inner, memory = PricedModel(), Memory()
    await MeteredModel(inner, budget(50, 100), memory).ask(QUESTION)
    purse = budget(50, 100)
    again = MeteredModel(inner, purse, memory)
    await again.ask(QUESTION)
    assert len(inner.calls) == 1
    assert (again.usage.requests, again.usage.dollars, purse.dollars_left) == (1, 10.0, 40.0)


def test_prices_come_from_the_installed_list() -> None:
    price = dollars("anthropic", "claude-sonnet-4-5", input_tokens=1_000_000, output_tokens=0)
    assert price is not None
    assert 1 < price < 20
    assert dollars("anthropic", "no-such-model", input_tokens=1, output_tokens=1) is None
    assert dollars("ollama", "llama3", input_tokens=1, output_tokens=1) is None


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [("", 0, 1), ("def f(x):\n    return x + 1\n" * 100, 800, 1_200), ("漢字" * 100, 200, 201), ("\ud800", 1, 3)],
)
def test_tokens_are_guessed_high_and_offline(text: str, least: int, most: int) -> None:
    assert least <= estimate_tokens(text) <= most
