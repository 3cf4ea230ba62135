"""Scripted models and budgets for tests that are not about them."""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

from app.llm.budget import Allowance, Budget
from app.llm.chat import Answer
from app.llm.scripted import ScriptedModel

# What a review of a small change asks at the usual effort: five passes, and a check when they agree on something.
CLEAN_CALLS = 5
CALLS = CLEAN_CALLS + 1

PLENTY = Allowance(1_000_000.0)


def scripted(folder: Path, answers: Sequence[Mapping[str, object]], **more: object) -> ScriptedModel:
    """A model with these entries, whose calls are in calls.jsonl of the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    script = folder / "script.json"
    script.write_text(json.dumps({"log": "calls.jsonl", "answers": list(answers), **more}))
    return ScriptedModel(script)


def calls(folder: Path) -> int:
    """How often the model of this folder was asked, by whatever process."""
    log = folder / "calls.jsonl"
    return len(log.read_text().splitlines()) if log.exists() else 0


def said(path: str, quote: str, **more: object) -> dict[str, object]:
    """A finding as a model words it."""
    words: dict[str, object] = {
        "path": path,
        "quote": quote,
        "line": 1,
        "severity": "high",
        "category": "correctness",
        "title": "A retried webhook pays the customer twice",
        "body": "The refund is issued before the event id is stored.",
    }
    return {**words, **more}


def plenty() -> Budget:
    """A budget that no test reaches."""
    return Budget(pull_request=PLENTY, day=PLENTY)


class Memory:
    """Answers kept in a dict, as the store keeps them."""

    def __init__(self) -> None:
        self.kept: dict[str, Answer] = {}

    async def recall(self, key: str, ask: Callable[[], Awaitable[Answer]]) -> Answer:
        if key not in self.kept:
            self.kept[key] = await ask()
        return self.kept[key]
