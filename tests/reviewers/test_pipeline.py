"""The conclusion: every candidate in one place, nobody told twice, nothing called mended that was not read."""

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.coverage import Coverage, Reading
from app.domain.diff import Diff
from app.domain.findings import Category, Evidence, Finding, FindingState, Place, Severity, TrackedFinding
from app.domain.identity import keys
from app.domain.line_map import Moves
from app.domain.repo_config import RepoConfig
from app.domain.review import ReviewerReport
from reviewers.pipeline import (
    Conclusion,
    Finished,
    History,
    conclude,
    failed_report,
    finish,
    paths_to_read,
    reviewers_for,
)
from tests.harness.changes import diff_of

NOW = datetime(2026, 11, 21, tzinfo=UTC)
PLAIN = [f"line_{n} = {n}" for n in range(1, 101)]
BASE = {"a.py": "\n".join(PLAIN)}
TOPICS = (
    "refund is issued twice when the webhook is retried",
    "timeout in milliseconds while callers pass seconds",
    "failed lookup gets cached as currency rate",
    "password compared without constant time",
    "connection never closed after exception",
    "pagination skips last element of page",
    "index grows without bound under load",
    "lock released before write happens",
    "header parsed as latin encoding",
    "migration drops column still read elsewhere",
)
BOTH = ("linters", "bug_hunter")


def edited(*numbers: int, word: str = "changed") -> dict[str, str]:
    """a.py with these lines changed."""
    lines = [f"{word}_{n} = f({n})" if n in numbers else text for n, text in enumerate(PLAIN, start=1)]
    return {"a.py": "\n".join(lines)}


HEAD = edited(10, 30, 50, 70, 90)
DIFF = diff_of(BASE, HEAD)


def finding(  # one on a line of a.py at HEAD
    line: int,
    topic: int = 0,
    *,
    severity: Severity = Severity.HIGH,
    category: Category = Category.CORRECTNESS,
    reviewer: str = "bug_hunter",
    rule: str = "correctness",
    stands_alone: bool = True,
    quote: str | None = None,
) -> Finding:
    return Finding(
        reviewer=reviewer,
        rule=rule,
        category=category,
        severity=severity,
        title=TOPICS[topic],
        body=f"Because {TOPICS[topic]}.",
        place=Place(path="a.py", start_line=line, line=line),
        quote=quote or HEAD["a.py"].split("\n")[line - 1],
        stands_alone=stands_alone,
    )


def tracked(
    one: Finding, number: int = 1, *, state: FindingState = "open", comment: bool = True, by: str | None = None
) -> TrackedFinding:
    return TrackedFinding(
        finding_id=f"id-{number}",
        number=number,
        finding=one,
        state=state,
        first_seen_sha="c" * 40,
        keys=keys(one),
        comment_id=f"comment-{number}" if comment else None,
        dismissed_by=by,
        first_seen_at=NOW,
    )


def model_report(*findings: Finding, diff: Diff = DIFF, dropped: Sequence[str] = ()) -> ReviewerReport:
    readings = tuple(Reading(reviewer="bug_hunter", path=file.path, state="reviewed") for file in diff.reviewable)
    return ReviewerReport(
        reviewer="bug_hunter", is_model=True, findings=findings, readings=readings, dropped=tuple(dropped)
    )


def linters_report(*findings: Finding, diff: Diff = DIFF) -> ReviewerReport:
    readings = tuple(Reading(reviewer="linters", path=file.path, state="reviewed") for file in diff.reviewable)
    return ReviewerReport(reviewer="linters", is_model=False, findings=findings, readings=readings)


def concluded(
    *reports: ReviewerReport,
    diff: Diff = DIFF,
    head: dict[str, str] = HEAD,
    config: RepoConfig | None = None,
    history: History | None = None,
) -> Conclusion:
    history = history or History()
    return conclude(
        diff=diff,
        reports=reports,
        reviewers=BOTH,
        config=config or RepoConfig(),
        texts={path: head[path] for path in paths_to_read(diff, history) if path in head},
        history=history,
    )


