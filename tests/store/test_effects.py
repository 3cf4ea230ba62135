"""External writes: once when all is well, and looked for first when nobody knows."""

import asyncio
from datetime import timedelta

import pytest
from pydantic import JsonValue

from app.domain.errors import ForgeRefused, ForgeUnavailable, Gone, RateLimited, Refused, Unanswered, UserError
from app.store.database import Database
from app.store.effects import Effects
from tests.store.samples import NOW


class Forge:
    """Answers each call with the next of its answers, and remembers whether it was asked to look first."""

    def __init__(self, *answers: JsonValue | BaseException) -> None:
        self.answers = list(answers)
        self.looked: list[bool] = []

    async def __call__(self, look_first: bool) -> JsonValue:
        self.looked.append(look_first)
        answer = self.answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer


@pytest.fixture
def effects(db: Database) -> Effects:
    return Effects(db)


@pytest.mark.parametrize("result", ["review-7", None, {"threads": [1, "two \x00", None]}, [], 0.5])
async def test_a_result_is_returned_again_as_it_was(effects: Effects, result: JsonValue) -> None:
    forge = Forge(result)
    assert await effects.perform("key", forge, run_id="run") == result
    assert await effects.perform("key", forge) == result
    assert forge.looked == [False]


async def test_keys_are_apart(effects: Effects) -> None:
    forge = Forge("one", "two")
    assert [await effects.perform(key, forge) for key in ("a", "b", "a")] == ["one", "two", "one"]


@pytest.mark.parametrize(
    ("answers", "looked"),
    [
        # Nobody knows whether it went through: look first, as often as it takes.
        ([ForgeUnavailable("502"), ForgeUnavailable("502"), "ok"], [False, True, True]),
        ([ConnectionResetError(), "ok"], [False, True]),
        # Definitely not done: the next try need not look.
        ([ForgeRefused(422, "no"), "ok"], [False, False]),
        ([Gone(404, "no"), "ok"], [False, False]),
        ([UserError("no"), "ok"], [False, False]),
        ([Refused("no"), "ok"], [False, False]),
        ([RateLimited(NOW, "ours"), "ok"], [False, False]),
        # A refusal after a try that may have gone through says nothing about that try.
        ([ForgeUnavailable("502"), ForgeRefused(403, "suspended"), "ok"], [False, True, True]),
        ([ForgeUnavailable("502"), RateLimited(NOW, "secondary"), "ok"], [False, True, True]),
    ],
)
async def test_failures(effects: Effects, answers: list[JsonValue | BaseException], looked: list[bool]) -> None:
    forge = Forge(*answers)
    for answer in answers[:-1]:
        assert isinstance(answer, BaseException)
        with pytest.raises(type(answer)):
            await effects.perform("key", forge)
    assert await effects.perform("key", forge) == "ok"
    assert await effects.perform("key", forge) == "ok"
    assert forge.looked == looked


async def test_the_intent_is_durable_before_anything_is_sent(effects: Effects, db: Database) -> None:
    async def crash(look_first: bool) -> JsonValue:
        raise Killed

    with pytest.raises(Killed):
        await effects.perform("key", crash)
    forge = Forge("found")
    assert await Effects(db).perform("key", forge) == "found"
    assert forge.looked == [True]


class Killed(BaseException):
    """Stands for a process that ended in the middle."""


async def test_tries_of_one_process_follow_each_other(effects: Effects) -> None:
    """The first stood still, was given up, and comes to itself when the second is there."""
    going_on, seen = asyncio.Event(), list[bool]()

    async def slow(look_first: bool) -> JsonValue:
        seen.append(look_first)
        await going_on.wait()
        return "created"

    tries = [asyncio.create_task(effects.perform("key", slow)) for _ in range(3)]
    other = await effects.perform("other", Forge("not held up"))
    going_on.set()
    assert [other, *await asyncio.gather(*tries)] == ["not held up", *["created"] * 3]
    assert seen == [False]


@pytest.mark.parametrize(
    ("failure", "settled_by", "waited"),
    [
        (Unanswered("ReadError"), 0.5, 0.5),
        (asyncio.CancelledError(), 0.5, 0.5),
        (ForgeUnavailable("ConnectError"), 600, 0),
    ],
    ids=["no answer", "cancelled", "never heard"],
)
async def test_nobody_looks_while_the_forge_may_still_be_at_it(
    db: Database, failure: BaseException, settled_by: float, waited: float
) -> None:
    effects, forge = Effects(db, settled_by=timedelta(seconds=settled_by)), Forge(failure, "found")
    began = asyncio.get_running_loop().time()
    with pytest.raises(type(failure)):
        await effects.perform("key", forge)
    assert await effects.perform("key", forge) == "found"
    assert asyncio.get_running_loop().time() - began >= waited
    assert forge.looked == [False, True]


async def test_a_result_is_kept_when_another_try_took_the_intent_back(effects: Effects, db: Database) -> None:
    refused = Forge(ForgeRefused(422, "no"))

    async def slow(look_first: bool) -> JsonValue:
        assert look_first
        return "posted"

    async def first(look_first: bool) -> JsonValue:
        # While the first try is under way another process looks, and finds a way to post.
        assert await Effects(db).perform("key", slow) == "posted"
        return await refused(look_first)

    with pytest.raises(ForgeRefused):
        await effects.perform("key", first)


async def test_what_is_kept_of_a_run_is_found_by_its_kind(effects: Effects) -> None:
    await effects.keep("answer/run/a", "first", run_id="run")
    await effects.keep("answer/run/a", "second", run_id="run")
    await effects.perform("answer/run/b", Forge(1), run_id="run")
    await effects.perform("check/run", Forge("7"), run_id="run")
    await effects.keep("answer/other/a", "x", run_id="other")
    with pytest.raises(ForgeUnavailable):
        await effects.perform("answer/run/c", Forge(ForgeUnavailable("502")), run_id="run")
    assert await effects.kept("run", kind="answer") == {"answer/run/a": "second", "answer/run/b": 1}
    assert sorted(await effects.begun("run", kind="answer")) == ["answer/run/a", "answer/run/b", "answer/run/c"]
