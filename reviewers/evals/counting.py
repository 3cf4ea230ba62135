"""A model that answers nothing and counts what it is asked: the size of the very questions, and none is sent."""

from app.llm.chat import Answer, Question
from app.llm.prices import estimate_tokens

# How long is an answer about one part, measured over reviews with a few findings?
ANSWER_TOKENS = 1_200
_NOTHING_FOUND = '{"findings": []}'


class CountingModel:
    """Free, so that no budget cuts the count short."""

    label = "nobody"

    def price(self, *, input_tokens: int, output_tokens: int, cached_tokens: int = 0) -> float | None:
        del input_tokens, output_tokens, cached_tokens

    async def ask(self, question: Question) -> Answer:
        asked = estimate_tokens(question.instructions) + estimate_tokens(question.prompt)
        return Answer(text=_NOTHING_FOUND, input_tokens=asked, output_tokens=ANSWER_TOKENS)

    async def close(self) -> None:
        """Nothing is open."""