def told(conclusion: Conclusion) -> list[tuple[int, str, str]]:
    return [(one.finding.place.line, one.decision, one.reason) for one in conclusion.decided]


def finished(conclusion: Conclusion, known: Sequence[TrackedFinding] = ()) -> Finished:
    """As the store would number them."""
    by_id = {one.finding_id: one for one in known}
    numbered = [
        by_id[one.known_id] if one.known_id else tracked(one.finding, 100 + at, comment=False)
        for at, one in enumerate(conclusion.decided)
    ]
    return finish(conclusion, numbered, known)


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


class TestKnown:
    def test_an_open_finding_with_a_thread_gets_no_second_one(self) -> None:
        known = tracked(finding(10))
        conclusion = concluded(model_report(finding(10)), history=History(known=(known,)))
        (one,) = conclusion.decided
        assert (one.known_id, one.decision) == ("id-1", "open")
        assert not finished(conclusion, [known]).to_post

    def test_a_tracked_finding_whose_posting_was_cut_short_is_posted(self) -> None:
        known = tracked(finding(10), comment=False)
        conclusion = concluded(model_report(finding(10)), history=History(known=(known,)))
        assert finished(conclusion, [known]).to_post == ("id-1",)

    @pytest.mark.parametrize(
        ("state", "by", "reason"),
        [("dismissed", "maria", "dismissed by maria"), ("withdrawn", None, "withdrawn")],
    )
    def test_a_dismissed_finding_never_returns(self, state: FindingState, by: str | None, reason: str) -> None:
        known = tracked(finding(10), state=state, by=by)
        reworded = finding(10).model_copy(update={"body": "Other words for the refund issued twice on retry."})
        conclusion = concluded(model_report(reworded), history=History(known=(known,)))
        assert told(conclusion) == [(10, "held_back", reason)]
        assert not finished(conclusion, [known]).counted

    def test_a_mended_bug_that_comes_back_is_news(self) -> None:
        known = tracked(finding(10), state="mended")
        (one,) = concluded(model_report(finding(10)), history=History(known=(known,))).decided
        assert (one.known_id, one.decision) == (None, "post")

    def test_a_force_push_does_not_repeat_findings(self) -> None:
        moved = {"a.py": "# licence\n" * 8 + HEAD["a.py"]}
        diff = diff_of({"a.py": "# licence\n" * 8 + BASE["a.py"]}, moved)
        known = tracked(finding(10))
        again = finding(18, quote="changed_10 = f(10)")
        conclusion = concluded(model_report(again, diff=diff), diff=diff, head=moved, history=History(known=(known,)))
        assert [(one.known_id, one.decision) for one in conclusion.decided] == [("id-1", "open")]

    def test_changed_and_moved_code_is_recognised_by_the_diff_between_heads(self) -> None:
        head = {"a.py": "# licence\n" * 8 + edited(10, 30)["a.py"].replace("f(10)", "g(10)")}
        diff = diff_of(BASE, head)
        known = tracked(finding(10))
        again = finding(18, quote="changed_10 = g(10)")
        moves = Moves(heads=diff_of(HEAD, head))
        for history, expected in ((History(known=(known,), moves=moves), "id-1"), (History(known=(known,)), None)):
            (one,) = concluded(model_report(again, diff=diff), diff=diff, head=head, history=history).decided
            assert one.known_id == expected


