"""What past changes of a clone would have cost, counted with the real questions."""

import asyncio
import os
import re
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.domain.errors import UserError
from app.domain.repo_config import RepoConfig
from app.eval.estimate import Cost, Measured, cost_of, span, told
from app.llm.models import ModelSpec
from reviewers.evals.history import past_changes
from tests.checkouts.repos import Repo
from tests.review_here.console import SCRIPT

PRICED = ModelSpec(provider="anthropic", name="claude-sonnet-4-5")


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> Repo:
    made = Repo.create(tmp_path_factory.mktemp("history") / "clone")
    made.commit({"a.py": "first = 1\n"}, "Begin")
    made.commit({"a.py": "first = 1\nsecond = 2\n"}, "Add the second")
    made.git("checkout", "-q", "-b", "feature")
    made.commit({"b.py": "".join(f"line_{n} = {n}\n" for n in range(300))}, "Work")
    made.commit({"c.py": "c = 3\n"}, "More work")
    made.git("checkout", "-q", "main")
    made.git("merge", "-q", "--no-ff", "-m", "Merge the feature", "feature")
    made.commit({"package-lock.json": "{}\n"}, "Lock")
    return made


async def test_merges_and_squashed_commits_are_changes_of_their_own(repo: Repo) -> None:
    async with past_changes(repo.folder) as changes:
        assert [change.title for change in changes] == ["Lock", "Merge the feature", "Add the second"]
        async with changes[1].opened(RepoConfig()) as (diff, head, _base):
            assert sorted(file.path for file in diff.reviewable) == ["b.py", "c.py"]
            assert (head / "a.py").read_text() == "first = 1\nsecond = 2\n"
            assert changes[1].language(diff) == "py"


async def test_how_far_back_and_how_many(repo: Repo) -> None:
    newest = datetime.fromtimestamp(repo.clock, UTC)
    async with past_changes(repo.folder, since=timedelta(seconds=90), now=newest) as changes:
        assert [change.title for change in changes] == ["Lock", "Merge the feature"]
    async with past_changes(repo.folder, last=1) as changes:
        assert [change.title for change in changes] == ["Lock"]


async def test_the_questions_are_counted_and_none_is_sent(repo: Repo) -> None:
    async with past_changes(repo.folder) as changes:
        lock, merge, small = [await cost_of(change, "normal") for change in changes]
    assert (lock.questions, lock.input_tokens) == (0, 0)
    assert merge.questions >= 1
    assert merge.input_tokens > small.input_tokens + 300 * 4
    assert merge.output_tokens > 0


def test_sums_and_prices_are_said() -> None:
    costs = [Cost("Big one", 2, 100_000, 2_000), Cost("Small one", 1, 1_000, 1_000), Cost("Lock", 0, 0, 0)]
    lines = list(told(Measured(3, costs), [PRICED, ModelSpec(provider="ollama", name="x")], "30d"))
    assert lines[0] == "3 changes merged in the last 30d, 2 with something to read."
    assert "101,000" in lines[2]
    assert lines[4].startswith("  anthropic:claude-sonnet-4-5: $0.35, $0.17 a change, $0.33 the dearest (Big one)")
    assert lines[5] == "  ollama:x: its price is not known here"
    assert list(told(Measured(), [PRICED], "8w")) == ["0 changes merged in the last 8w, 0 with something to read."]


@pytest.mark.parametrize(("text", "days"), [("30d", 30), ("8w", 56), (" 1D ", 1)])
def test_spans(text: str, days: int) -> None:
    assert span(text) == timedelta(days=days)


@pytest.mark.parametrize("text", ["", "30", "0d", "d", "1y", "-3d"])
def test_what_is_no_span_is_said(text: str) -> None:
    with pytest.raises(UserError, match="use days or weeks"):
        span(text)


async def test_a_folder_without_a_repository_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="There is no git repository"):
        async with past_changes(tmp_path):
            pass


async def test_a_log_is_told_how_far_it_is_and_who_stops_it_what_is_known(tmp_path: Path) -> None:
    repo = Repo.create(tmp_path / "clone")
    repo.commit({"a.py": "first = 1\n"}, "Begin")
    repo.commits(40, "b.py")
    process = await asyncio.create_subprocess_exec(
        *(str(SCRIPT), "estimate", str(repo.folder), "--last", "9999d", "--model", "ollama:x"),
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "TMPDIR": str(tmp_path)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    try:
        async with asyncio.timeout(60):
            assert (await process.stderr.readline()).decode() == "measuring: 10 of 40\n"
            process.send_signal(signal.SIGINT)
            out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    told_of = out.decode().splitlines()
    assert process.returncode == 130
    assert told_of[0].startswith("40 changes merged in the last 9999d")
    stopped = re.fullmatch(r"Stopped: (\d+) of them are measured, and the sums are of these alone\.", told_of[1])
    assert stopped is not None
    assert 10 <= int(stopped[1]) < 40
    assert "Traceback" not in err.decode()
    assert not [one for one in tmp_path.iterdir() if one.name.startswith("corrigent-past")]
