"""A model fails in the midst of an agent's work: another one ends the work, and everybody can see who did what."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.domain.agents import Spending
from app.domain.conversation import Answered, Shortened
from app.domain.errors import UserError
from app.domain.review import ReviewerUsage
from app.llm.chat import ModelRefused
from app.llm.fallback import Standing
from app.llm.talk import TalkingModel
from app.llm.talking_chain import TalkingChain
from autofix.base import ChunkEnded
from autofix.live import MODEL
from tests.autofix.play import FINISHED, Moves, Play, call, says

REVOKED = UserError("anthropic: 401, the key ends in …x7Q.")
LOOKS = says("I look.", call("read", path="sums.py"))
MENDS = says("", call("edit", path="sums.py", old="a - b", new="a + b"))


@dataclass
class Bench:
    """An agent's models, in the order in which they are asked, and what is known of them."""

    play: Play
    models: Sequence[Moves]
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __post_init__(self) -> None:
        self._standing = Standing(lambda: self.now)

    async def chunk(self, steps: int = 20) -> ChunkEnded:
        chain = await TalkingChain.begin([one.label for one in self.models], self._open, self._standing)
        return await self.play.chunk(chain, steps)

    async def _open(self, name: str) -> TalkingModel:
        return next(one for one in self.models if one.label == name)

    async def answers(self) -> list[tuple[str, str]]:
        return [(one.by, one.took_over_from) for one in await self.play.messages() if isinstance(one, Answered)]

    def told(self) -> list[str]:
        return [text for kind, text in self.play.live.said if kind == MODEL]


@pytest.fixture
def play(tmp_path: Path) -> Play:
    return Play(tmp_path)


def bench(play: Play, first: Moves, second: Moves) -> Bench:
    first.label, second.label = "anthropic:a", "openai:b"
    return Bench(play, (first, second))


async def test_a_key_revoked_in_mid_run_does_not_end_the_work(play: Play) -> None:
    first = Moves([LOOKS, REVOKED], dollars_a_token=0.001)
    second = Moves([MENDS, FINISHED], dollars_a_token=0.0001)
    made = bench(play, first, second)
    ended = await made.chunk()
    assert ended.end == "finished"
    assert "a + b" in (play.repo / "sums.py").read_text()
    why = "anthropic:a (anthropic: 401, the key ends in …x7Q)"
    assert await made.answers() == [("anthropic:a", ""), ("openai:b", why), ("openai:b", "")]
    assert made.told() == [f"openai:b takes over from {why}"]
    kinds = [[one.kind for one in model.requests[at].messages] for model, at in ((first, 1), (second, 0))]
    assert kinds == [["opening", "answered", "result"]] * 2, "the same conversation"
    spent = play.row.spent
    assert [(one.model, one.requests, one.dollars) for one in spent.usages] == [
        ("anthropic:a", 1, pytest.approx(0.11)),
        ("openai:b", 2, pytest.approx(0.022)),
    ]
    assert (spent.steps, spent.dollars) == (3, pytest.approx(0.132))


async def test_the_next_chunks_say_it_no_more_and_the_first_comes_back_when_it_is_mended(play: Play) -> None:
    first, second = Moves([REVOKED, LOOKS]), Moves([LOOKS, MENDS, LOOKS])
    made = bench(play, first, second)
    for _ in range(2):
        assert (await made.chunk(steps=2)).end == "goes_on"
    assert len(first.requests) == 1
    assert len(made.told()) == 1
    made.now += timedelta(minutes=11)
    await made.chunk(steps=1)
    assert [by for by, _ in await made.answers()] == ["openai:b", "openai:b", "anthropic:a"]
    assert sum(bool(because) for _, because in await made.answers()) == 1


async def test_what_a_chunk_wrote_down_is_not_asked_again_of_the_next_model(play: Play) -> None:
    """A crash after the other one answered costs nothing: its answer stands in the conversation."""
    first, second = Moves([LOOKS, REVOKED]), Moves([MENDS, FINISHED])
    made = bench(play, first, second)
    await made.chunk(steps=3)
    before = await play.messages()
    assert (await made.chunk()).end == "finished"
    assert (await play.messages())[: len(before)] == before
    assert (len(first.requests), len(second.requests)) == (2, 2)


async def test_a_smaller_window_is_filled_with_what_fits_it(play: Play) -> None:
    (play.repo / "big.txt").write_text("a line of some length\n" * 700)
    reads = [says("", call("read", f"r{n}", path="big.txt", first=n + 1, count=600)) for n in range(4)]
    made = bench(play, Moves([*reads, ModelRefused("model refused")]), Moves([FINISHED], window=20_000))
    assert (await made.chunk()).end == "finished"
    assert any(isinstance(one, Shortened) for one in await play.messages())
    (request,) = made.models[1].requests
    assert "left out" in str(request.messages)


async def test_where_nobody_can_go_on_the_agent_ends_with_the_reason(play: Play) -> None:
    made = bench(play, Moves([LOOKS, REVOKED]), Moves([UserError("openai knows no model 'b' (404).")]))
    ended = await made.chunk()
    assert (ended.end, ended.reason) == ("stuck", "anthropic: 401, the key ends in …x7Q")


def test_what_was_spent_before_models_were_told_apart_is_the_one_that_was_meant() -> None:
    b = ReviewerUsage(model="b", requests=1, input_tokens=10, dollars=0.5)
    spent = Spending(steps=3, input_tokens=30, dollars=2.0, usages=(b,))
    rest = ReviewerUsage(model="a", requests=2, input_tokens=20, dollars=1.5)
    assert {one.model: one for one in spent.by_model("a")} == {"a": rest, "b": b}
    (whole,) = spent.by_model("b")
    assert (whole.requests, whole.input_tokens, whole.dollars) == (3, 30, 2.0)
    assert Spending(steps=1, usages=(b,)).by_model("a") == (b,)