class TestUnseen:
    KNOWN = tracked(finding(10))

    def test_gone_and_read_again_is_mended(self) -> None:
        head = edited(10, 30, word="better")
        diff = diff_of(BASE, head)
        conclusion = concluded(
            model_report(diff=diff),
            linters_report(diff=diff),
            diff=diff,
            head=head,
            history=History(known=(self.KNOWN,)),
        )
        assert conclusion.mended_ids == ("id-1",)
        result = finished(conclusion, [self.KNOWN])
        assert result.mended == (self.KNOWN,)
        assert not result.open

    def test_code_that_only_grew_at_its_end_counts_as_changed(self) -> None:
        head = {"a.py": HEAD["a.py"].replace("changed_10 = f(10)", "changed_10 = f(10) or stop()")}
        diff = diff_of(BASE, head)
        conclusion = concluded(model_report(diff=diff), diff=diff, head=head, history=History(known=(self.KNOWN,)))
        assert conclusion.mended_ids == ("id-1",)

    def test_a_failed_reading_mends_nothing(self) -> None:
        head = edited(10, 30, word="better")
        diff = diff_of(BASE, head)
        failed = failed_report("bug_hunter", diff, "model refused")
        conclusion = concluded(
            failed, linters_report(diff=diff), diff=diff, head=head, history=History(known=(self.KNOWN,))
        )
        assert not conclusion.mended_ids
        assert finished(conclusion, [self.KNOWN]).open == (self.KNOWN,)

    def test_unchanged_code_stays_open(self) -> None:
        conclusion = concluded(model_report(), history=History(known=(self.KNOWN,)))
        result = finished(conclusion, [self.KNOWN])
        assert result.open == result.counted == (self.KNOWN,)

    def test_a_deleted_file_mends_its_findings(self) -> None:
        diff = diff_of(BASE, {})
        conclusion = concluded(model_report(diff=diff), diff=diff, head={}, history=History(known=(self.KNOWN,)))
        assert conclusion.mended_ids == ("id-1",)

    def test_a_finding_held_back_before_stays_held_back(self) -> None:
        known = tracked(finding(10, severity=Severity.LOW), comment=False)
        result = finished(concluded(model_report(), history=History(known=(known,))), [known])
        assert [held.reason for held in result.held_back] == ["below comment_at: medium"]
        assert not result.open
        assert not result.counted


class TestConvergence:
    LAST = Coverage.of(DIFF, BOTH, ("bug_hunter",), (*model_report().readings, *linters_report().readings))

    def test_no_new_comment_on_an_unchanged_hunk(self) -> None:
        head = edited(10, 30, 50, 70, 90)
        head["a.py"] = head["a.py"].replace("f(30)", "g(30)")
        diff = diff_of(BASE, head)
        again = finding(30, 1, quote="changed_30 = g(30)")
        conclusion = concluded(
            model_report(finding(10), again, diff=diff), diff=diff, head=head, history=History(last=self.LAST)
        )
        assert told(conclusion) == [(10, "held_back", "on unchanged lines"), (30, "post", "")]
        assert len(finished(conclusion).counted) == 2, "a gate is not weakened by it"

    def test_a_hunk_that_the_reviewer_could_not_read_last_time_is_new_to_it(self) -> None:
        last = Coverage.of(
            DIFF, BOTH, ("bug_hunter",), (*failed_report("bug_hunter", DIFF, "x").readings, *linters_report().readings)
        )
        assert told(concluded(model_report(finding(10)), history=History(last=last))) == [(10, "post", "")]
        ruff = finding(30, 1, reviewer="ruff", rule="F821")
        assert told(concluded(linters_report(ruff), history=History(last=last))) == [
            (30, "held_back", "on unchanged lines")
        ]

    def test_a_file_renamed_since_brings_its_read_hunks_along(self) -> None:
        one, other = {"old.py": "x = f(1)\n"}, {"new.py": "x = f(1)\n"}
        before, after = diff_of({}, one), diff_of({}, other)
        last = Coverage.of(before, BOTH, ("bug_hunter",), model_report(diff=before).readings)
        seen = finding(10, quote="x = f(1)").model_copy(update={"place": Place(path="new.py", start_line=1, line=1)})
        conclusion = concluded(model_report(seen, diff=after), diff=after, head=other, history=History(last=last))
        assert told(conclusion) == [(1, "held_back", "on unchanged lines")]

    @pytest.mark.parametrize(("heads", "decision"), [(0, "post"), (2, "post"), (3, "held_back"), (9, "held_back")])
    def test_after_the_third_head_only_high_ones_are_raised(self, heads: int, decision: str) -> None:
        report = model_report(finding(10, 0, severity=Severity.MEDIUM), finding(30, 1))
        conclusion = concluded(report, history=History(heads_with_findings=heads))
        assert [one.decision for one in conclusion.decided] == ["post", decision]


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
    history = History(known=tuple(ledger), last=TestConvergence.LAST if again else None, heads_with_findings=heads)
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
