"""The order of outcomes, the table of conclusions and the titles, row by row."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.coverage import Coverage
from app.domain.errors import RateLimited
from app.domain.findings import Severity, TrackedFinding
from app.domain.outcomes import TABLE, Outcome, Verdict, commit_status, conclusion, decide, title, waiting
from app.domain.repo_config import FailOn, RepoConfig
from tests.texts.sample import CACHED, REFUND, TIMEOUT, coverage, finding, tracked

HIGH = tracked(1, REFUND)
MEDIUM = tracked(2, TIMEOUT)
MEDIUM_2 = tracked(3, CACHED)
LOW = tracked(4, finding("a", Severity.LOW, "a.py", 1))


def verdict(*found: TrackedFinding, fail_on: FailOn = "never", read: Coverage | None = None, **facts: str) -> Verdict:
    return decide(config=RepoConfig(fail_on=fail_on), coverage=read or coverage(), open_findings=found, **facts)


@pytest.mark.parametrize(
    ("given_verdict", "advising", "gate", "gitlab", "text"),
    [
        (verdict(), "success", "success", "success", "No problems found · 12 files, 48 hunks"),
        (verdict(read=coverage(1, 1)), "success", "success", "success", "No problems found · 1 file, 1 hunk"),
        (
            verdict(read=coverage(reviewers=("linters",), models=())),
            "neutral",
            "action_required",
            "failed",
            "Linters found nothing · no model configured",
        ),
        (
            verdict(MEDIUM, read=coverage(reviewers=("linters",), models=())),
            "neutral",
            "action_required",
            "failed",
            "Linters found 1 medium · no model configured",
        ),
        (verdict(MEDIUM, MEDIUM_2), "neutral", "neutral", "success", "2 medium · 12 files reviewed"),
        (verdict(HIGH, MEDIUM, MEDIUM_2), "neutral", "neutral", "success", "1 high, 2 medium · 12 files reviewed"),
        (verdict(LOW, read=coverage(1)), "neutral", "neutral", "success", "1 low · 1 file reviewed"),
        (
            verdict(read=coverage(unread=2)),
            "neutral",
            "action_required",
            "failed",
            "Incomplete · 2 of 12 files not reviewed",
        ),
        (
            verdict(MEDIUM, read=coverage(unread=2)),
            "neutral",
            "action_required",
            "failed",
            "Incomplete · 2 of 12 files not reviewed · 1 medium",
        ),
        (
            verdict(read=coverage(skipped={"big.sql": "over 500 kB", "uv.lock": "lock file"})),
            "neutral",
            "action_required",
            "failed",
            "Incomplete · 1 of 13 files not reviewed",
        ),
        (
            verdict(incomplete_reason="ruff timed out after 60 s"),
            "neutral",
            "action_required",
            "failed",
            "Incomplete · ruff timed out after 60 s",
        ),
        (
            verdict(read=coverage(unread=2), accepted_by="maria"),
            "neutral",
            "neutral",
            "success",
            "Incomplete, accepted by maria",
        ),
        (
            verdict(failure="model refused the key"),
            "neutral",
            "failure",
            "failed",
            "Could not review · model refused the key",
        ),
        (verdict(superseded_by="abc1234" + "0" * 33), "cancelled", "cancelled", "canceled", "Superseded by abc1234"),
        (verdict(skip_reason="Draft"), "skipped", "skipped", "skipped", "Draft"),
        (verdict(skip_reason="Opened by renovate"), "skipped", "skipped", "skipped", "Opened by renovate"),
        (verdict(read=coverage(0)), "skipped", "skipped", "skipped", "Nothing to review"),
        (
            waiting(RateLimited(datetime(2026, 1, 1, 14, 30, tzinfo=UTC), "model"), gate=False),
            None,
            None,
            "running",
            "Waiting for the model's rate limit until 14:30",
        ),
    ],
)
def test_each_outcome_has_one_title_and_one_row(
    given_verdict: Verdict, advising: str | None, gate: str | None, gitlab: str, text: str
) -> None:
    assert title(given_verdict) == text
    assert conclusion(given_verdict) == advising
    in_a_gate = given_verdict.model_copy(update={"gate": True})
    assert conclusion(in_a_gate) == gate
    assert commit_status(in_a_gate) == gitlab
    assert commit_status(given_verdict) is None


@pytest.mark.parametrize(
    ("given_verdict", "text"),
    [
        (verdict(HIGH, fail_on="high"), "1 high · 12 files reviewed"),
        (verdict(HIGH, fail_on="high", read=coverage(unread=2)), "1 high · 10 of 12 files reviewed"),
        (
            verdict(HIGH, fail_on="low", read=coverage(reviewers=("linters",), models=())),
            "1 high · 12 files reviewed · no model configured",
        ),
    ],
)
def test_a_blocking_finding_fails_the_gate_and_says_what_was_read(given_verdict: Verdict, text: str) -> None:
    assert given_verdict.outcome is Outcome.BLOCKING_FINDINGS
    assert (conclusion(given_verdict), commit_status(given_verdict)) == ("failure", "failed")
    assert title(given_verdict) == text


def test_the_first_row_that_holds_wins() -> None:
    """Every fact at once; each one taken away uncovers the next row of the order."""
    facts = {"superseded_by": "abc1234", "failure": "broke", "skip_reason": "Draft"}
    read = coverage(unread=1)
    seen = [verdict(HIGH, fail_on="high", read=read, **facts).outcome]
    for fact in ("superseded_by", "failure", "skip_reason"):
        del facts[fact]
        seen.append(verdict(HIGH, fail_on="high", read=read, **facts).outcome)
    seen += [
        verdict(MEDIUM, fail_on="high", read=read).outcome,
        verdict(MEDIUM, fail_on="high", read=coverage(reviewers=("linters",), models=())).outcome,
        verdict(MEDIUM, fail_on="high").outcome,
        verdict(fail_on="high").outcome,
    ]
    assert seen == [
        Outcome.SUPERSEDED,
        Outcome.COULD_NOT_RUN,
        Outcome.SKIPPED,
        Outcome.BLOCKING_FINDINGS,
        Outcome.INCOMPLETE,
        Outcome.NO_MODEL,
        Outcome.OPEN_FINDINGS,
        Outcome.CLEAN,
    ]


def test_a_long_or_broken_reason_is_one_short_line() -> None:
    text = title(verdict(failure="the model\nanswered " + "nonsense " * 100))
    assert "\n" not in text
    assert len(text) < 150
    assert text.endswith("nonsense…")


def test_every_outcome_is_in_the_table() -> None:
    assert set(TABLE) == set(Outcome)


@given(
    files=st.integers(0, 4),
    unread=st.integers(0, 4),
    large=st.booleans(),
    model=st.booleans(),
    found=st.lists(st.sampled_from([HIGH, MEDIUM, LOW]), max_size=2),
    fail_on=st.sampled_from(["never", "low", "medium", "high"]),
    facts=st.dictionaries(
        st.sampled_from(["superseded_by", "failure", "skip_reason", "incomplete_reason", "accepted_by"]),
        st.just("abc"),
        max_size=2,
    ),
)
def test_success_needs_complete_coverage_a_model_and_nothing_open(
    files: int,
    unread: int,
    large: bool,
    model: bool,
    found: list[TrackedFinding],
    fail_on: FailOn,
    facts: dict[str, str],
) -> None:
    read = coverage(
        files,
        unread=min(unread, files),
        reviewers=("bug_hunter", "linters") if model else ("linters",),
        models=("bug_hunter",) if model else (),
        skipped={"big.sql": "over 500 kB"} if large else {},
    )
    decided = verdict(*found, fail_on=fail_on, read=read, **facts)
    if conclusion(decided) == "success":
        assert model
        assert files > 0
        assert not read.unread()
        assert not large
        assert not found
        assert not facts.keys() - {"accepted_by"}
