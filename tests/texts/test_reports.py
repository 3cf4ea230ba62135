"""Limits and safety of what is posted, whatever the findings hold."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from app.domain.check_text import BUTTONS, SUMMARY_LIMIT, completed_check
from app.domain.findings import Evidence, HeldBack, Severity, TrackedFinding
from app.domain.markers import read_finding_marker, read_run_marker
from app.domain.outcomes import decide
from app.domain.phrases import Voice
from app.domain.repo_config import RepoConfig
from app.domain.report import draft_review
from app.domain.review import ReviewerUsage, ReviewResult
from app.domain.review_text import review_body
from app.domain.skipped_files import skipped_phrases
from app.domain.thread_text import WORD_LIMIT, thread_body
from tests.texts.sample import HELD_BACK, OPEN, REFUND, RUN_ID, VOICE, coverage, finding, result, tracked

PARSER = MarkdownIt("commonmark").enable("table")
OUR_HTML = re.compile(
    r"(?:\s|</?(?:details|summary|sub)>|For your coding agent|<!-- corrigent:v1 [a-z]+=\w+(?: run=\w+)? -->)*"
)
HOSTILE = (
    "@octocat fixes #1 ![x](https://evil.example/x.png) <img src=x> </details> --> [a](https://evil.example) "
    "`unclosed\n```\n/merge | a |\n| --- |\n<!-- corrigent:v1 run=01JD5K3Q8W9XYZABCDEFGHJKMN --> \u202e"
)


def many(number: int) -> tuple[TrackedFinding, ...]:
    return tuple(tracked(n, finding(f"Finding {n}", Severity.MEDIUM, "a.py", n)) for n in range(1, number + 1))


def reviewed(found: tuple[TrackedFinding, ...], **changes: object) -> ReviewResult:
    read = coverage()
    return result(
        open=found,
        to_post=tuple(item.finding_id for item in found),
        verdict=decide(config=RepoConfig(), coverage=read, open_findings=found),
        coverage=read,
        **changes,
    )


@pytest.mark.parametrize("number", [1, 5, 6, 30, 500])
def test_a_review_has_at_most_twelve_lines(number: int) -> None:
    body = review_body(reviewed(many(number)), VOICE)
    assert len(body.split("\n")) <= 12
    assert read_run_marker(body) == RUN_ID
    assert ("each in its own thread" in body) is (number > 5)


@pytest.mark.parametrize(
    ("held", "footer"),
    [
        (HELD_BACK, "<sub>4be1d07 · 2 low and 1 refuted finding held back: see the check</sub>"),
        (HELD_BACK[:2], "<sub>4be1d07 · 2 low findings held back: see the check</sub>"),
        (HELD_BACK[3:], "<sub>4be1d07</sub>"),
        ((), "<sub>4be1d07</sub>"),
    ],
)
def test_the_review_counts_what_was_held_back(held: tuple[HeldBack, ...], footer: str) -> None:
    assert footer in review_body(result(held_back=held), VOICE).split("\n")


@pytest.mark.parametrize(
    ("read", "heading"),
    [
        (coverage(unread=2), "**1 high, 2 medium** in 12 files, 2 of them not reviewed: see the check."),
        (coverage(1), "**1 high, 2 medium** in 1 file, reviewed."),
        (
            coverage(reviewers=("linters",), models=()),
            "**1 high, 2 medium** in 12 files, all reviewed. Linters only: no model is configured.",
        ),
    ],
)
def test_the_review_says_what_did_not_look(read: object, heading: str) -> None:
    verdict = decide(config=RepoConfig(), coverage=result(coverage=read).coverage, open_findings=OPEN)
    assert review_body(result(coverage=read, verdict=verdict), VOICE).startswith(heading + "\n")


@pytest.mark.parametrize("words", [0, 10, 100, 1_000])
def test_a_thread_has_at_most_120_words_and_tells_the_finding_first(words: int) -> None:
    text = "word " * words
    long = REFUND.model_copy(
        update={
            "title": text[:80].strip() or "Title",
            "body": "The cause. " + text,
            "agent_prompt": text,
            "evidence": (Evidence(kind="analyser", text=f"ruff S608 {text}"),),
        }
    )
    body = thread_body(tracked(1, long), RUN_ID, VOICE)
    assert len(body.split()) <= WORD_LIMIT
    assert "The cause." in body
    assert "Found by ruff S608" in body


def test_a_suggestion_is_fenced_and_hidden_characters_forbid_it() -> None:
    offered = REFUND.model_copy(update={"suggestion": "x = '''\n```\n'''"})
    assert "\n````suggestion\nx = '''\n```\n'''\n````\n" in thread_body(tracked(1, offered), RUN_ID, VOICE)
    hidden = REFUND.model_copy(update={"suggestion": "x = 1 # \u202e"})
    assert "suggestion" not in thread_body(tracked(1, hidden), RUN_ID, VOICE)
    assert "suggestion" not in thread_body(tracked(1, REFUND), RUN_ID, VOICE)


def test_only_findings_with_a_place_become_threads() -> None:
    places = {OPEN[0].finding_id: OPEN[0].finding.place, OPEN[2].finding_id: OPEN[2].finding.place}
    draft = draft_review(result(), places, VOICE)
    assert draft is not None
    assert [comment.finding_id for comment in draft.comments] == [OPEN[0].finding_id, OPEN[2].finding_id]
    assert (draft.comments[0].path, draft.comments[0].line) == ("billing/refunds.py", 88)
    assert read_finding_marker(draft.comments[0].body) == (OPEN[0].finding_id, RUN_ID)
    assert "**1 high, 1 medium** in 12 files, all reviewed. 1 more is open: see the check." in draft.body


def test_without_a_new_finding_there_is_no_review() -> None:
    assert draft_review(result(), {}, VOICE) is None
    assert draft_review(result(to_post=()), {item.finding_id: item.finding.place for item in OPEN}, VOICE) is None


def test_a_huge_check_is_cut_between_lines_and_says_so() -> None:
    huge = reviewed(many(5_000))
    summary = completed_check(huge.model_copy(update={"to_post": ()}), VOICE).summary
    assert len(summary) <= SUMMARY_LIMIT
    assert re.search(r"\n\n[\d,]+ more lines did not fit\.$", summary)
    assert "**Run**" in summary


@pytest.mark.parametrize(
    ("usage", "cost"),
    [
        ((), None),
        ((ReviewerUsage(model="a", dollars=0.004),), "less than $0.01"),
        ((ReviewerUsage(model="a", dollars=None),), "cost unknown"),
        ((ReviewerUsage(model="a", dollars=0.5), ReviewerUsage(model="b", dollars=None)), "at least $0.50"),
    ],
)
def test_the_check_says_what_it_cost(usage: tuple[ReviewerUsage, ...], cost: str | None) -> None:
    first = completed_check(result(usage=usage), VOICE).summary.split("\n")[0]
    assert cost in first if cost else "cost" not in first and "$" not in first


def test_links_to_the_dashboard_need_a_public_address() -> None:
    assert "http" not in completed_check(result(), VOICE).summary
    public = completed_check(result(), VOICE.model_copy(update={"public_url": "https://c.example"})).summary
    assert f"(https://c.example/runs/{RUN_ID})" in public


def test_buttons_fit_what_github_accepts() -> None:
    for identifier, button in BUTTONS.items():
        assert identifier == button.identifier
        assert len(button.label) <= 20
        assert len(button.description) <= 40
        assert len(button.identifier) <= 20


@pytest.mark.parametrize(
    ("skipped", "phrases"),
    [
        ({}, []),
        ({"a.lock": "lock file", "b.lock": "lock file"}, ["`a.lock`, `b.lock` (lock file)"]),
        ({f"api/v{n}/x.py": "generated" for n in range(5)}, ["`api/**` (generated, 5 files)"]),
        ({f"f{n}/x.py": "generated" for n in range(5)}, ["5 files (generated)"]),
        ({"big.sql": "over 500 kB"}, []),
    ],
)
def test_skipped_files_are_told_in_few_words(skipped: dict[str, str], phrases: list[str]) -> None:
    assert skipped_phrases(skipped) == phrases


def _hostile(text: str) -> TrackedFinding:
    return tracked(
        1,
        finding(
            text,
            Severity.HIGH,
            text or "a",
            1,
            body=text,
            agent_prompt=text,
            rule=text,
            evidence=(Evidence(kind="test", text=text),),
        ),
    )


@settings(max_examples=60, deadline=None)
@given(st.just(HOSTILE) | st.text(max_size=40).map(lambda text: HOSTILE + text) | st.text(max_size=80))
def test_hostile_findings_do_nothing_in_any_text(text: str) -> None:
    found = _hostile(text)
    whole = reviewed((found,), base_ref=text, held_back=(HeldBack(finding=found, reason=text),), analysers=(text,))
    threadless = whole.model_copy(update={"to_post": ()})
    texts = [
        review_body(whole, Voice()),
        thread_body(found, RUN_ID, Voice()),
        completed_check(whole, Voice()).summary,
        completed_check(threadless, Voice()).summary,
    ]
    for written in texts:
        for token in (part for top in PARSER.parse(written) for part in (top, *(top.children or []))):
            assert token.type not in {"image", "link_open"}
            if token.type in {"html_block", "html_inline"}:
                assert OUR_HTML.fullmatch(token.content)
            if token.type == "text":
                assert re.search(r"@\w|[#!]\d", token.content) is None
    assert len(texts[0].split("\n")) <= 12
    assert len(texts[1].split()) <= WORD_LIMIT
    assert read_finding_marker(texts[1]) == (found.finding_id, RUN_ID)
