"""A language model whose calls are counted: how they ended, tokens and dollars."""

from app.domain.errors import RateLimited, UserError
from app.llm.chat import Answer, ChatModel, ModelRefused, ModelUnavailable, PromptTooLong, Question
from app.metrics import Metrics

# How a call ended, in the words of /metrics.
_RESULTS: dict[type[Exception], str] = {
    RateLimited: "limited",
    UserError: "misconfigured",
    ModelUnavailable: "unavailable",
    ModelRefused: "refused",
    PromptTooLong: "too_long",
}


class MeteredModel:
    def __init__(self, model: ChatModel, metrics: Metrics) -> None:
        self._model = model
        self._metrics = metrics

    @property
    def label(self) -> str:
        return self._model.label

    def price(self, *, input_tokens: int, output_tokens: int, cached_tokens: int = 0) -> float | None:
        return self._model.price(input_tokens=input_tokens, output_tokens=output_tokens, cached_tokens=cached_tokens)

    async def ask(self, question: Question) -> Answer:
        try:
            answer = await self._model.ask(question)
        except (RateLimited, UserError, ModelUnavailable, ModelRefused, PromptTooLong) as error:
            self._metrics.model_call(self.label, _RESULTS[type(error)], sent=0, received=0, dollars=None)
            raise
        dollars = self.price(
            input_tokens=answer.input_tokens, output_tokens=answer.output_tokens, cached_tokens=answer.cached_tokens
        )
        self._metrics.model_call(
            self.label, "ok", sent=answer.input_tokens, received=answer.output_tokens, dollars=dollars
        )
        return answer

    async def close(self) -> None:
        await self._model.close()
