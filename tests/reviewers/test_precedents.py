"""What was rejected three times is held back with its reason; what people liked, and security, is not."""

import pytest

from app.domain.findings import Category, Finding
from app.domain.identity import text_of
from app.domain.past_verdicts import PastVerdict
from reviewers.pipeline import History
from reviewers.stages.precedents import held_back
from tests.reviewers.candidates import concluded, finding, model_report, told

NEW = finding(10, topic=0)
OTHER = finding(30, topic=1)


def past(*verdicts: str, of: Finding = NEW) -> list[PastVerdict]:
    return [
        PastVerdict(
            text=text_of(of.model_copy(update={"body": f"{of.body} Case {number}."})),
            verdict="upvoted" if verdict == "+" else "rejected",
            pull_request_number=number,
        )
        for number, verdict in enumerate(verdicts, start=3)
    ]


REASON = "like 3 that were rejected here, in pull requests 3, 4 and 5"


@pytest.mark.parametrize(
    ("verdicts", "asked", "reason"),
    [
        (past("-", "-", "-"), NEW, REASON),
        (past("-", "-"), NEW, ""),
        (past("-", "-", "-"), OTHER, ""),
        (past("-", "-", "-", "+", "+"), NEW, REASON),
        (past("-", "-", "-", "+", "+", "+"), NEW, ""),
        (past("-", "-", "-"), NEW.model_copy(update={"category": Category.SECURITY}), ""),
        ([*past("-", "-"), *past("-", of=OTHER)], NEW, ""),
        ([], NEW, ""),
    ],
)
def test_only_three_near_rejections_hold_a_finding_back(
    verdicts: list[PastVerdict], asked: Finding, reason: str
) -> None:
    assert held_back([asked], verdicts) == ({text_of(asked): reason} if reason else {})


def test_it_stands_in_the_check_with_its_reason_and_still_counts_for_a_gate() -> None:
    conclusion = concluded(model_report(NEW, OTHER), history=History(verdicts=tuple(past("-", "-", "-"))))
    assert told(conclusion) == [(10, "held_back", REASON), (30, "post", "")]
    assert [one.counts for one in conclusion.decided] == [True, True]
