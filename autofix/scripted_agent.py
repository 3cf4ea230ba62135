"""A model for agents that answers from a file: for the demo, for tests, and for trying a set-up without spending.

    {"agents": [
       {"when": ["refunds.py"], "steps": [
          {"say": "The retry pays twice.", "calls": [{"tool": "read", "arguments": {"path": "refunds.py"}}]},
          {"calls": [{"tool": "finish", "arguments": {"summary": "…", "commands": ["pytest -q"]}}]}]}]}

It stands in the same file as the answers of the scripted reviewer (see app/llm/scripted.py). The first entry all of
whose words are in the task answers, one step after the other; which one is next is read from the conversation, so that
an answer that was lost is given again. After the last step it says the last one again.
"""

import asyncio
import hashlib
import json
import os
from datetime import UTC, datetime
from pathlib import Path

from app.domain.conversation import Answered, Opening, ToolCall
from app.llm.prices import estimate_tokens
from app.llm.scripted import AgentEntry, AgentMove, Script, read_script
from app.llm.talk import Hear, TalkRequest
from autofix import compaction

# As large as those of real models.
_WINDOW = 200_000


class ScriptedAgent:
    """Says what its script says, the same conversation always in the same way."""

    def __init__(self, path: Path) -> None:
        self._script: Script = read_script(path)
        self._log = path.parent / self._script.log if self._script.log else None
        self._label = f"scripted:{path.name}"

    @property
    def label(self) -> str:
        return self._label

    @property
    def window(self) -> int:
        return _WINDOW

    def price(self, *, input_tokens: int, output_tokens: int, cached_tokens: int = 0) -> float | None:
        del cached_tokens  # A script has one price for all input.
        price = self._script.price
        return (input_tokens * price.input + output_tokens * price.output) / 1_000_000

    async def talk(self, request: TalkRequest, hear: Hear) -> Answered:
        step = sum(isinstance(message, Answered) for message in request.messages)
        move = self._move(request, step)
        self._note(request, step)
        await asyncio.sleep(move.delay)
        hear(move.say)
        return Answered(
            text=move.say,
            calls=tuple(
                ToolCall(call_id=f"call-{step}-{at}", name=call.tool, arguments=json.dumps(call.arguments))
                for at, call in enumerate(move.calls)
            ),
            input_tokens=compaction.tokens(request.messages),
            output_tokens=estimate_tokens(move.model_dump_json()),
        )

    async def close(self) -> None:
        """Nothing is open."""

    def _move(self, request: TalkRequest, step: int) -> AgentMove:
        entry = self._entry(request)
        if not entry.steps:
            return AgentMove(say="There is nothing in my script for this task.")
        return entry.steps[min(step, len(entry.steps) - 1)]

    def _entry(self, request: TalkRequest) -> AgentEntry:
        task = " ".join(message.text for message in request.messages if isinstance(message, Opening))
        return next((one for one in self._script.agents if all(word in task for word in one.when)), AgentEntry())

    def _note(self, request: TalkRequest, step: int) -> None:
        """One line a call, so that calls can be counted over processes that were killed."""
        if self._log is None:
            return
        newest = hashlib.sha256(request.messages[-1].model_dump_json().encode()).hexdigest()[:16]
        line = {
            "at": datetime.now(UTC).isoformat(),
            "pid": os.getpid(),
            "entries": list[int](),
            "agent": request.cache_key,
            "step": step,
            "newest": newest,
        }
        # One write to a file opened for appending: lines of several processes never mix.
        with self._log.open("ab", buffering=0) as log:
            log.write(json.dumps(line).encode() + b"\n")
