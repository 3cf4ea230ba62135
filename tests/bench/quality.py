"""How good the reviews are, without a model: theory, harness, replay, anchors, and the linters over recorded changes."""

import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path

from app.eval.bugs import Wish, review_all
from app.eval.drawn import drawn_section
from app.eval.first_prompts import first_prompts
from app.eval.results import MadeBy, open_results
from reviewers.evals import sections
from reviewers.evals.bug_section import bug_section
from reviewers.evals.cases import SETS, read_cases, read_expert_diffs
from reviewers.evals.context_recall import context_section
from reviewers.evals.convergence_section import PUSHES, convergence_section
from reviewers.evals.figures import Section
from reviewers.evals.history import past_changes
from reviewers.evals.recorded import read_expert_reviews, read_judged_reviews
from reviewers.evals.reviewed import Reviewed
from tests.bench.figures import Figure

DATA = Path(__file__).parent.parent.parent.parent / "shared" / "data" / "eval"
# Changes of each set in a quick run.
FEW = 15


async def measure(quick: bool) -> Sequence[Figure]:
    """Nothing where the recorded changes are not beside the repository."""
    if not DATA.is_dir():
        return []
    cases = [case for name in SETS for case in read_cases(DATA, (name,))[: FEW if quick else None]]
    parts = [
        await asyncio.to_thread(sections.theory, pull_requests=1_000 if quick else 20_000),
        await asyncio.to_thread(sections.harness, read_expert_reviews(DATA), quick=quick),
        await asyncio.to_thread(sections.replay, read_judged_reviews(DATA)),
        await asyncio.to_thread(sections.anchors, cases),
    ]
    async with past_changes(Path(__file__).parent.parent.parent, last=5 if quick else 100) as changes:
        parts.append(await convergence_section(changes, pushes=min(PUSHES, len(changes))))
    experts = read_expert_diffs(DATA)
    parts.append(context_section(experts, await first_prompts(experts)))
    parts.append(await drawn_section(experts, repetitions=1 if quick else 5))
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        results = open_results(Path(folder), MadeBy(version="", model="", effort="normal", judge=""))
        wish = Wish(open_model=None, judge=None, effort="normal", jobs=2, budget=0.01, secrets=())
        rows: list[Reviewed] = await review_all(cases, results, wish, lambda _done, _of, _spent: None)
    return [figure for part in (*parts, bug_section(rows, with_model=False, judged=False)) for figure in _figures(part)]


def _figures(section: Section) -> list[Figure]:
    return [
        Figure(f"{section.key} · {one.name}", one.value, one.unit, one.target, one.at_least)
        for one in section.figures
        if one.value is not None
    ]
