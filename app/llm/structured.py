"""From what a model said to JSON: tolerant of wrapping, strict about values, and one repair when it cannot be read."""

import json
import re
from collections.abc import Awaitable, Callable
from typing import TypeVar

from pydantic import JsonValue, TypeAdapter

from app.llm.chat import Answer, ModelOutputUnusable, Question

T = TypeVar("T")

# How often may a model answer one question in a way that cannot be read?
ANSWERS = 2
# Beyond this an answer is not a review but a flood.
_LONGEST_ANSWER = 1_000_000


async def ask_for(
    ask: Callable[[Question], Awaitable[Answer]], question: Question, read: Callable[[dict[str, JsonValue]], T]
) -> T:
    """What `read` makes of the answer's JSON object; it raises ValueError with a sentence for the model.

    The model is told what was wrong and asked again; ModelOutputUnusable when that was in vain.
    """
    problem = ""
    for _ in range(ANSWERS):
        answer = await ask(question)
        try:
            return read(json_object(answer.text))
        except ValueError as error:
            problem = "model's answer was cut off" if answer.cut_off else "model answered with broken JSON"
            question = question.again(answer.text[:4_000], _repair(str(error), cut_off=answer.cut_off))
    raise ModelOutputUnusable(f"{problem}, twice")


def json_object(text: str) -> dict[str, JsonValue]:
    """The first JSON object in a text, whatever is written or fenced around it; ValueError says why there is none."""
    if len(text) > _LONGEST_ANSWER:
        raise ValueError("The answer is too long.")
    if not text.strip():
        raise ValueError("The answer is empty.")
    begins = _OBJECT.search(text)
    if begins is None:
        raise ValueError("There is no JSON object in the answer.")
    try:
        # Not from every brace in turn: that would be quadratic, and would find an inner object of a broken one.
        found, _ = _DECODER.raw_decode(text, begins.start())
    except RecursionError:
        raise ValueError("The JSON is nested too deeply.") from None
    return _ANSWER.validate_python(found)


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON.")


def _bounded_int(digits: str) -> int:
    # A number of a million digits costs minutes to convert.
    if len(digits) > 18:
        raise ValueError("A number is too large.")
    return int(digits)


# A brace that can begin an object of ours: prose has braces too.
_OBJECT = re.compile(r'\{\s*+["}]')
_ANSWER = TypeAdapter(dict[str, JsonValue])
_DECODER = json.JSONDecoder(strict=False, parse_constant=_refuse_constant, parse_int=_bounded_int)


def _repair(problem: str, *, cut_off: bool) -> str:
    if cut_off:
        return (
            "Your answer was too long and broke off. Answer again with fewer and shorter findings, as one JSON object."
        )
    return f"Your answer could not be read: {problem[:300]} Answer again with the JSON object alone."
