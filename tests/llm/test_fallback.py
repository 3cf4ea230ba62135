"""One model cannot be used and another stands in for it, over the wire: who did what is known, and who pays."""

from collections.abc import AsyncGenerator, Generator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.domain.errors import RateLimited, Refused, UserError
from app.domain.review import ReviewerReport
from app.llm.budget import Allowance, Budget, MeteredModel
from app.llm.chat import ChatModel, ModelRefused, ModelUnavailable, PromptTooLong, Question
from app.llm.fallback import FirstUsable, Standing
from app.llm.models import ModelAccess, ModelSpec, open_model
from reviewers.bug_hunter.reviewer import BugHunter
from tests.harness.changes import change_of
from tests.harness.llm_server import LlmServer, Weather, llm_server
from tests.harness.scripts import PLENTY, plenty

QUESTION = Question(instructions="Find bugs.", prompt="x = 1", schema_name="report", schema={"type": "object"})
FIRST, SECOND = "openai-compatible:first", "openai-compatible:second"


@dataclass
class Clock:
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __call__(self) -> datetime:
        return self.now


@dataclass(frozen=True)
class Pair:
    """Two providers, and a clock for what is remembered of them."""

    first: LlmServer
    second: LlmServer
    clock: Clock

    def asked(self) -> tuple[int, int]:
        return len(self.first.requests), len(self.second.requests)

    @asynccontextmanager
    async def model(self) -> AsyncGenerator[ChatModel]:
        opened = [
            open_model(ModelSpec.parse(f"{name}@{server.url}"), ModelAccess(deadline=timedelta(seconds=20)))
            for name, server in ((FIRST, self.first), (SECOND, self.second))
        ]
        model = FirstUsable(opened, Standing(self.clock))
        try:
            yield model
        finally:
            await model.close()


@pytest.fixture
def pair() -> Generator[Pair]:
    with ExitStack() as stack:
        yield Pair(stack.enter_context(llm_server()), stack.enter_context(llm_server()), Clock())


@pytest.mark.parametrize("weather", ["401", "404", "quota", "500", "reset", "refusal", "filter", "400 context"])
async def test_the_next_one_answers_and_says_so(pair: Pair, weather: Weather) -> None:
    pair.first.weather = weather
    async with pair.model() as model:
        answer = await model.ask(QUESTION)
    assert (answer.by, pair.asked()) == (SECOND, (1, 1))


@pytest.mark.parametrize(("weather", "asked"), [("401", 1), ("404", 1), ("quota", 1), ("500", 3), ("refusal", 3)])
async def test_what_has_to_be_mended_is_not_asked_each_time(pair: Pair, weather: Weather, asked: int) -> None:
    pair.first.weather = weather
    async with pair.model() as model:
        for _ in range(3):
            await model.ask(QUESTION)
        assert pair.asked() == (asked, 3)
        pair.first.weather = "normal"
        pair.clock.now += timedelta(minutes=11)
        assert (await model.ask(QUESTION)).by == FIRST


async def test_a_short_limit_is_waited_for_and_a_long_one_is_not(pair: Pair) -> None:
    pair.first.weather = "429"
    async with pair.model() as model:
        with pytest.raises(RateLimited):
            await model.ask(QUESTION)
        assert pair.asked() == (1, 0), "seven seconds are worth waiting for"
    pair.first.weather = "429 date"
    pair.clock.now -= timedelta(seconds=30)
    async with pair.model() as model:
        assert (await model.ask(QUESTION)).by == SECOND, "a minute and a half is not"
        await model.ask(QUESTION)
    assert pair.asked() == (2, 2), "and until then it is not asked again"


def test_one_that_always_says_later_is_left_alone_after_a_minute() -> None:
    clock = Clock()
    standing = Standing(clock)
    worth: list[bool] = []
    for _ in range(3):
        limit = RateLimited(clock.now + timedelta(seconds=29), "model")
        worth.append(standing.is_worth_waiting(FIRST, limit))
        clock.now = limit.until
    assert worth == [True, True, False]
    clock.now -= timedelta(seconds=1)
    assert isinstance(standing.trouble(FIRST), RateLimited)
    standing.answered(FIRST)
    clock.now += timedelta(seconds=1)
    assert standing.trouble(FIRST) is None
    assert standing.is_worth_waiting(FIRST, RateLimited(clock.now + timedelta(seconds=29), "model"))


@pytest.mark.parametrize(
    ("first", "second", "error"),
    [
        ("401", "429", RateLimited),
        ("401", "500", ModelUnavailable),
        ("refusal", "500", ModelUnavailable),
        ("refusal", "400 context", PromptTooLong),
        ("401", "refusal", ModelRefused),
        ("401", "404", UserError),
    ],
)
async def test_when_none_can_be_used_what_may_pass_is_told(
    pair: Pair, first: Weather, second: Weather, error: type[Exception]
) -> None:
    pair.first.weather, pair.second.weather = first, second
    async with pair.model() as model:
        with pytest.raises(error):
            await model.ask(QUESTION)
    assert pair.asked() == (1, 1)


async def test_a_spent_budget_never_falls_through(pair: Pair) -> None:
    class Priced(FirstUsable):
        def price(self, *, input_tokens: int, output_tokens: int, cached_tokens: int = 0) -> float | None:
            return 1.0

    async with pair.model() as model:
        assert isinstance(model, FirstUsable)
        priced = Priced([model], Standing(pair.clock))
        with pytest.raises(Refused, match="budget of this pull request"):
            await MeteredModel(priced, Budget(pull_request=Allowance(0.1), day=PLENTY)).ask(QUESTION)
    assert pair.asked() == (0, 0)


async def test_a_review_says_who_read_it_and_what_each_cost(pair: Pair, tmp_path: Path) -> None:
    pair.first.weather = "401"
    async with pair.model() as model:
        change = change_of(tmp_path, {}, {"a.py": "x = 1\n"})
        report: ReviewerReport = await BugHunter(model=model, budget=plenty()).review(change)
    assert [(one.model, one.requests, one.role) for one in report.usages] == [(SECOND, 5, "5 passes, kept at 2 votes")]
    assert {reading.state for reading in report.readings} == {"reviewed"}
