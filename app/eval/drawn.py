"""The whole reviewer, prompt to thread, on real diffs with a model that answers with experts' comments."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from app.eval.bugs import Wish, review_all
from app.eval.results import MadeBy, open_results
from app.llm.chat import ChatModel
from reviewers.evals import metrics
from reviewers.evals.cases import ExpertDiff
from reviewers.evals.drawn_model import DrawnModel
from reviewers.evals.figures import Section, figure, measured
from reviewers.evals.reviewed import Reviewed


async def drawn_section(cases: Sequence[ExpertDiff], *, repetitions: int) -> Section:
    """Every pull request so many times, each time with other draws."""
    rows = [row for seed in range(repetitions) for row in await _reviewed(cases, seed)]
    counts = [row.counts for row in rows]
    return Section(
        key="drawn",
        title="Experts' comments through the whole reviewer",
        text=f"{len(cases)} pull requests with their real diffs, {repetitions} times: a model that quotes code and "
        "says what experts confirmed and rejected, asked, parsed, anchored, checked and posted like any other.",
        figures=(
            measured("recall", metrics.recall, counts),
            measured("precision", metrics.precision, counts),
            measured("posts per pull request", metrics.posts, counts),
            measured("anchors valid", metrics.placed, counts, target=1.0, at_least=True),
            measured("duplicates per pull request", metrics.repeated, counts),
            figure("changes not read whole by the model", sum(row.model_failed for row in rows), target=0),
            figure("answers thrown away", sum(len(row.dropped) for row in rows) / len(rows), unit="a pull request"),
        ),
    )


async def _reviewed(cases: Sequence[ExpertDiff], seed: int) -> list[Reviewed]:
    async def open_it() -> ChatModel:
        return DrawnModel(cases, seed=seed)

    with tempfile.TemporaryDirectory(prefix="corrigent-drawn-") as folder:
        results = open_results(Path(folder), MadeBy(version="", model="drawn", effort="normal", judge=""))
        wish = Wish(open_model=open_it, judge=None, effort="normal", jobs=2, budget=1.0, secrets=())
        return await review_all(cases, results, wish, lambda _done, _of, _spent: None)
