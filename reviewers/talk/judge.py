"""Looking at a finding once more because somebody asked: an answer with evidence, or a withdrawal."""

import asyncio
from collections.abc import Sequence
from importlib.resources import files

from pydantic import BaseModel, ConfigDict, Field, JsonValue, TypeAdapter, ValidationError

from app.domain.anchors import find_quote
from app.domain.findings import Place, TrackedFinding
from app.domain.invisible import strip_invisible
from app.domain.phrases import first_words
from app.domain.review import ReviewerUsage
from app.domain.secrets import Redactor
from app.domain.talk import Judgement
from app.llm.blocks import block
from app.llm.budget import AnswerStore, Budget, MeteredModel
from app.llm.chat import ChatModel, Question
from app.llm.structured import ask_for
from reviewers.base import Change
from reviewers.talk.code import ShownCode, Wanted

# How often may it ask to see more?
_LOOKS = 2
_WORDS, _CLAUSE_WORDS = 100, 40


class _Quote(BaseModel):
    model_config = ConfigDict(extra="ignore")

    path: str = Field(max_length=4_096)
    quote: str = Field(max_length=4_000)


class _Look(BaseModel):
    model_config = ConfigDict(extra="ignore")

    path: str = Field("", max_length=4_096)
    line: int = 1
    word: str = Field("", max_length=100)


class _Said(BaseModel):
    """An answer as a model words it; nothing in it is believed yet."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    look: list[_Look] = Field(default_factory=list[_Look], max_length=8)
    verdict: str = ""
    text: str = ""
    evidence: list[_Quote] = Field(default_factory=list[_Quote], max_length=8)


_SCHEMA: dict[str, JsonValue] = TypeAdapter(dict[str, JsonValue]).validate_python(_Said.model_json_schema())


class Judge:
    """Has no tools but looking: whatever a thread talks its model into, all it can do is answer or withdraw."""

    def __init__(
        self, *, model: ChatModel, budget: Budget, answers: AnswerStore | None = None, secrets: Sequence[str] = ()
    ) -> None:
        self._model = MeteredModel(model, budget, answers)
        self._redactor = Redactor(secrets)

    @property
    def usages(self) -> tuple[ReviewerUsage, ...]:
        """Of every model that answered."""
        return self._model.usages

    async def judge(self, change: Change, tracked: TrackedFinding, replies: Sequence[str]) -> Judgement:
        """`replies` are what people wrote in the thread, the one to answer last. Raises what app.llm raises."""
        shown = ShownCode(change)
        shown.show_finding(tracked.finding)
        shown.show_named(replies[-1])
        for looks_left in range(_LOOKS, -1, -1):
            said = await self._ask(tracked, replies, shown, looks_left)
            if isinstance(said, Judgement):
                return said
            await asyncio.to_thread(_look, shown, said)
        raise AssertionError("the last question takes nothing but an answer")

    async def _ask(
        self, tracked: TrackedFinding, replies: Sequence[str], shown: ShownCode, looks_left: int
    ) -> Judgement | list[_Look]:
        question = Question(
            instructions=files("reviewers.talk").joinpath("prompt.md").read_text(encoding="utf-8"),
            prompt=self._redactor.redact(await asyncio.to_thread(_prompt, tracked, replies, shown, looks_left)),
            schema_name="answer_reply",
            schema=_SCHEMA,
            max_output_tokens=4_000,
        )
        return await ask_for(self._model.ask, question, lambda answer: _read(answer, shown, looks_left))


def _prompt(tracked: TrackedFinding, replies: Sequence[str], shown: ShownCode, looks_left: int) -> str:
    finding = tracked.finding
    told = f"{tracked.where}\n{finding.title}\n\n{finding.body}\n\nabout this code:\n{finding.quote}"
    parts = [
        block("your finding", strip_invisible(told)),
        *shown.blocks(),
        *(block("an earlier reply in the thread", strip_invisible(reply)) for reply in replies[:-1]),
        block("the reply to answer", strip_invisible(replies[-1])),
        f"You may ask to see more {looks_left} more times." if looks_left else "Answer now; there is no more to see.",
    ]
    return "\n\n".join(parts)


def _look(shown: ShownCode, looks: Sequence[_Look]) -> None:
    for look in looks:
        if look.path:
            shown.show(Wanted(look.path, look.line))
        if len(look.word.strip()) > 2:
            shown.search(look.word.strip())


def _read(answer: dict[str, JsonValue], shown: ShownCode, looks_left: int) -> Judgement | list[_Look]:
    """ValueError is a sentence for the model."""
    try:
        said = _Said.model_validate(answer)
    except ValidationError as error:
        raise ValueError(f"{'.'.join(map(str, error.errors()[0]['loc']))} is missing or wrong.") from None
    if said.look and looks_left:
        return said.look
    text = " ".join(said.text.split()) if said.verdict == "withdraws" else said.text.strip()
    if said.verdict not in {"answers", "withdraws"} or not text:
        raise ValueError('"verdict" must be "answers" or "withdraws", and "text" must say why.')
    places = tuple(dict.fromkeys(place for quote in said.evidence if (place := _place(quote, shown))))
    if not places:
        raise ValueError("None of the quotes is in the code that you were shown.")
    if said.verdict == "withdraws":
        return Judgement(verdict="withdraws", text=first_words(text, _CLAUSE_WORDS), shown=places)
    return Judgement(verdict="answers", text=first_words(text, _WORDS), shown=places)


def _place(quote: _Quote, shown: ShownCode) -> Place | None:
    text = shown.text_of(quote.path)
    found = find_quote(quote.quote, text) if text is not None and quote.quote.strip() else None
    return Place(path=quote.path, start_line=found[0], line=found[1]) if found else None
