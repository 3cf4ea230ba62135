"""Several models in one conversation: one that cannot go on hands it to the next, who keeps it until it is closed."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from hashlib import sha256

from app.domain.conversation import Answered, Message, Result
from app.domain.errors import RateLimited, UserError
from app.llm.chat import ModelRefused, ModelUnavailable
from app.llm.fallback import Standing, Trouble, importance
from app.llm.talk import Hear, ModelChanged, TalkingModel, TalkRequest

# Opens the model of this name; UserError says what is missing.
OpenModel = Callable[[str], Awaitable[TalkingModel]]

# The shortest ids that a provider insists on (Mistral's), and letters that all of them take.
_ID_LENGTH = 9


class TalkingChain:
    """The model that has the conversation now; never one before it again, so that nothing goes back and forth."""

    def __init__(self, first: TalkingModel, others: Sequence[str], open_model: OpenModel, standing: Standing) -> None:
        """The others are opened when they are needed."""
        self._opened = [first]
        self._others = list(others)
        self._open_model = open_model
        self._standing = standing
        self._met: dict[str, Trouble] = {}

    @classmethod
    async def begin(cls, names: Sequence[str], open_model: OpenModel, standing: Standing) -> "TalkingChain":
        """With the first that can be opened; UserError when there is none."""
        wrong: list[UserError] = []
        for at, name in enumerate(names, 1):
            try:
                return cls(await open_model(name), names[at:], open_model, standing)
            except UserError as error:
                wrong.append(error)
        raise wrong[0]

    @property
    def label(self) -> str:
        return self._model.label

    @property
    def window(self) -> int:
        return self._model.window

    def price(self, *, input_tokens: int, output_tokens: int, cached_tokens: int = 0) -> float | None:
        return self._model.price(input_tokens=input_tokens, output_tokens=output_tokens, cached_tokens=cached_tokens)

    async def talk(self, request: TalkRequest, hear: Hear) -> Answered:
        """ModelChanged when this model cannot go on and another may; where none is left, the trouble that is told."""
        model = self._model
        known = self._standing.trouble(model.label) if self._others else None
        answered = known or await self._ask(model, request, hear)
        if isinstance(answered, Answered):
            return answered
        self._met[model.label] = answered
        if await self._open_next():
            raise ModelChanged(by=self.label, instead_of=model.label, trouble=str(answered).rstrip("."))
        if known:
            # Where nobody stands in for it, it is asked whatever is known of it.
            return await self.talk(request, hear)
        raise min(self._met.values(), key=importance)

    async def close(self) -> None:
        for model in self._opened:
            await model.close()

    @property
    def _model(self) -> TalkingModel:
        return self._opened[-1]

    async def _ask(self, model: TalkingModel, request: TalkRequest, hear: Hear) -> Answered | Trouble:
        """What it says; else why another has to be asked. What passes by itself is raised."""
        try:
            answered = await model.talk(_readable(request, model.label, self._opened[0].label), hear)
        except RateLimited as limit:
            if self._standing.is_worth_waiting(model.label, limit):
                raise
            return limit
        except ModelUnavailable as trouble:
            if self._standing.is_worth_another_try(model.label):
                raise
            return trouble
        except UserError as trouble:
            self._standing.is_wrong(model.label, trouble)
            return trouble
        except ModelRefused as trouble:
            return trouble
        self._standing.answered(model.label)
        return answered.model_copy(update={"by": model.label})

    async def _open_next(self) -> bool:
        while self._others:
            try:
                self._opened.append(await self._open_model(self._others.pop(0)))
            except UserError:
                # What is told is the trouble of those that could be asked.
                continue
            return True
        return False


def _readable(request: TalkRequest, label: str, first: str) -> TalkRequest:
    """The request as this model reads it; what was said before answers had names was the first one's."""
    messages: list[Message] = []
    ids: dict[str, str] = {}
    for message in request.messages:
        match message:
            case Answered() if (message.by or first) != label:
                ids |= {call.call_id: _plain_id(call.call_id) for call in message.calls}
                messages.append(_in_plain_words(message, ids))
            case Answered():
                # An id may come again.
                ids |= {call.call_id: call.call_id for call in message.calls}
                messages.append(message)
            case Result():
                messages.append(message.model_copy(update={"call_id": ids.get(message.call_id, message.call_id)}))
            case _:
                messages.append(message)
    return replace(request, messages=tuple(messages))


def _in_plain_words(answered: Answered, ids: dict[str, str]) -> Answered:
    """Without what its own provider alone can read, and with ids that every provider takes."""
    calls = tuple(call.model_copy(update={"call_id": ids[call.call_id]}) for call in answered.calls)
    return answered.model_copy(update={"calls": calls, "native": ""})


def _plain_id(call_id: str) -> str:
    return sha256(call_id.encode("utf-8", "surrogatepass")).hexdigest()[:_ID_LENGTH]
