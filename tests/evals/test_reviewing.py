"""The real pipeline over recorded changes: a model that knows the bugs, one that talks, a run that is stopped."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from app.domain.errors import UserError
from app.domain.repo_config import RepoConfig
from app.eval.bugs import Wish, review_all
from app.eval.results import MadeBy, Results, open_results, read_results
from app.llm.chat import ChatModel
from app.llm.models import ModelSpec, open_model
from app.llm.scripted import ScriptedModel
from reviewers.evals import metrics
from reviewers.evals.bug_section import bug_section, comparison
from reviewers.evals.cases import BugDiff, ExpertDiff, read_cases
from reviewers.evals.reviewed import Reviewed

Recorded = BugDiff | ExpertDiff
MADE_BY = MadeBy(version="1", model="scripted", effort="low", judge="")


@pytest.fixture(scope="module")
def cases(shared_data: Path) -> list[Recorded]:
    found = [case for name in ("mined_szz", "clean") for case in read_cases(shared_data / "eval", (name,))]
    small = [case for case in found if sum(file.changed_line_count for file in case.diff(RepoConfig()).files) < 60]
    assert len({case.group for case in small[:3] + small[-3:]}) == 2
    return small[:3] + small[-3:]


def script(folder: Path, cases: Sequence[Recorded], *, words: str, price: float = 0.0) -> str:
    """A model that quotes the first line of each known bug and says `words` about it, or what the fix was called."""
    answers: list[object] = []
    for case in cases:
        diff = case.diff(RepoConfig())
        for known in case.known(diff):
            where = known.places[0]
            line = next(
                line.text
                for hunk in diff.by_path[where.path].hunks
                for line in hunk.lines
                if line.new is not None and where.start_line <= line.new <= where.line and line.text.strip()
            )
            finding = {
                "path": where.path, "quote": line, "line": where.start_line, "severity": "high",
                "category": "correctness", "title": (words or known.text).split("\n")[0][:80], "body": words or known.text,
            }  # fmt: skip
            answers.append({"when": [where.path], "findings": [finding]})
    file = folder / "script.json"
    file.write_text(json.dumps({"price": {"input": price, "output": price}, "answers": answers}))
    return str(file)


async def review(
    cases: Sequence[Recorded], results: Results, model: str, *, budget: float = 20.0, judge: Path | None = None
) -> list[Reviewed]:
    async def open_it() -> ChatModel:
        return open_model(ModelSpec(provider="scripted", name=model))

    judging = ScriptedModel(judge) if judge else None

    wish = Wish(open_model=open_it, judge=judging, effort="low", jobs=2, budget=budget, secrets=())
    return await review_all(cases, results, wish, lambda _done, _of, _spent: None)


async def test_a_model_that_knows_the_bugs_finds_them_all(cases: list[Recorded], tmp_path: Path) -> None:
    results = open_results(tmp_path / "results", MADE_BY)
    rows = await review(cases, results, script(tmp_path, cases, words=""))
    counts = [row.counts for row in rows]
    assert [len(row.posted) for row in rows] == [1, 1, 1, 0, 0, 0]
    assert (metrics.precision(counts), metrics.recall(counts), metrics.clean_rate(counts)) == (1, 1, 1)
    assert metrics.placed(counts) == 1
    section = bug_section(rows, with_model=True, judged=False)
    assert {figure.name: figure.value for figure in section.figures}["F0.5"] == 1


async def test_a_model_that_points_there_and_talks_of_something_else_finds_none(
    cases: list[Recorded], tmp_path: Path
) -> None:
    words = "Consider renaming things in a friendlier manner"
    rows = await review(cases, open_results(tmp_path / "results", MADE_BY), script(tmp_path, cases, words=words))
    counts = [row.counts for row in rows]
    assert metrics.located(counts) == 1
    assert metrics.recall(counts) == 0
    assert metrics.precision(counts) == 0


async def test_a_run_that_stopped_goes_on_and_asks_nothing_twice(cases: list[Recorded], tmp_path: Path) -> None:
    model = script(tmp_path, cases, words="", price=20.0)
    results = open_results(tmp_path / "results", MADE_BY)
    some = await review(cases, results, model, budget=0.001)
    assert 0 < len(some) < len(cases)
    kept = {file.name: file.stat().st_mtime_ns for file in (tmp_path / "results" / "rows").iterdir()}
    assert len(kept) == len(some)
    rows = await review(cases, open_results(tmp_path / "results", MADE_BY), script(tmp_path, cases, words=""))
    assert [row.case_id for row in rows] == [case.case_id for case in cases]
    now = {file.name: file.stat().st_mtime_ns for file in (tmp_path / "results" / "rows").iterdir()}
    assert {name: now[name] for name in kept} == kept
    made_by, read = read_results(tmp_path / "results")
    assert (made_by, len(read)) == (MADE_BY, len(cases))
    told = comparison(read, rows, ("before", "after"))
    assert {figure.value for figure in told.figures} == {0}


def test_rows_of_another_model_are_left_alone(tmp_path: Path) -> None:
    open_results(tmp_path, MADE_BY)
    with pytest.raises(UserError, match="holds results with model 'scripted'; name another folder"):
        open_results(tmp_path, MADE_BY.model_copy(update={"model": "another"}))
    with pytest.raises(UserError, match="There are no results in"):
        read_results(tmp_path / "nowhere")


async def test_a_model_that_cannot_be_opened_is_one_sentence(cases: list[Recorded], tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        await review(cases, open_results(tmp_path / "results", MADE_BY), str(tmp_path / "nothing.json"))


async def test_a_judge_that_is_away_loses_no_review(cases: list[Recorded], tmp_path: Path) -> None:
    model = script(tmp_path, cases, words="")
    judge = tmp_path / "judge.json"
    results = open_results(tmp_path / "results", MADE_BY)
    judge.write_text(json.dumps({"answers": [{"error": "529"}]}))
    with pytest.raises(UserError, match="the same command goes on"):
        await review(cases, results, model, judge=judge)
    kept = len(list((tmp_path / "results" / "rows").iterdir()))
    assert kept >= 1
    judge.write_text(json.dumps({"answers": [{"raw": '{"same": false}'}]}))
    rows = await review(cases, results, model, judge=judge)
    assert [row.judged for row in rows[:3]] == [((0, 0, False),)] * 3
    assert metrics.recall([row.counts for row in rows]) == 0
