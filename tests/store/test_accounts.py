"""Reviews that run at once spend the same money once, and the operator's limit holds for all repositories."""

import asyncio
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.accounts import Accounts
from app.domain.errors import RateLimited, Refused
from app.domain.repo_config import BudgetLimits
from app.domain.review import ReviewerUsage
from app.llm.budget import MeteredModel
from app.store.database import Database
from app.store.usage import Usage
from tests.llm.test_budget import QUESTION, PricedModel
from tests.store.samples import REF, StoppedClock, seen_pull_request

SPENDER = Path(__file__).parent / "programs" / "spend_money.py"
OTHER = REF.model_copy(update={"number": 13})
ELSEWHERE = REF.model_copy(update={"repo_id": "1002"})
LIMITS = BudgetLimits(pull_request=1_000, review=1_000, day=1_000)


def limits(**dollars: float) -> BudgetLimits:
    return LIMITS.model_copy(update=dollars)


async def test_reviews_at_once_do_not_overdraw_a_day_together(db: Database, clock: StoppedClock) -> None:
    accounts, spent = Accounts(Usage(db), daily_budget=None, clock=clock), limits(day=15)
    first, second = PricedModel(), PricedModel()
    one = MeteredModel(first, await accounts.open("one", REF, spent))
    other = MeteredModel(second, await accounts.open("other", OTHER, spent))
    await one.ask(QUESTION)
    await other.ask(QUESTION)
    assert (first.calls, second.calls) == ([10_000], [5_000]), "what is left buys a shorter answer"
    with pytest.raises(RateLimited) as caught:
        await one.ask(QUESTION)
    assert caught.value.until == datetime(2026, 3, 2, tzinfo=UTC)
    clock.move(timedelta(days=1))
    await MeteredModel(first, await accounts.open("tomorrow", REF, spent)).ask(QUESTION)


async def test_what_is_written_down_counts_once(db: Database, clock: StoppedClock) -> None:
    await seen_pull_request(db)
    accounts, usage = Accounts(Usage(db), daily_budget=None, clock=clock), Usage(db)
    done = await accounts.open("done", REF, LIMITS)
    await MeteredModel(PricedModel(), done).ask(QUESTION)
    written = ReviewerUsage(model="priced", requests=1, dollars=done.taken)
    await usage.add("done", REF, "7", written, clock())
    accounts.written("done")
    assert (await accounts.open("next", REF, limits(day=100))).dollars_left == 90


async def test_the_operators_day_counts_every_repository(db: Database, clock: StoppedClock) -> None:
    accounts = Accounts(Usage(db), daily_budget=12, clock=clock)
    await seen_pull_request(db)
    await Usage(db).add("before", REF, "7", ReviewerUsage(model="priced", dollars=1.5), clock() - timedelta(hours=13))
    inner = PricedModel()
    await MeteredModel(inner, await accounts.open("one", REF, LIMITS)).ask(QUESTION)
    later = MeteredModel(inner, await accounts.open("other", ELSEWHERE, LIMITS))
    await later.ask(QUESTION)
    with pytest.raises(RateLimited):
        await later.ask(QUESTION)
    assert inner.calls == [10_000, 2_000]


async def test_a_review_at_work_sees_what_another_process_spent_meanwhile(
    sqlite_file: Path, clock: StoppedClock
) -> None:
    url = f"sqlite:///{sqlite_file}"
    db = await Database.open(url)
    try:
        for ref in (REF, REF.model_copy(update={"repo_id": "1002", "number": 1})):
            await seen_pull_request(db, ref)
        accounts = Accounts(Usage(db), daily_budget=16, clock=clock)
        inner = PricedModel()
        model = MeteredModel(inner, await accounts.open("one", REF, LIMITS))
        await model.ask(QUESTION)
        spender = await asyncio.create_subprocess_exec(sys.executable, "-I", SPENDER, url, clock().isoformat())
        assert await spender.wait() == 0
        with pytest.raises(RateLimited):
            await model.ask(QUESTION)
        assert inner.calls == [10_000], "of sixteen dollars none is left"
    finally:
        await db.close()


async def test_one_review_stops_at_its_own_limit(db: Database, clock: StoppedClock) -> None:
    accounts, spent = Accounts(Usage(db), daily_budget=None, clock=clock), limits(review=10.5)
    model = MeteredModel(PricedModel(), await accounts.open("one", REF, spent))
    await model.ask(QUESTION)
    with pytest.raises(Refused, match=r"budget of this review \(\$10.50\) is spent; .*`budget.review`"):
        await model.ask(QUESTION)
    await MeteredModel(PricedModel(), await accounts.open("another", REF, spent)).ask(QUESTION)


async def test_a_question_dearer_than_the_operators_day_says_whose_limit_it_is(
    db: Database, clock: StoppedClock
) -> None:
    class DearInput(PricedModel):
        def price(self, *, input_tokens: int, output_tokens: int, cached_tokens: int = 0) -> float | None:
            del input_tokens, cached_tokens
            return 3.0 + output_tokens / 1_000

    accounts = Accounts(Usage(db), daily_budget=2, clock=clock)
    with pytest.raises(Refused, match=r"\$3, more than the budget of a day .*\(\$2\); the operator .*`daily_budget`"):
        await MeteredModel(DearInput(), await accounts.open("one", REF, LIMITS)).ask(QUESTION)
