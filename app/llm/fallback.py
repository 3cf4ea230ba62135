"""Several models as one: the next is asked when one cannot be used, and the answer says whose it is."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from app.domain.errors import RateLimited, UserError
from app.llm.chat import Answer, ChatModel, ModelRefused, ModelUnavailable, PromptTooLong, Question

# How long do we wait for a model that says "later" before another one reads?
WAIT_AT_MOST = timedelta(minutes=1)
# When is a model tried again whose key, name or credit was wrong? Somebody may have mended it meanwhile.
TRY_AGAIN_AFTER = timedelta(minutes=10)
# In a conversation, how often in a row may a model give no answer? Another has to read all of it first.
SILENCES = 3

Trouble = RateLimited | UserError | ModelUnavailable | ModelRefused | PromptTooLong
# What is told when no model could be used: what passes by itself, then what another question may help, then the rest.
_TELLING = (RateLimited, ModelUnavailable, PromptTooLong, ModelRefused, UserError)


class Standing:
    """What is known of models between questions: which cannot be used for now, and since when one only says "later"."""

    def __init__(
        self, clock: Callable[[], datetime] = lambda: datetime.now(UTC), *, patience: timedelta = WAIT_AT_MOST
    ) -> None:
        self._clock = clock
        self._patience = patience
        self._out: dict[str, tuple[datetime, Trouble]] = {}
        self._waiting_since: dict[str, datetime] = {}
        self._silences: dict[str, int] = {}

    def trouble(self, label: str) -> Trouble | None:
        """Why a model need not be asked now."""
        until, trouble = self._out.get(label, (self._clock(), None))
        return trouble if until > self._clock() else None

    def is_worth_waiting(self, label: str, limit: RateLimited) -> bool:
        """Whether it has not made us wait too long already; else it is left alone for as long as it said."""
        since = self._waiting_since.setdefault(label, self._clock())
        if limit.until - since <= self._patience:
            return True
        self._out[label] = (limit.until, limit)
        return False

    def is_worth_another_try(self, label: str) -> bool:
        """Whether it gave no answer so seldom that this may have been the last time; to be asked after each."""
        self._silences[label] = self._silences.get(label, 0) + 1
        return self._silences[label] < SILENCES

    def is_wrong(self, label: str, trouble: UserError) -> None:
        self._out[label] = (self._clock() + TRY_AGAIN_AFTER, trouble)

    def answered(self, label: str) -> None:
        self._waiting_since.pop(label, None)
        self._silences.pop(label, None)


class FirstUsable:
    """Models in the order in which they are asked; what one refuses another may answer."""

    def __init__(self, models: Sequence[ChatModel], standing: Standing) -> None:
        self._models = tuple(models)
        self._standing = standing

    @property
    def label(self) -> str:
        return self._models[0].label

    def price(self, *, input_tokens: int, output_tokens: int, cached_tokens: int = 0) -> float | None:
        """The dearest of them: nobody knows yet who will answer."""
        prices = (
            model.price(input_tokens=input_tokens, output_tokens=output_tokens, cached_tokens=cached_tokens)
            for model in self._models
        )
        return max((price for price in prices if price is not None), default=None)

    async def ask(self, question: Question) -> Answer:
        """The first usable model's answer; when there is none, the trouble that is told of all."""
        met: list[Trouble] = []
        for model in self._models:
            trouble = self._standing.trouble(model.label)
            if trouble is None:
                answered = await self._ask(model, question)
                if isinstance(answered, Answer):
                    return answered
                trouble = answered
            met.append(trouble)
        raise min(met, key=importance)

    async def close(self) -> None:
        for model in self._models:
            await model.close()

    async def _ask(self, model: ChatModel, question: Question) -> Answer | Trouble:
        try:
            answer = await model.ask(question)
        except RateLimited as limit:
            if self._standing.is_worth_waiting(model.label, limit):
                raise
            return limit
        except UserError as trouble:
            self._standing.is_wrong(model.label, trouble)
            return trouble
        except (ModelUnavailable, ModelRefused, PromptTooLong) as trouble:
            return trouble
        self._standing.answered(model.label)
        dollars = model.price(
            input_tokens=answer.input_tokens, output_tokens=answer.output_tokens, cached_tokens=answer.cached_tokens
        )
        return answer.model_copy(update={"by": model.label, "dollars": dollars})


def importance(trouble: Trouble) -> tuple[int, float]:
    """The least is what people are told when no model could be used."""
    return _TELLING.index(type(trouble)), trouble.until.timestamp() if isinstance(trouble, RateLimited) else 0.0
