"""Every pass over every part of a change, asked side by side; trouble with one is that one's alone."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TypeVar

from pydantic import JsonValue

from app.domain.errors import RateLimited, Refused, UserError
from app.domain.findings import Finding
from app.domain.secrets import Redactor
from app.llm.budget import MeteredModel
from app.llm.chat import Answer, ModelOutputUnusable, ModelRefused, ModelUnavailable, PromptTooLong, Question
from app.llm.structured import ask_for
from reviewers.base import Change
from reviewers.bug_hunter.answer import Report, read_reading
from reviewers.bug_hunter.excerpts import Batch
from reviewers.bug_hunter.passes import PLANS, Pass
from reviewers.bug_hunter.prompt import question
from reviewers.bug_hunter.trust import checked
from reviewers.context.lookups import Lookups
from reviewers.context.references import References

T = TypeVar("T")

# How many questions are open at once? Providers limit tokens a minute, and a person waits for the slowest.
PARALLEL = 8
# How long do we wait before asking a silent provider again? Longer outages are the caller's to wait out.
PAUSES = (timedelta(seconds=1), timedelta(seconds=4))


@dataclass(frozen=True)
class Done:
    """One pass over one part: what was found, or why it was not read. `later` ends the whole review for now."""

    batch: Batch
    by: Pass
    findings: tuple[Finding, ...] = ()
    dropped: tuple[str, ...] = ()
    failed: str = ""
    # Whose answer it is.
    model: str = ""
    later: RateLimited | UserError | ModelUnavailable | None = None


class Asking:
    """How a review asks one model: within its budget, patient with a provider that is silent for a moment."""

    def __init__(
        self,
        model: MeteredModel,
        redactor: Redactor,
        pauses: Sequence[timedelta] = PAUSES,
        around: References | None = None,
    ) -> None:
        self.model = model
        self.redactor = redactor
        self._pauses = tuple(pauses)
        # What is known of each file from elsewhere in the tree.
        self.around = around or {}

    async def ask(self, asked: Question, read: Callable[[dict[str, JsonValue]], T], change: Change) -> T:
        """What `read` makes of the answer; raises what `ask_for` and a ChatModel raise."""
        return (await self.ask_whom(asked, read, change))[0]

    async def ask_whom(
        self, asked: Question, read: Callable[[dict[str, JsonValue]], T], change: Change
    ) -> tuple[T, str]:
        """The same, and which model's answer it is."""
        by = self.model.label

        async def ask(question: Question) -> Answer:
            nonlocal by
            answer = await self.model.ask(question)
            by = answer.by or self.model.label
            return answer

        for pause in self._pauses:
            try:
                return await ask_for(ask, asked, read), by
            except ModelUnavailable:
                change.progress(f"model: no answer, asking again in {pause.total_seconds():g} s")
                await asyncio.sleep(pause.total_seconds())
        return await ask_for(ask, asked, read), by


async def read_all(
    change: Change, todo: Sequence[Batch], passes: Sequence[Pass], finders: Sequence[Asking]
) -> list[Done]:
    """All passes over the first part, then over the next: when money ends, what was read was read whole.

    The passes are dealt out to the finders in turn. After an error that ends the review nothing new is asked; what is
    open is awaited.
    """
    gate = asyncio.Semaphore(PARALLEL)
    stopped: list[Done] = []
    total, finished = len(todo) * len(passes), 0

    async def one(batch: Batch, by: Pass) -> list[Done]:
        nonlocal finished
        async with gate:
            if stopped:
                return [Done(batch, by, failed="not asked", later=stopped[0].later)]
            change.progress(f"model: reading, {finished} of {total} done")
            done = await _read(change, batch, by, finders[(by.number - 1) % len(finders)])
            finished += 1
            stopped.extend(part for part in done if isinstance(part.later, RateLimited | UserError))
            change.progress(f"model: read {finished} of {total}")
            return done

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(batch, by)) for batch in todo for by in passes]
    return [part for task in tasks for part in task.result()]


def raise_what_ends_it(done: Sequence[Done]) -> None:
    """A limit or a wrong key ends a review; a silent model does when it answered nothing at all."""
    for one in done:
        if isinstance(one.later, RateLimited | UserError):
            raise one.later
    silent = [one.later for one in done if one.later]
    if silent and len(silent) == len(done):
        raise silent[0]


async def _read(change: Change, batch: Batch, by: Pass, asking: Asking) -> list[Done]:
    """One part; a part that is too long for the model is read in two halves."""
    try:
        report, model = await _answered(change, batch, by, asking)
    except PromptTooLong as error:
        if len(batch.excerpts) == 1:
            return [Done(batch, by, failed=str(error))]
        half = len(batch.excerpts) // 2
        first, second = Batch(batch.excerpts[:half]), Batch(batch.excerpts[half:])
        return [*await _read(change, first, by, asking), *await _read(change, second, by, asking)]
    except (ModelRefused, ModelOutputUnusable, Refused) as error:
        return [Done(batch, by, failed=str(error))]
    except ModelUnavailable as error:
        return [Done(batch, by, failed=str(error), later=error)]
    except (RateLimited, UserError) as error:
        return [Done(batch, by, failed="not asked", later=error)]
    findings, dropped = await asyncio.to_thread(checked, report.said, batch, change, asking.redactor)
    return [Done(batch, by, findings=findings, dropped=(*report.dropped, *dropped), model=model)]


async def _answered(change: Change, batch: Batch, by: Pass, asking: Asking) -> tuple[Report, str]:
    """Asked again with what it wanted to see, so often and no more."""
    seen = Lookups(change)
    for left in range(PLANS[change.effort].looks, -1, -1):
        asked = await asyncio.to_thread(
            question, change, batch, asking.redactor, by, asking.around, seen.blocks(), left
        )
        answer, model = await asking.ask_whom(asked, partial(read_reading, looks_left=left), change)
        if isinstance(answer, Report):
            return answer, model
        await seen.look(answer)
    raise AssertionError("the last question takes nothing but findings")
