"""The real reviewers and the real pipeline over recorded changes: several at once, within a budget, never twice."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from app.domain.config_layers import in_force
from app.domain.errors import RateLimited, UserError
from app.domain.repo_config import ConfigInForce, Effort
from app.domain.review import ReviewerReport
from app.eval.results import Results
from app.eval.together import together
from app.llm.chat import ChatModel, ModelUnavailable
from app.output.report import Target
from app.reviewing.work import OpenModel, Work, alone, read
from reviewers.base import Change
from reviewers.evals.cases import Case
from reviewers.evals.judge import judged
from reviewers.evals.reviewed import Reviewed, reviewed
from reviewers.pipeline import reviewers_for


@dataclass(frozen=True, kw_only=True)
class Wish:
    """How the changes are reviewed."""

    # None when analysers review alone.
    open_model: OpenModel | None
    judge: ChatModel | None
    effort: Effort
    jobs: int
    # Dollars for all of them together; a model without a known price is not held by it.
    budget: float
    secrets: Sequence[str]


# Called with how many are done, of how many, and what was spent.
Progress = Callable[[int, int, float], None]


async def review_all(cases: Sequence[Case], results: Results, wish: Wish, progress: Progress) -> list[Reviewed]:
    """A row for every change that was reviewed, now or before; fewer than asked for when the budget is spent."""
    return await _Reviewing(cases, results, wish, progress).run()


class _Reviewing:
    def __init__(self, cases: Sequence[Case], results: Results, wish: Wish, progress: Progress) -> None:
        self._cases = cases
        self._results = results
        self._wish = wish
        self._progress = progress
        self._config = in_force(command={"effort": wish.effort})
        self._done = 0
        self._spent = 0.0

    async def run(self) -> list[Reviewed]:
        rows = await together(self._cases, self._row, at_once=self._wish.jobs)
        return [row for row in rows if row is not None]

    async def _row(self, case: Case) -> Reviewed | None:
        row = await asyncio.to_thread(self._results.row, case.case_id)
        if row is None and self._spent < self._wish.budget:
            row = await self._review(case)
            self._spent += row.counts.dollars or 0.0
            await asyncio.to_thread(self._results.keep, row)
        if row is not None and row.judged is None and self._wish.judge is not None:
            row = await self._judged(row, self._wish.judge)
        self._done += row is not None
        self._progress(self._done, len(self._cases), self._spent)
        return row

    async def _judged(self, row: Reviewed, judge: ChatModel) -> Reviewed:
        try:
            row = await judged(row, judge.ask)
        except (RateLimited, ModelUnavailable) as error:
            sentence = f"The judge cannot be asked now ({error}). What was reviewed is kept; the same command goes on."
            raise UserError(sentence) from error
        await asyncio.to_thread(self._results.keep, row)
        return row

    async def _review(self, case: Case) -> Reviewed:
        config = self._config.config
        async with case.opened(config) as (diff, head, base):
            change = Change(
                diff=diff, head_root=head, base_root=base, title=case.title, body="", effort=self._wish.effort
            )
            began = time.monotonic()
            reports = await self._read(case, change, self._config)
            took = time.monotonic() - began
        return await asyncio.to_thread(
            reviewed,
            case,
            diff,
            reports,
            reviewers=reviewers_for("model" if self._wish.open_model else ""),
            config=config,
            seconds=took,
        )

    async def _read(self, case: Case, change: Change, config: ConfigInForce) -> list[ReviewerReport]:
        return await read(
            Work(target=Target(kind="local", name=case.case_id), change=change, config=config),
            open_readers=alone(self._wish.open_model) if self._wish.open_model else None,
            secrets=self._wish.secrets,
            progress=_silent,
            linters_done=_silent,
        )


def _silent(_: object) -> None:
    """The progress of one change is too small to be shown."""
