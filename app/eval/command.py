"""`corrigent eval`: how good the reviews are, in figures beside their targets."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Literal

from app.domain.errors import UserError
from app.domain.repo_config import Effort
from app.eval.bugs import Wish, review_all
from app.eval.drawn import drawn_section
from app.eval.first_prompts import first_prompts
from app.eval.progress import Bar
from app.eval.render import as_page, as_table
from app.eval.results import MadeBy, Results, open_results, read_results
from app.output.report import DISTRIBUTION
from app.output.terminal import Terminal
from app.reviewing.model import model_for
from app.settings import load_settings
from reviewers.evals import sections
from reviewers.evals.bug_section import bug_section, comparison, what_if_section
from reviewers.evals.cases import SETS, BugDiff, Case, ExpertDiff, read_cases, read_expert_diffs
from reviewers.evals.context_recall import context_section
from reviewers.evals.convergence_section import PUSHES, convergence_section
from reviewers.evals.figures import EvalReport, Section
from reviewers.evals.history import past_changes
from reviewers.evals.recorded import read_expert_reviews, read_judged_reviews
from reviewers.evals.reviewed import Reviewed

PARTS = ("convergence", "theory", "harness", "replay", "anchors", "context", "drawn", "bugs")
# Those that need no recorded changes.
_WITHOUT_DATA = {"theory", "convergence"}

DONE, MISSED, INCOMPLETE = 0, 1, 3
LINTERS = "linters alone"
# How many pull requests are drawn for each rule of the theory.
_DRAWN, _DRAWN_QUICKLY = 20_000, 1_000
# A look at every set instead of all of it.
_QUICK_LIMIT = 20
# Commits of a history that are pushed again: whole pull requests of twenty, and a small one.
_PUSHED, _PUSHED_QUICKLY = 100, 5


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What was typed."""

    parts: Sequence[str]
    data: Path
    model: str
    judge: str
    effort: Effort
    sets: Sequence[str]
    # Changes of each set; 0 for all.
    limit: int
    jobs: int
    budget: float
    results: Path
    compare: Path | None
    # A clone whose history is pushed again, to see that reviews converge.
    clone: Path
    # A clone whose last merged changes are reviewed in place of recorded ones.
    what_if: Path | None
    last: int
    output: Literal["text", "json"]
    quick: bool


def run_eval(asked: Asked) -> int:
    """0 when every target is met, 1 when one is missed, 3 when not everything could be reviewed."""
    if unknown := [part for part in asked.parts if part not in PARTS]:
        raise UserError(f"There is no part {unknown[0]!r}; there are {', '.join(PARTS)}.")
    if asked.what_if is None and not asked.data.is_dir() and not set(asked.parts) <= _WITHOUT_DATA:
        raise UserError(f"There is no folder {asked.data}; --data names the one with the recorded changes.")
    return _Evaluation(asked).run()


class _Evaluation:
    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._terminal = Terminal()
        self._notes: list[str] = []

    def run(self) -> int:
        asked = self._asked
        made_by = MadeBy(version=version(DISTRIBUTION), model=asked.model, effort=asked.effort, judge=asked.judge)
        results = open_results(asked.results, made_by)
        with self._terminal.at_work():
            quick = [self._section(part) for part in self._parts() if part != "bugs"]
        report = EvalReport(
            version=made_by.version,
            made_at=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
            reviewed_by=asked.model or LINTERS,
            sections=(*quick, *self._reviewed(results)),
        )
        self._tell(report, results)
        return INCOMPLETE if self._notes else MISSED if report.missed else DONE

    def _section(self, part: str) -> Section:
        data, quick = self._asked.data, self._asked.quick
        self._terminal.progress(part)
        match part:
            case "theory":
                return sections.theory(pull_requests=_DRAWN_QUICKLY if quick else _DRAWN)
            case "harness":
                return sections.harness(read_expert_reviews(data), quick=quick)
            case "replay":
                return sections.replay(read_judged_reviews(data))
            case "anchors":
                return sections.anchors(self._cases())
            case "convergence":
                return asyncio.run(self._convergence())
            case "context":
                cases = read_expert_diffs(data)
                return context_section(cases, asyncio.run(first_prompts(cases)))
            case _:
                return asyncio.run(drawn_section(read_expert_diffs(data), repetitions=1 if quick else 5))

    async def _convergence(self) -> Section:
        last, pushes = (_PUSHED_QUICKLY, _PUSHED_QUICKLY) if self._asked.quick else (_PUSHED, PUSHES)
        async with past_changes(self._asked.clone, last=last) as changes:
            return await convergence_section(changes, pushes=pushes)

    def _parts(self) -> Sequence[str]:
        """A look at a clone needs no recorded data."""
        return () if self._asked.what_if is not None else self._asked.parts

    def _reviewed(self, results: Results) -> Iterator[Section]:
        asked = self._asked
        if asked.what_if is not None:
            rows = asyncio.run(self._again(asked.what_if, results))
            yield what_if_section(rows, with_model=bool(asked.model))
        elif "bugs" in asked.parts:
            rows = asyncio.run(self._rows(self._cases(), results))
            yield bug_section(rows, with_model=bool(asked.model), judged=bool(asked.judge))
        else:
            return
        if asked.compare is not None:
            before, earlier = read_results(asked.compare)
            yield comparison(earlier, rows, (before.model or LINTERS, asked.model or LINTERS))

    async def _again(self, clone: Path, results: Results) -> list[Reviewed]:
        async with past_changes(clone, last=self._asked.last) as changes:
            return await self._rows(changes, results)

    def _cases(self) -> list[BugDiff | ExpertDiff]:
        limit = self._asked.limit or (_QUICK_LIMIT if self._asked.quick else 0)
        return [
            case for name in self._asked.sets or SETS for case in read_cases(self._asked.data, (name,))[: limit or None]
        ]

    async def _rows(self, cases: Sequence[Case], results: Results) -> list[Reviewed]:
        asked, settings = self._asked, load_settings()
        open_judge = model_for(settings, asked.judge) if asked.judge else None
        judge = await open_judge() if open_judge else None
        wish = Wish(
            open_model=model_for(settings, asked.model) if asked.model else None,
            judge=judge,
            effort=asked.effort,
            jobs=asked.jobs,
            budget=asked.budget,
            secrets=settings.secret_values(),
        )
        try:
            with Bar("reviewing") as bar:
                rows = await review_all(cases, results, wish, bar.told)
        finally:
            if judge is not None:
                await judge.close()
        if left := len(cases) - len(rows):
            self._notes.append(
                f"{left} changes were not reviewed: the budget of ${asked.budget:.2f} is spent."
                " The same command with a larger --budget goes on from here."
            )
        return rows

    def _tell(self, report: EvalReport, results: Results) -> None:
        as_json = report.model_dump_json(indent=1) + "\n"
        results.write("report.json", as_json)
        page = results.write("report.html", as_page(report))
        self._terminal.write(as_json if self._asked.output == "json" else as_table(report))
        if self._asked.output == "text":
            self._terminal.say(f"with charts: {page}")
        for note in self._notes:
            self._terminal.complain(note)
