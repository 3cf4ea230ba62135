"""Moments, code and Markdown as pages word them."""

from datetime import UTC, datetime, timedelta

import pytest

from app.domain.diff import Diff
from app.domain.findings import Place
from app.domain.outcomes import Outcome
from app.web.pages.parts import words
from app.web.pages.parts.excerpts import excerpt
from app.web.pages.parts.prose import Block, Span, blocks
from tests.harness.changes import diff_of
from tests.web.stories import found_at

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "worded"),
    [
        (0, "just now"),
        (44, "just now"),
        (45, "1 min ago"),
        (180, "3 min ago"),
        (59 * 60, "59 min ago"),
        (3_590, "1 h ago"),
        (23 * 3_600, "23 h ago"),
        (24 * 3_600, "1 d ago"),
        (29 * 86_400, "29 d ago"),
        (31 * 86_400, "2026-01-29"),
        (-10, "in a moment"),
        (-7_200, "in 2 h"),
    ],
)
def test_moments_are_worded_from_now(seconds: int, worded: str) -> None:
    assert words.relative(NOW - timedelta(seconds=seconds), NOW) == worded


def test_every_outcome_has_its_word() -> None:
    badges = [words.badge(outcome) for outcome in Outcome]
    assert len({badge.word for badge in badges}) == len(Outcome)
    assert [outcome for outcome in Outcome if words.badge(outcome).tone == "good"] == [Outcome.CLEAN]
    assert words.badge(None).word == "running"
    assert words.badge(None, NOW).word == "waiting"


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", " javascript:alert(1)", "data:text/html,x", "//x.y", "http://["]
)
def test_only_addresses_of_the_web_become_links(url: str) -> None:
    assert words.safe_url(url) == ""
    assert words.safe_url("https://github.com/acme/shop/pull/12") != ""


def test_code_that_reads_differently_from_what_it_does_is_shown_as_it_is() -> None:
    assert words.visible("if admin\u202e:\u200b x\ty") == "if admin⟨U+202E⟩:⟨U+200B⟩ x\ty"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ()),
        ("a `b` c", (Block("paragraph", (Span("text", "a "), Span("code", "b"), Span("text", " c"))),)),
        ("a\n\nb", (Block("paragraph", (Span("text", "a"),)), Block("paragraph", (Span("text", "b"),)))),
        ("```py\nx = `1`\n```", (Block("code", (Span("code", "x = `1`"),)),)),
        ("~~~\nnever closed", (Block("code", (Span("code", "never closed"),)),)),
        ("a ` b", (Block("paragraph", (Span("text", "a ` b"),)),)),
        ("``a ` b``", (Block("paragraph", (Span("code", "a ` b"),)),)),
        ("**<b>**", (Block("paragraph", (Span("text", "**<b>**"),)),)),
    ],
)
def test_markdown_becomes_paragraphs_and_code(text: str, expected: tuple[Block, ...]) -> None:
    assert blocks(text) == expected


@pytest.mark.parametrize("text", ["`" * 5_000, "```\n" * 2_000, "`a" * 5_000, "\n \n" * 5_000])
def test_no_text_takes_long(text: str) -> None:
    began = datetime.now(UTC)
    blocks(text)
    assert datetime.now(UTC) - began < timedelta(seconds=1)


BASE = {"a.py": "".join(f"line {number}\n" for number in range(1, 30))}
HEAD = {"a.py": BASE["a.py"].replace("line 10\n", "line ten\n").replace("line 28\n", "")}


def lines(diff: Diff | None, place: Place, quote: str = "") -> list[str]:
    found = found_at("a.py", 1, place=place, quote=quote)
    return [f"{'▸' if one.marked else ' '}{one.sign}{one.number} {one.text}" for one in excerpt(diff, found)]


def test_an_excerpt_shows_the_lines_around_the_place_with_what_was_removed() -> None:
    place = Place(path="a.py", start_line=10, line=10)
    assert lines(diff_of(BASE, HEAD), place) == [
        "  8 line 8",
        "  9 line 9",
        " −10 line 10",
        "▸+10 line ten",
        "  11 line 11",
        "  12 line 12",
        "  13 line 13",
    ]


def test_an_excerpt_of_what_was_removed_is_of_the_old_side() -> None:
    place = Place(path="a.py", side="old", start_line=28, line=28)
    assert "▸−28 line 28" in lines(diff_of(BASE, HEAD), place)


@pytest.mark.parametrize("diff", [None, diff_of(BASE, HEAD)], ids=["the diff is gone", "outside the change"])
def test_without_the_change_the_quote_is_shown(diff: Diff | None) -> None:
    place = Place(path="a.py", start_line=20, line=20)
    assert lines(diff, place, quote="    issue()\n    store()\n") == ["▸      issue()", "▸      store()"]


def test_a_minified_line_is_cut() -> None:
    diff = diff_of({}, {"a.py": f"{'x' * 100_000}\n"})
    (shown,) = lines(diff, Place(path="a.py", start_line=1, line=1))
    assert len(shown) < 500
