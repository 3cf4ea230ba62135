"""Model answers that outlive a killed worker: what was paid for is not asked again."""

import asyncio
from collections.abc import Awaitable, Callable

from pydantic import JsonValue

from app.llm.chat import Answer
from app.store.blobs import Blobs
from app.store.effects import Effects

KIND = "answer"


class StoredAnswers:
    """The answers of one run; an answer is stored before it is used."""

    def __init__(self, *, run_id: str, effects: Effects, blobs: Blobs) -> None:
        self.run_id = run_id
        self.effects = effects
        self.blobs = blobs
        # The blobs of all answers, by key: read once, before the first question.
        self._known: asyncio.Future[dict[str, JsonValue]] | None = None

    async def recall(self, key: str, ask: Callable[[], Awaitable[Answer]]) -> Answer:
        name, known = f"{KIND}/{self.run_id}/{key}", await self._stored()
        if name in known:
            return await self.blobs.get_model(str(known[name]), Answer)
        # An answer that was cut off before it was stored is asked for again: there is nowhere to look for it.
        answer = await ask()
        known[name] = await self.blobs.put_model(answer)
        await self.effects.keep(name, known[name], run_id=self.run_id)
        return answer

    async def _stored(self) -> dict[str, JsonValue]:
        if self._known is None:
            self._known = asyncio.ensure_future(self.effects.kept(self.run_id, kind=KIND))
        # Shielded: a question that is given up must not take the answers from the others.
        return await asyncio.shield(self._known)
