"""The model reviewer: reads the change in batches and returns what it found with a ledger of what it read."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from app.domain.errors import RateLimited, Refused, UserError
from app.domain.findings import Finding
from app.domain.review import ReviewerReport
from app.domain.secrets import Redactor
from app.llm.budget import AnswerStore, Budget, MeteredModel
from app.llm.chat import ChatModel, ModelOutputUnusable, ModelRefused, ModelUnavailable, PromptTooLong
from app.llm.structured import ask_for
from reviewers.base import Change
from reviewers.bug_hunter.answer import Report, read_report
from reviewers.bug_hunter.excerpts import TOKENS_PER_BATCH, Batch, batches
from reviewers.bug_hunter.ledger import Ledger
from reviewers.bug_hunter.prompt import question
from reviewers.bug_hunter.trust import checked

# How many questions are open at once? Providers limit tokens a minute, and a person waits for the slowest.
PARALLEL = 4
# How long do we wait before asking a silent provider again? Longer outages are the caller's to wait out.
PAUSES = (timedelta(seconds=1), timedelta(seconds=4))


@dataclass(frozen=True)
class _Done:
    """One batch: what was found, or why it was not read. `later` is an error that ends the whole review for now."""

    batch: Batch
    findings: tuple[Finding, ...] = ()
    dropped: tuple[str, ...] = ()
    failed: str = ""
    later: RateLimited | UserError | ModelUnavailable | None = None


class BugHunter:
    """Has no tools: whatever a change talks its model into, all it can do is return findings, and those are checked."""

    name = "bug_hunter"
    is_model = True

    def __init__(
        self,
        *,
        model: ChatModel,
        budget: Budget,
        answers: AnswerStore | None = None,
        secrets: Sequence[str] = (),
        batch_tokens: int = TOKENS_PER_BATCH,
        pauses: Sequence[timedelta] = PAUSES,
    ) -> None:
        self._model = model
        self._budget = budget
        self._answers = answers
        self._redactor = Redactor(secrets)
        self._batch_tokens = batch_tokens
        self._pauses = tuple(pauses)

    async def review(self, change: Change) -> ReviewerReport:
        """Findings and the ledger.

        Raises RateLimited or UserError when the provider says so, and ModelUnavailable when it answered nothing at all;
        with an AnswerStore the next attempt asks only what was not answered. Any other trouble is the ledger's.
        """
        todo, unreadable = await asyncio.to_thread(batches, change, self._batch_tokens)
        model = MeteredModel(self._model, self._budget, self._answers)
        done = await self._read_all(change, todo, model)
        _raise_what_ends_it(done)
        ledger = Ledger(self.name, unreadable)
        for one in done:
            if one.failed:
                ledger.failed(one.batch, one.failed)
            else:
                ledger.read(one.batch)
        return ReviewerReport(
            reviewer=self.name,
            is_model=True,
            findings=tuple(finding for one in done for finding in one.findings),
            readings=ledger.readings(change.diff),
            usage=model.usage,
            dropped=tuple(reason for one in done for reason in one.dropped),
        )

    async def _read_all(self, change: Change, todo: Sequence[Batch], model: MeteredModel) -> list[_Done]:
        """Every batch, in order. After an error that ends the review nothing new is asked; what is open is awaited."""
        gate = asyncio.Semaphore(PARALLEL)
        stopped: list[_Done] = []
        finished = 0

        async def one(batch: Batch) -> list[_Done]:
            nonlocal finished
            async with gate:
                if stopped:
                    return [_Done(batch, failed="not asked", later=stopped[0].later)]
                change.progress(f"model: reading part {finished + 1} of {len(todo)}")
                done = await self._read(change, batch, model)
                finished += 1
                stopped.extend(part for part in done if isinstance(part.later, RateLimited | UserError))
                change.progress(f"model: read {finished} of {len(todo)}")
                return done

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(batch)) for batch in todo]
        return [part for task in tasks for part in task.result()]

    async def _read(self, change: Change, batch: Batch, model: MeteredModel) -> list[_Done]:
        """One batch; a batch that is too long for the model is read in two halves."""
        try:
            report = await self._ask(change, batch, model)
        except PromptTooLong as error:
            if len(batch.excerpts) == 1:
                return [_Done(batch, failed=str(error))]
            half = len(batch.excerpts) // 2
            first, second = Batch(batch.excerpts[:half]), Batch(batch.excerpts[half:])
            return [*await self._read(change, first, model), *await self._read(change, second, model)]
        except (ModelRefused, ModelOutputUnusable, Refused) as error:
            return [_Done(batch, failed=str(error))]
        except ModelUnavailable as error:
            return [_Done(batch, failed=str(error), later=error)]
        except (RateLimited, UserError) as error:
            return [_Done(batch, failed="not asked", later=error)]
        findings, dropped = await asyncio.to_thread(checked, report.said, batch, change, self._redactor)
        return [_Done(batch, findings=findings, dropped=(*report.dropped, *dropped))]

    async def _ask(self, change: Change, batch: Batch, model: MeteredModel) -> Report:
        asked = await asyncio.to_thread(question, change, batch, self._redactor)
        for pause in self._pauses:
            try:
                return await ask_for(model.ask, asked, read_report)
            except ModelUnavailable:
                change.progress(f"model: no answer, asking again in {pause.total_seconds():g} s")
                await asyncio.sleep(pause.total_seconds())
        return await ask_for(model.ask, asked, read_report)


def _raise_what_ends_it(done: Sequence[_Done]) -> None:
    for one in done:
        if isinstance(one.later, RateLimited | UserError):
            raise one.later
    silent = [one.later for one in done if one.later]
    if silent and len(silent) == len(done):
        raise silent[0]
