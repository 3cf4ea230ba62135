"""One model cannot go on with a conversation and another takes it over, over the wire."""

import json
from collections.abc import AsyncGenerator, Generator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from app.domain.conversation import Answered, Opening, Result, ToolCall
from app.domain.errors import RateLimited, UserError
from app.llm.chat import ModelRefused, ModelUnavailable, PromptTooLong
from app.llm.direct import open_talking_model
from app.llm.fallback import Standing
from app.llm.models import ModelAccess, ModelSpec
from app.llm.talk import ModelChanged, TalkingModel, TalkRequest, ToolSpec
from app.llm.talking_chain import TalkingChain
from tests.harness.llm_server import KEY, LlmServer, Weather, llm_server

FIRST, SECOND = "openai-compatible:first", "openai-compatible:second"
READ = ToolSpec(name="read", description="Read a file.", schema={"type": "object", "properties": {}})
OPENING = Opening(instructions="You mend.", text="Mend finding 2.")
REQUEST = TalkRequest(messages=(OPENING,), tools=(READ,))


@dataclass
class Clock:
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __call__(self) -> datetime:
        return self.now


@dataclass(frozen=True)
class Pair:
    first: LlmServer
    second: LlmServer
    clock: Clock
    standing: Standing

    def asked(self) -> tuple[int, int]:
        return len(self.first.requests), len(self.second.requests)

    @asynccontextmanager
    async def chain(self, *names: str) -> AsyncGenerator[TalkingChain]:
        """As a chunk of an agent's work opens it."""
        chain = await TalkingChain.begin(names or (FIRST, SECOND), self._open, self.standing)
        try:
            yield chain
        finally:
            await chain.close()

    async def _open(self, name: str) -> TalkingModel:
        if name not in {FIRST, SECOND}:
            raise UserError(f"'{name}' needs an API key.")
        server = self.first if name == FIRST else self.second
        access = ModelAccess(api_key=KEY, base_url=server.url, deadline=timedelta(seconds=20))
        return open_talking_model(ModelSpec.parse(name), access)


@pytest.fixture
def pair() -> Generator[Pair]:
    clock = Clock()
    with ExitStack() as stack:
        first, second = (stack.enter_context(llm_server(answer='{"path": "sums.py"}')) for _ in range(2))
        yield Pair(first, second, clock, Standing(clock))


async def talk(chain: TalkingChain, request: TalkRequest = REQUEST) -> Answered:
    return await chain.talk(request, lambda _: None)


@pytest.mark.parametrize(
    ("weather", "why"),
    [
        ("401", "openai-compatible: 401, the key ends in …x7Q"),
        ("404", "openai-compatible knows no model 'first' (404)"),
        ("quota", "openai-compatible: the account's quota or credit is used up"),
        ("filter", "model refused"),
    ],
)
async def test_what_another_can_cure_goes_to_the_next_at_once(pair: Pair, weather: Weather, why: str) -> None:
    pair.first.weather = weather
    async with pair.chain() as chain:
        with pytest.raises(ModelChanged) as changed:
            await talk(chain)
        assert str(changed.value) == f"{SECOND} takes over from {FIRST} ({why})"
        assert (chain.label, (await talk(chain)).by) == (SECOND, SECOND)
        pair.first.weather = "normal"
        assert (await talk(chain)).by == SECOND, "nothing goes back and forth"
    assert pair.asked() == (1, 2)


async def test_silence_is_tried_again_before_another_reads_the_whole_conversation(pair: Pair) -> None:
    pair.first.weather = "503"
    async with pair.chain() as chain:
        for _ in range(2):
            with pytest.raises(ModelUnavailable):
                await talk(chain)
        with pytest.raises(ModelChanged):
            await talk(chain)
    async with pair.chain() as chain:
        with pytest.raises(ModelChanged):
            await talk(chain)
    assert pair.asked() == (4, 0), "and the next chunk does not begin to count anew"
    pair.first.weather = "normal"
    async with pair.chain() as chain:
        assert (await talk(chain)).by == FIRST
        pair.first.weather = "503"
        with pytest.raises(ModelUnavailable):
            await talk(chain)


async def test_a_limit_is_waited_for_while_it_is_short_and_not_when_it_lasts(pair: Pair) -> None:
    pair.first.weather = "529"
    async with pair.chain() as chain:
        with pytest.raises(RateLimited):
            await talk(chain)
    pair.standing.answered(FIRST)
    pair.clock.now -= timedelta(seconds=40)
    async with pair.chain() as chain:
        with pytest.raises(ModelChanged, match="model limit until"):
            await talk(chain)
    async with pair.chain() as chain:
        with pytest.raises(ModelChanged):
            await talk(chain)
    assert pair.asked() == (2, 0), "until then it is not asked in another chunk either"


@pytest.mark.parametrize(
    ("first", "second", "error"),
    [
        ("401", "429", RateLimited),
        ("401", "500", ModelUnavailable),
        ("401", "filter", ModelRefused),
        ("401", "404", UserError),
        ("401", "400 context", PromptTooLong),
    ],
)
async def test_where_none_is_left_what_may_pass_is_told(
    pair: Pair, first: Weather, second: Weather, error: type[Exception]
) -> None:
    pair.first.weather, pair.second.weather = first, second
    async with pair.chain() as chain:
        with pytest.raises(ModelChanged):
            await talk(chain)
        with pytest.raises(error):
            await talk(chain)
    assert pair.asked() == (1, 1)


async def test_one_that_cannot_be_opened_is_passed_over(pair: Pair) -> None:
    async with pair.chain("openai:x", FIRST, "anthropic:y", SECOND) as chain:
        assert (await talk(chain)).by == FIRST
        pair.first.weather = "401"
        with pytest.raises(ModelChanged, match=f"{SECOND} takes over"):
            await talk(chain)
    with pytest.raises(UserError, match="'openai:x' needs"):
        async with pair.chain("openai:x", "anthropic:y"):
            pass


async def test_where_nobody_stands_in_it_is_asked_whatever_is_known_of_it(pair: Pair) -> None:
    pair.first.weather = "401"
    async with pair.chain(FIRST, "anthropic:y") as chain:
        with pytest.raises(UserError):
            await talk(chain)
        pair.first.weather = "normal"
        assert (await talk(chain)).by == FIRST
    async with pair.chain(FIRST, "anthropic:y") as chain:
        pair.standing.is_wrong(FIRST, UserError("401"))
        assert (await talk(chain)).by == FIRST


async def test_the_next_one_reads_what_was_said_in_its_own_terms(pair: Pair) -> None:
    """Signed thoughts are one provider's, and so are some names of calls."""
    thought = Answered(
        text="I read it.",
        calls=(ToolCall(call_id="functions.read:0", name="read", arguments="{}"),),
        native="[not JSON that any library reads]",
        by=SECOND,
    )
    request = TalkRequest(
        messages=(OPENING, thought, Result(call_id="functions.read:0", tool="read", text="def add")), tools=(READ,)
    )
    async with pair.chain() as chain:
        assert (await talk(chain, request)).by == FIRST
    sent = json.dumps(pair.first.requests[0]["messages"])
    assert "I read it." in sent
    assert "not JSON" not in sent
    assert "functions.read:0" not in sent
    (answered, returned) = [one for one in json.loads(sent) if "tool_calls" in one or "tool_call_id" in one]
    assert answered["tool_calls"][0]["id"] == returned["tool_call_id"]
    assert returned["tool_call_id"].isalnum()
