"""Pushes of a small history: nothing is told twice, a rebase is known again, and the command shows it."""

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from app.eval.cli import register
from reviewers.evals.convergence import carried_over
from reviewers.evals.convergence_section import convergence_section
from reviewers.evals.figures import EvalReport
from reviewers.evals.history import past_changes
from tests.checkouts.repos import Repo

PUSHES = 6
PRICES = [f"price_of_article_number_{number} = {number} * 17" for number in range(240)]


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> Repo:
    made = Repo.create(tmp_path_factory.mktemp("pushes") / "clone")
    made.commit({"a.py": "first = 1\n"}, "Begin")
    for push in range(1, PUSHES + 1):
        # What was there moves down and a line of it changes; a file is added and stays as it is.
        shown = [f"def opening_{push}() -> None: ...", *PRICES[: push * 40]]
        shown[push] += "  # dear"
        made.commit({"a.py": "\n".join(shown) + "\n", f"b{push}.py": "\n".join(PRICES) + "\n"}, f"Push {push}")
    return made


async def test_what_was_told_is_not_told_again(repo: Repo) -> None:
    async with past_changes(repo.folder) as changes:
        section = await convergence_section(changes, pushes=PUSHES)
    values = {one.name: one.value for one in section.figures}
    assert values.pop("pushes") == PUSHES
    assert set(values.values()) == {0.0}
    # Otherwise it would show nothing: the reviewer did worry.
    assert int(section.text.partition(" pull requests, ")[2].split()[0]) > PUSHES


async def test_a_rebase_is_known_again(repo: Repo) -> None:
    async with past_changes(repo.folder, last=1) as (newest,):
        assert await carried_over(newest.git, newest.base_sha, newest.head_sha)


def test_the_command_needs_a_clone_and_nothing_else(repo: Repo, tmp_path: Path) -> None:
    app = typer.Typer()
    register(app)
    results = tmp_path / "results"
    words = ["eval", "convergence", "--quick", "--clone", str(repo.folder), "--results", str(results)]
    ran = CliRunner().invoke(app, words)
    assert ran.exit_code == 0, ran.output
    report = EvalReport.model_validate_json((results / "report.json").read_bytes())
    assert [section.key for section in report.sections] == ["convergence"]
    assert report.missed == 0
