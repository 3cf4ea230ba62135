"""Items of an answer: each is a usable finding or costs only itself."""

import pytest
from pydantic import JsonValue

from app.domain.findings import Category, Severity
from reviewers.bug_hunter.answer import MOST_FINDINGS, one_line, paragraphs, read_report

GOOD: dict[str, JsonValue] = {
    "path": "a.py",
    "quote": "x = 1",
    "line": 3,
    "severity": "high",
    "category": "security",
    "title": "It breaks",
    "body": "When x is 1.",
}


@pytest.mark.parametrize(
    ("changes", "field", "value"),
    [
        ({}, "severity", Severity.HIGH),
        ({"severity": "CRITICAL"}, "severity", Severity.HIGH),
        ({"severity": "Nit"}, "severity", Severity.LOW),
        ({"category": "vibes"}, "category", Category.CORRECTNESS),
        ({"category": None}, "category", Category.CORRECTNESS),
        ({"line": "88"}, "line", None),
        ({"line": True}, "line", None),
        ({"line": 1e308}, "line", None),
        ({"extra": {"x": 1}}, "line", 3),
        ({"suggestion": "y = 2"}, "suggestion", "y = 2"),
    ],
)
def test_words_of_models_become_ours(changes: dict[str, JsonValue], field: str, value: object) -> None:
    (said,) = read_report({"findings": [{**GOOD, **changes}]}).said
    assert getattr(said, field) == value


@pytest.mark.parametrize(
    "item",
    [
        {**GOOD, "severity": None},
        {**GOOD, "severity": "terrible"},
        {**GOOD, "severity": 3},
        {**GOOD, "title": None},
        {**GOOD, "path": ["a.py"]},
        {**GOOD, "quote": "x" * 8_001},
        {key: value for key, value in GOOD.items() if key != "body"},
        "a finding in prose",
        None,
        [],
        7,
    ],
    ids=str,
)
def test_a_bad_item_is_dropped_alone_with_a_reason(item: JsonValue) -> None:
    report = read_report({"findings": [item, GOOD]})
    assert len(report.said) == 1
    assert len(report.dropped) == 1
    assert report.dropped[0].startswith("not a finding: ")


@pytest.mark.parametrize("findings", [None, {}, "none", 0, [{}], ["x"]], ids=str)
def test_an_answer_without_any_usable_item_is_asked_again(findings: JsonValue) -> None:
    with pytest.raises(ValueError, match="finding"):
        read_report({"findings": findings})


def test_of_five_thousand_findings_the_worst_stay_and_all_are_counted() -> None:
    flood: list[JsonValue] = [{**GOOD, "severity": "low", "title": f"Nit {n}"} for n in range(5_000)]
    report = read_report({"findings": [*flood, GOOD]})
    assert len(report.said) == MOST_FINDINGS
    assert report.said[0].severity is Severity.HIGH
    assert len(report.said) + len(report.dropped) == 5_001


@pytest.mark.parametrize(
    ("text", "limit", "line"),
    [
        ("It breaks.", 80, "It breaks"),
        ("  two\n lines\r\nhere ", 80, "two lines here"),
        ("\x1b[31mred\x1b[0m\x00 and \u202ehidden\u202c", 80, "red and hidden"),
        ("first second third", 14, "first second…"),
        ("x" * 30, 12, "x" * 11 + "…"),
        ("\u200b\u2060\ufeff", 80, ""),
    ],
)
def test_a_title_is_one_clean_line(text: str, limit: int, line: str) -> None:
    assert one_line(text, limit) == line


def test_a_body_of_seventy_thousand_characters_is_cut_at_a_word() -> None:
    cut = paragraphs("First.\n\n" + "word " * 14_000, 100)
    assert cut.startswith("First.\n\nword")
    assert len(cut.split()) == 101
    assert cut.endswith("word …")
