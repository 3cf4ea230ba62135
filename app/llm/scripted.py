"""A language model that answers from a file: for the demo, for tests, and for trying a set-up without spending.

    {"price": {"input": 3.0, "output": 15.0},            dollars per million tokens; left out: free
     "log": "calls.jsonl",                               one line a call, beside the script; left out: none
     "answers": [
       {"when": ["refunds.py"], "findings": [{...}]},    all such entries whose words are in the prompt answer together
       {"when": ["findings"], "verdicts": [{...}]},       what a question that checks findings is answered with
       {"when": ["rates.py"], "raw": "{\\"findi"},        the text as it is
       {"when": ["slow.py"], "error": "timeout", "delay": 0.5, "times": 1},
       {"when": ["late.py"], "until": "pushed"}]}          not before there is a file of this name beside the script

An entry with `raw` or `error` answers alone, the first that matches. `times` limits how often an entry is used: counted
in the log when there is one, so that it also holds across processes that were killed.
"""

import asyncio
import hashlib
import json
import os
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydantic import Field, JsonValue, ValidationError

from app.domain.errors import RateLimited, UserError
from app.domain.model import Frozen
from app.llm.chat import Answer, ModelRefused, ModelUnavailable, PromptTooLong, Question
from app.llm.prices import estimate_tokens

_LOOK_EVERY = 0.02
_BROKEN_JSON = '{"findings": [{"title": "This answer breaks off in the mid'


class Price(Frozen):
    """Dollars per million tokens."""

    input: float = 0.0
    output: float = 0.0


class Entry(Frozen):
    """What to answer when all words of `when` are in the prompt."""

    when: tuple[str, ...] = ()
    findings: tuple[dict[str, JsonValue], ...] = ()
    verdicts: tuple[dict[str, JsonValue], ...] = ()
    raw: str | None = None
    # "429 retry-after 5", "529", "401", "404", "413", a 5xx, "timeout", "reset", "refusal", "broken json".
    error: str = ""
    delay: float = 0.0
    until: str = ""
    times: int | None = None


class AgentCall(Frozen):
    """A tool that a scripted agent uses."""

    tool: str
    arguments: dict[str, JsonValue] = Field(default_factory=dict[str, JsonValue])


class AgentMove(Frozen):
    """One answer of a scripted agent."""

    say: str = ""
    calls: tuple[AgentCall, ...] = ()
    delay: float = 0.0


class AgentEntry(Frozen):
    """What an agent does when all words of `when` are in its task."""

    when: tuple[str, ...] = ()
    steps: tuple[AgentMove, ...] = ()


class Script(Frozen):
    """The whole file; `agents` is for autofix/scripted_agent.py."""

    price: Price = Price()
    log: str = ""
    answers: tuple[Entry, ...] = ()
    agents: tuple[AgentEntry, ...] = ()


class ScriptedModel:
    """Answers by its script, the same question always in the same way."""

    def __init__(self, path: Path) -> None:
        self._script = read_script(path)
        self._folder = path.parent
        self._log = self._folder / self._script.log if self._script.log else None
        self._used: Counter[int] = Counter()
        self._label = f"scripted:{path.name}"

    @property
    def label(self) -> str:
        return self._label

    def price(self, *, input_tokens: int, output_tokens: int, cached_tokens: int = 0) -> float | None:
        del cached_tokens  # A script has one price for all input.
        price = self._script.price
        return (input_tokens * price.input + output_tokens * price.output) / 1_000_000

    async def ask(self, question: Question) -> Answer:
        chosen = self._choose(question.prompt)
        self._note(chosen, question)
        entries = [self._script.answers[at] for at in chosen]
        await asyncio.sleep(max((entry.delay for entry in entries), default=0.0))
        for awaited in {entry.until for entry in entries if entry.until}:
            while not (self._folder / awaited).exists():  # noqa: ASYNC110 - another process may make it
                await asyncio.sleep(_LOOK_EVERY)
        text = _say(entries)
        return Answer(
            text=text,
            input_tokens=estimate_tokens(question.instructions) + estimate_tokens(question.prompt),
            output_tokens=estimate_tokens(text),
        )

    async def close(self) -> None:
        """Nothing is open."""

    def _choose(self, prompt: str) -> list[int]:
        used = self._used_so_far()
        matching = [
            at
            for at, entry in enumerate(self._script.answers)
            if all(word in prompt for word in entry.when) and (entry.times is None or used[at] < entry.times)
        ]
        alone = [at for at in matching if self._script.answers[at].error or self._script.answers[at].raw is not None]
        return alone[:1] or matching

    def _used_so_far(self) -> Counter[int]:
        if self._log is None:
            return self._used
        if not self._log.is_file():
            return Counter()
        lines = self._log.read_text(encoding="utf-8").splitlines()
        return Counter(at for line in lines for at in json.loads(line)["entries"])

    def _note(self, chosen: list[int], question: Question) -> None:
        self._used.update(chosen)
        if self._log is None:
            return
        prompt_hash = hashlib.sha256(question.prompt.encode("utf-8", "surrogatepass")).hexdigest()[:16]
        line = {
            "at": datetime.now(UTC).isoformat(),
            "pid": os.getpid(),
            "entries": chosen,
            "prompt": prompt_hash,
            "try": len(question.tries) + 1,
        }
        # One write to a file opened for appending: lines of several processes never mix.
        with self._log.open("ab", buffering=0) as log:
            log.write(json.dumps(line).encode() + b"\n")


def read_script(path: Path) -> Script:
    """UserError says what is wrong with the file, and where."""
    try:
        return Script.model_validate_json(path.read_bytes())
    except OSError as error:
        raise UserError(f"The model script {str(path)!r} cannot be read: {error.strerror}.") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise UserError(f"The model script {str(path)!r} is wrong at {where}: {first['msg']}.") from error


def _say(entries: list[Entry]) -> str:
    if len(entries) == 1 and entries[0].error:
        return _fail(entries[0].error)
    if len(entries) == 1 and entries[0].raw is not None:
        return entries[0].raw
    return json.dumps(
        {
            "findings": [finding for entry in entries for finding in entry.findings],
            "verdicts": [verdict for entry in entries for verdict in entry.verdicts],
        }
    )


def _fail(error: str) -> str:
    word, _, rest = error.partition(" ")
    match word:
        case "broken":
            return _BROKEN_JSON
        case "429" | "529":
            seconds = float(rest.removeprefix("retry-after") or 30)
            raise RateLimited(datetime.now(UTC) + timedelta(seconds=seconds), "model")
        case "401" | "403":
            raise UserError(f"scripted: {word}, the key is not accepted")
        case "404":
            raise UserError("scripted knows no model of this name (404).")
        case "413":
            raise PromptTooLong("too long for the model")
        case "refusal":
            raise ModelRefused("model refused")
        case "timeout":
            raise ModelUnavailable("model gave no answer in time")
        case "reset":
            raise ModelUnavailable("model could not be reached")
        case _:
            raise ModelUnavailable(f"model answered {word}")
