"""What a model is told first about recorded changes, by the real reviewer and a model that only listens."""

import json
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from app.eval.bugs import Wish, review_all
from app.eval.results import MadeBy, open_results
from app.llm.chat import Answer, ChatModel, Question
from reviewers.evals.cases import ExpertDiff


class _Listener:
    """Finds nothing, and keeps what it was asked."""

    label = "listening"

    def __init__(self) -> None:
        self.prompts: list[str] = []

    def price(self, *, input_tokens: int, output_tokens: int, cached_tokens: int = 0) -> float | None:
        del input_tokens, output_tokens, cached_tokens

    async def ask(self, question: Question) -> Answer:
        self.prompts.append(question.prompt)
        return Answer(text=json.dumps({"findings": [], "verdicts": []}))

    async def close(self) -> None:
        """Nothing is open."""


async def first_prompts(cases: Sequence[ExpertDiff]) -> list[list[str]]:
    """The prompts of one pass over each of the changes, in their order."""
    listener = _Listener()

    async def open_it() -> ChatModel:
        return listener

    heard: list[list[str]] = []
    wish = Wish(open_model=open_it, judge=None, effort="low", jobs=1, budget=1.0, secrets=())
    with TemporaryDirectory(prefix="corrigent-listening-") as folder:
        results = open_results(Path(folder), MadeBy(version="", model="listening", effort="low", judge=""))
        for case in cases:
            listener.prompts = []
            await review_all([case], results, wish, lambda _done, _of, _spent: None)
            heard.append(listener.prompts)
    return heard
