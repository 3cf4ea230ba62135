"""Later heads: nobody is told twice, nothing is called mended that was not read, and reviews come to an end."""

import pytest

from app.domain.coverage import Coverage
from app.domain.diff import Diff
from app.domain.findings import FindingState, Place, Severity
from app.domain.line_map import Moves
from reviewers.pipeline import History, failed_report
from tests.harness.changes import diff_of
from tests.reviewers.candidates import (
    BASE,
    BOTH,
    DIFF,
    HEAD,
    READ_BEFORE,
    concluded,
    edited,
    finding,
    finished,
    linters_report,
    model_report,
    told,
    tracked,
)


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

    @pytest.mark.parametrize("between_is_known", [True, False])
    def test_a_dismissed_finding_stays_away_when_its_file_is_renamed_and_rebased(self, between_is_known: bool) -> None:
        """After a force-push the earlier head may be gone: then only the code itself tells."""
        head = {"b.py": "# licence\n" * 8 + HEAD["a.py"]}
        diff = _renamed(diff_of({"b.py": "# licence\n" * 8 + BASE["a.py"]}, head))
        again = finding(18, quote="changed_10 = f(10)")
        again = again.model_copy(update={"place": again.place.model_copy(update={"path": "b.py"})})
        moves = Moves(heads=_renamed(diff_of({"b.py": HEAD["a.py"]}, head))) if between_is_known else Moves()
        known = tracked(finding(10), state="dismissed", by="maria")
        history = History(known=(known,), moves=moves)
        conclusion = concluded(model_report(again, diff=diff), diff=diff, head=head, history=history)
        assert told(conclusion) == [(18, "held_back", "dismissed by maria")]


def _renamed(diff: Diff) -> Diff:
    """As a change of a.py that is now b.py."""
    files = tuple(file.model_copy(update={"old_path": "a.py", "kind": "renamed"}) for file in diff.files)
    return diff.model_copy(update={"files": files})


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
    def test_no_new_comment_on_an_unchanged_hunk(self) -> None:
        head = edited(10, 30, 50, 70, 90)
        head["a.py"] = head["a.py"].replace("f(30)", "g(30)")
        diff = diff_of(BASE, head)
        again = finding(30, 1, quote="changed_30 = g(30)")
        conclusion = concluded(
            model_report(finding(10), again, diff=diff), diff=diff, head=head, history=History(last=READ_BEFORE)
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
