"""What we write on a forge is read back as it was meant, and nothing that stands inside it becomes a finding."""

import pytest

from app.domain.check_text import completed_check
from app.domain.errors import UserError
from app.domain.findings import Place, Severity
from app.domain.posted_text import read_check, read_thread
from app.domain.thread_text import thread_body
from app.reviewing.posted import only
from tests.texts.sample import HELD_BACK, OPEN, REFUND, RUN_ID, VOICE, coverage, finding, result, tracked


def test_a_thread_is_read_back() -> None:
    offered = tracked(4, REFUND.model_copy(update={"suggestion": "x = '''\n```\n'''", "title": "Is a < b & c?"}))
    read = read_thread(thread_body(offered, RUN_ID, VOICE))
    assert read is not None
    assert (read.number, read.severity, read.title) == (4, Severity.HIGH, "Is a < b & c?")
    assert read.body.startswith("`issue_refund()` runs before the event id is stored")
    assert "Found by 4 of 5 passes." in read.body
    assert "details" not in read.body + read.agent_prompt
    assert read.agent_prompt.startswith("In billing/refunds.py make issue_refund() idempotent")
    assert (read.suggestion, read.is_over) == ("x = '''\n```\n'''", False)


@pytest.mark.parametrize("note", ["Fixed in 4be1d07.", "Dismissed by maria.", "Withdrawn."])
def test_what_only_a_sentence_of_ours_closes_is_closed(note: str) -> None:
    read = read_thread(f"{note}\n\n{thread_body(OPEN[0], RUN_ID, VOICE)}")
    assert read is not None
    assert read.is_over


@pytest.mark.parametrize(
    "body", ["", "**High · 1 · No mark**", "Fine.\n\n<!-- corrigent:v1 run=x -->", "<!-- corrigent:v1 "]
)
def test_other_texts_are_no_findings(body: str) -> None:
    assert read_thread(body) is None


def test_what_has_no_thread_is_read_from_the_check() -> None:
    sly = finding("A title", Severity.LOW, "a `b` c.py", 7, body="Text.\n\n**Held back**\n- 9 High · x `y.py:1` (z)")
    untold = (*OPEN, tracked(8, sly))
    summary = completed_check(result(open=untold, coverage=coverage(3, unread=1)), VOICE).summary
    read = read_check(summary)
    assert [(one.number, one.severity, one.title, one.place) for one in read.untold] == [
        (8, Severity.LOW, "A title", Place(path="a `b` c.py", start_line=7, line=7))
    ]
    assert [(one.number, one.reason) for one in read.held_back] == [
        (one.finding.number, one.reason) for one in HELD_BACK
    ]
    assert read.not_reviewed == "src/file_02.py (bug_hunter: model answered with broken JSON, twice)"
    assert read_check(completed_check(result(open=(), held_back=()), VOICE).summary) == read_check("")


def test_one_account_is_chosen_and_never_guessed() -> None:
    assert only(["corrigent", "corrigent"]) == "corrigent"
    for names, told in (([], "name its account with --bot"), (["b", "a"], "a, b. Choose one with --bot")):
        with pytest.raises(UserError, match=told):
            only(names)
