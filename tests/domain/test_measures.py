"""The fate of a finding, sign by sign, and what many of them come to."""

from datetime import UTC, datetime

import pytest

from app.domain.findings import FindingState, Place
from app.domain.line_map import Moves
from app.domain.measure_summary import Rate, summarise
from app.domain.measures import Judged, Measure, Signs, control_places, judge, was_changed
from app.domain.pull_request import PullRequestRef
from tests.harness.changes import diff_of
from tests.reviewers.candidates import BASE, DIFF, HEAD, edited, finding, tracked

NOW = datetime(2026, 11, 21, tzinfo=UTC)
CHANGED, SAME = Signs(changed=True), Signs(changed=False)


@pytest.mark.parametrize(
    ("state", "why", "signs", "fate", "how"),
    [
        ("withdrawn", "", CHANGED, "withdrawn", "withdrawn"),
        ("dismissed", "wrong: it is checked", CHANGED, "dismissed", "wrong"),
        ("dismissed", "later", SAME, "dismissed", "later"),
        ("mended", "", Signs(fixed_by_us=True), "acted_on", "our fix"),
        ("mended", "", Signs(changed=True, suggestion_taken=True), "acted_on", "our suggestion"),
        ("dismissed", "wrong", Signs(changed=True, suggestion_taken=True), "dismissed", "wrong"),
        ("mended", "", SAME, "acted_on", "mended"),
        ("open", "", CHANGED, "acted_on", "lines changed"),
        ("open", "", Signs(changed=False, thread_outdated=True), "acted_on", "lines changed"),
        ("dismissed", "resolved the thread", CHANGED, "acted_on", "lines changed"),
        ("dismissed", "resolved the thread", SAME, "dismissed", "resolved without a change"),
        ("open", "", Signs(changed=False, thread_resolved=True), "dismissed", "resolved without a change"),
        ("open", "", SAME, "ignored", ""),
        ("open", "", Signs(), "unknown", ""),
    ],
)
def test_the_first_sign_that_holds_decides(state: FindingState, why: str, signs: Signs, fate: str, how: str) -> None:
    one = tracked(finding(10), state=state).model_copy(update={"dismissed_why": why})
    judged = judge(one, signs)
    assert (judged.fate, judged.how, judged.posted) == (fate, how, True)


def test_lines_are_changed_when_they_are_gone_from_the_end() -> None:
    later = Moves(heads=diff_of(HEAD, edited(10, 30, word="later")))
    places = [Place(path="a.py", start_line=line, line=line) for line in (10, 11, 50)]
    assert [was_changed(place, later) for place in places] == [True, False, True]
    assert was_changed(places[0].model_copy(update={"side": "old"}), later) is None
    assert was_changed(places[0], Moves()) is False


@pytest.mark.parametrize(
    ("suggested", "taken"),
    [
        (["now = 1"], True),
        (["now = 1", "next = 2"], True),
        (["next = 2"], True),
        (["now = 2"], False),
        (["x10 = 10"], False),
        ([], False),
    ],
)
def test_a_suggestion_is_taken_when_its_lines_stand_in_their_place(suggested: list[str], taken: bool) -> None:
    before = "".join(f"x{n} = {n}\n" for n in range(40))
    later = Moves(heads=diff_of({"a.py": before}, {"a.py": before.replace("x9 = 9\n", "now = 1\nnext = 2\n")}))
    assert later.replaced_by(Place(path="a.py", start_line=10, line=10), suggested) is taken
    assert not later.replaced_by(Place(path="a.py", start_line=30, line=30), suggested)
    assert not Moves().replaced_by(Place(path="a.py", start_line=10, line=10), suggested)


def test_the_control_is_drawn_from_added_lines_that_no_finding_is_near() -> None:
    flagged = [Place(path="a.py", start_line=12, line=12)]
    drawn = control_places(DIFF, flagged, seed="x")
    assert sorted(place.line for place in drawn) == [30, 50, 70, 90], "line 10 is three lines from the finding"
    assert drawn == control_places(DIFF, flagged, seed="x")
    many = diff_of({}, {"b.py": "\n".join(f"x{n} = {n}" for n in range(500))})
    assert len(control_places(many, [], seed="x")) == 50
    assert BASE


def test_a_summary_counts_what_people_saw_and_whose_end_is_known() -> None:
    def judged(number: int, fate: str, how: str = "", *, posted: bool = True, severity: str = "high") -> Judged:
        return Judged.model_validate(
            {
                "finding_id": f"id-{number}",
                "number": number,
                "severity": severity,
                "category": "correctness",
                "reviewer": "bug_hunter",
                "posted": posted,
                "fate": fate,
                "how": how,
            }
        )

    def measure(number: int, seconds: float | None) -> Measure:
        return Measure(
            ref=PullRequestRef(connection="github", repo_id="1", number=number),
            state="merged" if number == 1 else "closed",
            head_sha="a" * 40,
            closed_at=NOW,
            reviews=2,
            control_lines=40,
            control_changed=2,
            first_review_seconds=seconds,
            dollars=0.25,
        )

    first = (judged(1, "acted_on", "mended"), judged(2, "dismissed", "wrong"), judged(3, "ignored", posted=False))
    second = (judged(4, "unknown"), judged(5, "ignored", severity="medium"))
    told = summarise([(measure(1, 30.0), first), (measure(2, None), second)])
    assert (told.pull_requests, told.merged, told.reviews, told.findings, told.unknown) == (2, 1, 4, 4, 1)
    assert told.acted_on == Rate(name="all", part=1, of=3)
    assert told.control == Rate(name="lines that nobody flagged", part=4, of=80)
    assert told.by_severity == (Rate(name="high", part=1, of=2), Rate(name="medium", part=0, of=1))
    assert told.acted_on_by == (("mended", 1),)
    assert told.dismissals == (("wrong", 1),)
    assert (told.median_seconds, told.dollars) == (30.0, 0.5)
    assert summarise([]).acted_on.share is None
