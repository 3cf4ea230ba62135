"""Model answers that outlive a killed worker: what was paid for is not asked again."""

from collections.abc import Awaitable, Callable

from pydantic import JsonValue

from app.llm.chat import Answer
from app.store.blobs import Blobs
from app.store.effects import Effects


class StoredAnswers:
    """The answers of one run; an answer is stored before it is used."""

    def __init__(self, *, run_id: str, effects: Effects, blobs: Blobs) -> None:
        self.run_id = run_id
        self.effects = effects
        self.blobs = blobs

    async def recall(self, key: str, ask: Callable[[], Awaitable[Answer]]) -> Answer:
        async def pay(_: bool) -> JsonValue:
            # There is nothing to look for: an answer that was cut off before it was stored is asked for again.
            return await self.blobs.put_model(await ask())

        stored = await self.effects.perform(f"answer/{self.run_id}/{key}", pay, run_id=self.run_id)
        return await self.blobs.get_model(str(stored), Answer)
