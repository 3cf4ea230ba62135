"""Whatever a model says, it is JSON that can be read or a sentence why not."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from app.llm.chat import Answer, ModelOutputUnusable, Question
from app.llm.structured import ask_for, json_object
from tests.harness.growth import LINEAR, growth

QUESTION = Question(instructions="i", prompt="p", schema_name="s", schema={})
GOOD = '{"findings": []}'


class Answers:
    def __init__(self, *texts: str, cut_off: bool = False) -> None:
        self._texts = list(texts)
        self._cut_off = cut_off
        self.asked: list[Question] = []

    async def ask(self, question: Question) -> Answer:
        self.asked.append(question)
        return Answer(text=self._texts.pop(0), cut_off=self._cut_off)


def needs_findings(answer: dict[str, JsonValue]) -> dict[str, JsonValue]:
    if "findings" not in answer:
        raise ValueError('"findings" is missing.')
    return answer


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        f"```json\n{GOOD}\n```",
        f"I looked at {{everything}} and this is it:\n{GOOD}\nHope that helps!",
        f"{GOOD}\n{GOOD}",
        f"\ufeff{GOOD}",
        '{"findings": [], "note": "a\tb\nc"}',
    ],
    ids=["plain", "fenced", "in prose", "two objects", "byte order mark", "control characters"],
)
def test_wrapping_is_tolerated(text: str) -> None:
    assert json_object(text)["findings"] == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty"),
        (" \n\t", "empty"),
        ("No problems found.", "no JSON object"),
        ("[]", "no JSON object"),
        ('{"findings": [{"title": "x', "Unterminated"),
        ('{"findings": [{"severity": NaN}]}', "NaN is not JSON"),
        ('{"findings": [{"line": Infinity}]}', "Infinity is not JSON"),
        ('{"line": ' + "9" * 5_000 + "}", "too large"),
        ('{"a":' * 100_000, "nested too deeply"),
        ('{"findings": "' + "x" * 1_000_001, "too long"),
    ],
    ids=["empty", "blank", "prose", "list", "truncated", "NaN", "Infinity", "digits", "deep", "flood"],
)
def test_what_cannot_be_read_says_why(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        json_object(text)


@given(st.text(alphabet='{}[]",:\\ antrue1.e\x00\u202e', max_size=200))
def test_nothing_but_a_value_error_comes_out(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert isinstance(json_object(text), dict)


def test_braces_are_read_in_linear_time() -> None:
    def work(size: int) -> None:
        with pytest.raises(ValueError, match="delimiter"):
            json_object('{"a' * size)

    assert growth(work, 20_000) < LINEAR


async def test_a_broken_answer_is_asked_again_with_what_was_wrong() -> None:
    answers = Answers("oops", GOOD)
    assert await ask_for(answers.ask, QUESTION, needs_findings) == {"findings": []}
    (tried,) = answers.asked[1].tries
    assert tried.answer == "oops"
    assert "no JSON object" in tried.problem


async def test_broken_twice_is_unusable() -> None:
    with pytest.raises(ModelOutputUnusable, match=r"^model answered with broken JSON, twice$"):
        await ask_for(Answers("oops", "{}").ask, QUESTION, needs_findings)


async def test_a_cut_off_answer_is_called_that() -> None:
    answers = Answers('{"findings": [', '{"findings": [', cut_off=True)
    with pytest.raises(ModelOutputUnusable, match=r"^model's answer was cut off, twice$"):
        await ask_for(answers.ask, QUESTION, needs_findings)
    assert "fewer and shorter" in answers.asked[1].tries[0].problem
