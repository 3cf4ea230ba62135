"""The conclusion: every candidate in exactly one place, told by rank, held back with its reason."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.findings import Category, Evidence, Finding, FindingState, Place, Severity
from app.domain.repo_config import RepoConfig
from reviewers.pipeline import Conclusion, History, reviewers_for
from tests.reviewers.candidates import (
    BOTH,
    READ_BEFORE,
    TOPICS,
    concluded,
    finding,
    finished,
    linters_report,
    model_report,
    told,
    tracked,
)


def test_what_is_new_is_posted_by_rank() -> None:
    conclusion = concluded(
        model_report(
            finding(10, 0, severity=Severity.MEDIUM),
            finding(30, 1),
            finding(50, 2, severity=Severity.LOW),
            finding(70, 3, category=Category.SECURITY),
        )
    )
    assert told(conclusion) == [
        (70, "post", ""),
        (30, "post", ""),
        (10, "post", ""),
        (50, "held_back", "below comment_at: medium"),
    ]
    result = finished(conclusion)
    assert len(result.to_post) == 3
    assert [one.finding.place.line for one in result.open] == [70, 30, 10]
    assert [held.reason for held in result.held_back] == ["below comment_at: medium"]
    assert len(result.counted) == 3


@pytest.mark.parametrize(
    ("comment_at", "lines"),
    [(Severity.LOW, [10, 30, 50]), (Severity.MEDIUM, [10, 30]), (Severity.HIGH, [10])],
)
def test_from_which_severity_on_a_finding_gets_a_thread_is_the_repository_s_word(
    comment_at: Severity, lines: list[int]
) -> None:
    found = (finding(10), finding(30, 1, severity=Severity.MEDIUM), finding(50, 2, severity=Severity.LOW))
    conclusion = concluded(model_report(*found), config=RepoConfig(comment_at=comment_at))
    assert [line for line, becomes, _ in told(conclusion) if becomes == "post"] == lines
    assert {reason for _, becomes, reason in told(conclusion) if becomes == "held_back"} <= {
        f"below comment_at: {comment_at}"
    }


def test_the_gate_counts_a_low_finding_that_it_blocks_on() -> None:
    report = model_report(finding(50, severity=Severity.LOW))
    assert not finished(concluded(report)).counted
    assert len(finished(concluded(report, config=RepoConfig(fail_on="low"))).counted) == 1


def test_security_is_never_cut_and_what_is_cut_still_counts() -> None:
    conclusion = concluded(
        model_report(
            finding(10, 0),
            finding(30, 1),
            finding(50, 2),
            finding(70, 3, severity=Severity.MEDIUM, category=Category.SECURITY),
        ),
        config=RepoConfig(comment_limit=1),
    )
    assert told(conclusion) == [
        (10, "post", ""),
        (30, "held_back", "over comment_limit: 1"),
        (50, "held_back", "over comment_limit: 1"),
        (70, "post", ""),
    ]
    assert len(finished(conclusion).counted) == 4


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (finding(10, stands_alone=False), ("held_back", "hint of an analyser")),
        (finding(20), ("held_back", "pre-existing, outside the change")),
        (finding(12), ("post", "")),
    ],
    ids=["hint", "outside the hunks", "context line of a hunk"],
)
def test_single_reasons(one: Finding, expected: tuple[str, str]) -> None:
    ((_, *rest),) = told(concluded(model_report(one)))
    assert tuple(rest) == expected


@pytest.mark.parametrize(
    ("one", "reason"),
    [
        (finding(10).model_copy(update={"place": Place(path="../a.py", start_line=10, line=10)}), "not a file of"),
        (finding(10).model_copy(update={"place": Place(path="A.py", start_line=10, line=10)}), "not a file of"),
        (finding(10).model_copy(update={"place": Place(path="a.py", start_line=12, line=10)}), "lines that cannot be"),
        (finding(10).model_copy(update={"place": Place(path="a.py", start_line=0, line=0)}), "lines that cannot be"),
        (finding(10).model_copy(update={"title": " "}), "no grounds named"),
        (finding(10, quote=" \n"), "no grounds named"),
    ],
)
def test_what_no_reviewer_may_claim_is_dropped(one: Finding, reason: str) -> None:
    conclusion = concluded(model_report(one, finding(30)))
    assert told(conclusion) == [(30, "post", "")]
    (dropped,) = conclusion.dropped
    assert dropped.reason.startswith(reason)


class TestMerging:
    def test_an_analysers_hit_on_the_same_lines_becomes_evidence(self) -> None:
        ruff = finding(
            10, 7, reviewer="ruff", rule="S608", category=Category.SECURITY, severity=Severity.HIGH
        ).model_copy(update={"evidence": (Evidence(kind="analyser", text="ruff S608"),)})
        model = finding(10, 3, category=Category.SECURITY, severity=Severity.MEDIUM)
        conclusion = concluded(model_report(model), linters_report(ruff))
        (one,) = conclusion.decided
        assert one.finding.title == model.title
        assert one.finding.severity is Severity.HIGH
        assert one.finding.evidence == (Evidence(kind="analyser", text="ruff S608"),)
        assert [dropped.reason for dropped in conclusion.dropped] == [f"merged with {model.title!r}"]

    def test_two_problems_on_one_line_stay_two(self) -> None:
        ruff = finding(10, 7, reviewer="ruff", rule="B023", category=Category.CONCURRENCY)
        assert len(concluded(model_report(finding(10, 3)), linters_report(ruff)).decided) == 2

    def test_one_problem_in_two_wordings_is_one(self) -> None:
        other = finding(11, 0, severity=Severity.MEDIUM).model_copy(
            update={"title": "Retried webhook: the refund is issued twice", "body": "It has no guard."}
        )
        assert len(concluded(model_report(finding(10, 0), other)).decided) == 1

    def test_one_rule_of_an_analyser_on_two_lines_stays_two(self) -> None:
        hits = [finding(line, 5, reviewer="ruff", rule="B006") for line in (10, 11)]
        assert len(concluded(linters_report(*hits)).decided) == 2


def test_reviewers_of_a_run() -> None:
    assert reviewers_for("") == ("linters",)
    assert reviewers_for("anthropic:x") == BOTH


def test_a_missing_report_leaves_its_files_unread() -> None:
    conclusion = concluded(linters_report())
    assert [(unread.path, unread.reviewer) for unread in conclusion.coverage.unread()] == [("a.py", "bug_hunter")]
    assert conclusion.coverage.model_reviewers == ("bug_hunter",)


def test_a_conclusion_that_lost_a_finding_cannot_be_built() -> None:
    conclusion = concluded(model_report(finding(10)))
    with pytest.raises(ValueError, match="2 findings were produced and 1 accounted for"):
        Conclusion.model_validate({**conclusion.model_dump(), "produced": 2})


ANY_FINDING = st.builds(
    finding,
    st.integers(min_value=1, max_value=100),
    st.integers(min_value=0, max_value=len(TOPICS) - 1),
    severity=st.sampled_from(Severity),
    category=st.sampled_from(Category),
    stands_alone=st.booleans(),
)
ANY_HIT = st.builds(
    finding,
    st.integers(min_value=1, max_value=100),
    st.integers(min_value=0, max_value=len(TOPICS) - 1),
    severity=st.sampled_from(Severity),
    reviewer=st.sampled_from(["ruff", "secrets"]),
    rule=st.sampled_from(["A1", "B2"]),
)
ANY_KNOWN = st.lists(
    st.tuples(ANY_FINDING, st.sampled_from(["open", "mended", "dismissed", "withdrawn"]), st.booleans()), max_size=5
)


@settings(max_examples=60, deadline=None)
@given(
    said=st.lists(ANY_FINDING, max_size=12),
    hits=st.lists(ANY_HIT, max_size=8),
    drops=st.lists(st.text(min_size=1, max_size=20), max_size=3),
    known=ANY_KNOWN,
    again=st.booleans(),
    heads=st.integers(min_value=0, max_value=5),
    limit=st.integers(min_value=0, max_value=4),
)
def test_every_candidate_ends_in_exactly_one_place(
    said: list[Finding],
    hits: list[Finding],
    drops: list[str],
    known: list[tuple[Finding, FindingState, bool]],
    again: bool,
    heads: int,
    limit: int,
) -> None:
    ledger = [tracked(one, at, state=state, comment=comment) for at, (one, state, comment) in enumerate(known)]
    history = History(known=tuple(ledger), last=READ_BEFORE if again else None, heads_with_findings=heads)
    conclusion = concluded(
        model_report(*said, dropped=drops),
        linters_report(*hits),
        config=RepoConfig(comment_limit=limit),
        history=history,
    )
    result = finished(conclusion, ledger)
    assert len(said) + len(hits) + len(drops) == len(conclusion.decided) + len(conclusion.dropped)
    ids = [one.finding_id for one in result.open] + [held.finding.finding_id for held in result.held_back]
    assert len(ids) == len(set(ids)), "shown twice"
    assert set(result.to_post) <= {one.finding_id for one in result.open}
    commented = {one.finding_id for one in ledger if one.comment_id}
    silent = {one.finding_id for one in ledger if one.state != "open"}
    assert not set(result.to_post) & (commented | silent), "told again"
    plain = [one for one in result.open if one.finding_id in result.to_post]
    assert sum(one.finding.category is not Category.SECURITY for one in plain) <= limit
    open_before = {one.finding_id for one in ledger if one.state == "open"}
    assert open_before <= set(ids) | set(conclusion.mended_ids), "an open finding was forgotten"
    assert {one.finding_id for one in result.mended} <= open_before
