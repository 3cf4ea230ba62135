"""A model's answers outlive whoever asked: what was paid for is not asked again."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.llm.chat import Answer
from app.store.blobs import Blobs
from app.store.database import Database
from app.store.effects import Effects
from tests.harness.databases import bring_to_schema
from workflows.activities.answers import LARGEST_ROW, StoredAnswers


@dataclass
class Model:
    """Says the same again and again, and counts how often it was asked."""

    text: str
    asked: int = 0

    async def ask(self) -> Answer:
        self.asked += 1
        return Answer(text=self.text, input_tokens=7)


@pytest.fixture
async def db(tmp_path: Path) -> AsyncGenerator[Database]:
    url = f"sqlite:///{tmp_path / 'corrigent.db'}"
    await bring_to_schema(url)
    database = await Database.open(url)
    yield database
    await database.close()


@pytest.mark.parametrize("text", ["short \x00 é", "long " * LARGEST_ROW], ids=["in its row", "as a blob"])
async def test_the_next_attempt_asks_nothing_that_was_answered(db: Database, tmp_path: Path, text: str) -> None:
    model = Model(text)

    def attempt(run_id: str = "run") -> StoredAnswers:
        return StoredAnswers(run_id=run_id, effects=Effects(db), blobs=Blobs(str(tmp_path / "blobs")))

    first = attempt()
    told = await asyncio.gather(*(first.recall(key, model.ask) for key in ("a", "b")))
    again = [await one.recall("a", model.ask) for one in (first, attempt(), attempt())]
    assert {one.text for one in (*told, *again)} == {text}
    assert model.asked == 2
    await attempt("another run").recall("a", model.ask)
    assert model.asked == 3
    blobs = list((tmp_path / "blobs").glob("*/*.zst"))
    assert len(blobs) == (len(text) > LARGEST_ROW)


async def test_an_answer_that_never_came_is_asked_for_again(db: Database, tmp_path: Path) -> None:
    async def fail() -> Answer:
        raise ConnectionResetError

    answers = StoredAnswers(run_id="run", effects=Effects(db), blobs=Blobs(str(tmp_path)))
    with pytest.raises(ConnectionResetError):
        await answers.recall("a", fail)
    assert (await answers.recall("a", Model("yes").ask)).text == "yes"
