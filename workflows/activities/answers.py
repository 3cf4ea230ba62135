"""Model answers that outlive a killed worker: what was paid for is not asked again."""

import asyncio
import json
from collections.abc import Awaitable, Callable

from pydantic import JsonValue

from app.llm.chat import Answer
from app.store.blobs import Blobs
from app.store.effects import Effects

KIND = "answer"
# Most answers are a few kilobytes: as a row they cost a third of what they cost as a blob.
LARGEST_ROW = 8 * 1024


class StoredAnswers:
    """The answers of one run; an answer is stored before it is used."""

    def __init__(self, *, run_id: str, effects: Effects, blobs: Blobs) -> None:
        self.run_id = run_id
        self.effects = effects
        self.blobs = blobs
        # All answers, or the keys of their blobs, by name: read once, before the first question.
        self._known: asyncio.Future[dict[str, JsonValue]] | None = None

    async def recall(self, key: str, ask: Callable[[], Awaitable[Answer]]) -> Answer:
        name, known = f"{KIND}/{self.run_id}/{key}", await self._stored()
        if name in known:
            return await self._read(known[name])
        # An answer that was cut off before it was stored is asked for again: there is nowhere to look for it.
        answer = await ask()
        text = answer.model_dump_json()
        known[name] = json.loads(text) if len(text) <= LARGEST_ROW else await self.blobs.put(text.encode())
        await self.effects.keep(name, known[name], run_id=self.run_id)
        return answer

    async def _read(self, stored: JsonValue) -> Answer:
        if isinstance(stored, str):
            return await self.blobs.get_model(stored, Answer)
        return Answer.model_validate(stored)

    async def _stored(self) -> dict[str, JsonValue]:
        if self._known is None:
            self._known = asyncio.ensure_future(self.effects.kept(self.run_id, kind=KIND))
        # Shielded: a question that is given up must not take the answers from the others.
        return await asyncio.shield(self._known)
