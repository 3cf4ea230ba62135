"""`corrigent eval`: how good the reviews are, in figures beside their targets."""

import asyncio
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from app.domain.phrases import count
from app.eval.asked import Asked, check
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

DONE, MISSED, INCOMPLETE = 0, 1, 3
LINTERS = "linters alone"
# How many pull requests are drawn for each rule of the theory.
_DRAWN, _DRAWN_QUICKLY = 20_000, 1_000
# A look at every set instead of all of it.
_QUICK_LIMIT = 20
# Commits of a history that are pushed again: whole pull requests of twenty, and a small one.
_PUSHED, _PUSHED_QUICKLY = 100, 5


def run_eval(asked: Asked) -> int:
    """0 when every target is met, 1 when one is missed, 3 when not everything could be reviewed."""
    check(asked)
    return _Evaluation(asked).run()


class _Evaluation:
    """What may be wrong with what was typed is told before anything is measured, which takes minutes."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._terminal = Terminal()
        self._notes: list[str] = []
        self._settings = load_settings()
        self._cases = self._read_cases() if {"anchors", "bugs"} & {*asked.measured} else []
        self._earlier = read_results(asked.compare) if asked.compare else None

    def run(self) -> int:
        asked = self._asked
        asyncio.run(self._try_models())
        made_by = MadeBy(version=version(DISTRIBUTION), model=asked.model, effort=asked.effort, judge=asked.judge)
        results = open_results(asked.results, made_by)
        try:
            return self._measure(results)
        except KeyboardInterrupt:
            self._terminal.complain(
                f"Stopped. {results.folder} keeps {count(results.kept, 'review')}; the same command goes on from there."
            )
            raise

    async def _try_models(self) -> None:
        for name in filter(None, (self._asked.model, self._asked.judge)):
            if open_it := model_for(self._settings, name):
                await (await open_it()).close()

    def _measure(self, results: Results) -> int:
        with self._terminal.at_work():
            quick = [self._section(part) for part in self._asked.measured if part != "bugs"]
        report = EvalReport(
            version=results.made_by.version,
            made_at=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
            reviewed_by=self._asked.model or LINTERS,
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
                return sections.anchors(self._cases)
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

    def _reviewed(self, results: Results) -> Iterator[Section]:
        asked = self._asked
        if asked.what_if is not None:
            rows = asyncio.run(self._again(asked.what_if, results))
            yield what_if_section(rows, with_model=bool(asked.model))
        elif "bugs" in asked.parts:
            rows = asyncio.run(self._rows(self._cases, results))
            yield bug_section(rows, with_model=bool(asked.model), judged=bool(asked.judge))
        else:
            return
        if self._earlier is not None:
            before, earlier = self._earlier
            names = (before.model or LINTERS, asked.model or LINTERS)
            if names[0] == names[1]:
                # The same model on another day: then the folders tell the runs apart.
                names = (f"{names[0]} in {asked.compare}", f"{names[1]} in {asked.results}")
            yield comparison(earlier, rows, names)

    async def _again(self, clone: Path, results: Results) -> list[Reviewed]:
        async with past_changes(clone, last=self._asked.last) as changes:
            return await self._rows(changes, results)

    def _read_cases(self) -> list[BugDiff | ExpertDiff]:
        limit = self._asked.limit or (_QUICK_LIMIT if self._asked.quick else 0)
        return [
            case for name in self._asked.sets or SETS for case in read_cases(self._asked.data, (name,))[: limit or None]
        ]

    async def _rows(self, cases: Sequence[Case], results: Results) -> list[Reviewed]:
        asked, settings = self._asked, self._settings
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
        if before := sum(results.row(case.case_id) is not None for case in cases):
            self._terminal.complain(f"{before:,} of {count(len(cases), 'change')} were reviewed before and are kept.")
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
