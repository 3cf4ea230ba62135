"""A change of 3,000 files and 100,000 lines ends with an honest partial result, the riskiest files first."""

from pathlib import Path

from app.domain.coverage import Coverage
from app.domain.outcomes import Outcome, Verdict, decide, title
from app.domain.repo_config import RepoConfig, SizeLimits
from app.domain.review import ReviewerReport
from app.llm.budget import Allowance, Budget
from reviewers.base import Change
from reviewers.bug_hunter.reviewer import BugHunter
from reviewers.pipeline import History, conclude
from tests.harness.largest import FILES, RISKY_EVERY, largest_change
from tests.harness.scripts import PLENTY, calls, plenty, scripted


def concluded(change: Change, report: ReviewerReport) -> tuple[Coverage, Verdict]:
    reviewers, config = ("bug_hunter",), RepoConfig()
    done = conclude(diff=change.diff, reports=[report], reviewers=reviewers, config=config, texts={}, history=History())
    return done.coverage, decide(config=config, coverage=done.coverage, open_findings=())


async def test_what_is_over_the_limits_is_named_and_the_rest_is_read(tmp_path: Path) -> None:
    change = largest_change(tmp_path, SizeLimits())
    report = await BugHunter(model=scripted(tmp_path / "m", []), budget=plenty()).review(change)
    coverage, verdict = concluded(change, report)
    assert (verdict.outcome, title(verdict)) == (Outcome.INCOMPLETE, "Incomplete · 2,700 of 3,000 files not reviewed")
    assert (coverage.read_hunk_count, len(coverage.skipped), coverage.unread()) == (300, FILES - 300, ())
    assert {reason.partition(" ")[0] for reason in coverage.skipped.values()} == {"over"}


async def test_when_the_money_ends_the_riskiest_files_were_read_and_every_other_is_named(tmp_path: Path) -> None:
    change = largest_change(tmp_path)
    budget = Budget(pull_request=Allowance(5.0), day=PLENTY)
    model = scripted(tmp_path / "m", [], price={"input": 10.0, "output": 10.0})
    report = await BugHunter(model=model, budget=budget).review(change)
    coverage, verdict = concluded(change, report)
    unread = {one.path for one in coverage.unread()}
    read = set(coverage.hunks) - unread
    risky = {file.path for file in change.diff.files if "auth" in file.path}
    assert len(risky) == FILES // RISKY_EVERY
    assert risky < read
    assert (verdict.outcome, len(read) + len(unread)) == (Outcome.INCOMPLETE, FILES)
    assert all("budget of this pull request ($5) is spent" in one.reason for one in coverage.unread())
    assert (report.usage.dollars or 0) <= 5.0
    assert calls(tmp_path / "m") == report.usage.requests
