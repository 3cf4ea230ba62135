"""Foreign text in our Markdown: it looks like what it was and does nothing."""

import math
import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from app.domain.markdown import cell, clean, clean_line, code, fenced
from tests.harness.growth import LINEAR, growth

HOSTS = ("github.com",)
PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
MENTION = re.compile(r"@\w")
ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+://\w|www\.\w|mailto:\w", re.IGNORECASE)
REFERENCE = re.compile(r"[#!&]\d|(?<![^\W_])GH-\d", re.IGNORECASE)
KEYWORD = re.compile(r"\b(?:close|fix|resolve|implement)\w*:?\s+(?:\S*[#!]\d|GH-\d|\S+://\w)", re.IGNORECASE)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("A plain sentence, with *emphasis* and `code()`.", "A plain sentence, with *emphasis* and `code()`."),
        ("Ask @octocat about it.", "Ask `@octocat` about it."),
        ("Ask @org/everyone, @all!", "Ask `@org/everyone`, `@all`!"),
        (r"Ask \@octocat or &#64;octocat or &commat;octocat", "Ask `@octocat` or `@octocat` or `@octocat`"),
        ("Ask @\u200boctocat", "Ask `@octocat`"),
        ("mail me@example.com", "mail `me@example.com`"),
        ("Fixes #1, closes acme/shop#2 and GH-3", "Fixes `#1`, closes `acme/shop#2` and `GH-3`"),
        ("See !7 and &8", "See `!7` and `&8`"),
        ("Fixes https://github.com/acme/shop/issues/1", "Fixes `https://github.com/acme/shop/issues/1`"),
        ("See https://github.com/acme/shop/blob/main/a.py.", "See <https://github.com/acme/shop/blob/main/a.py>."),
        ("See https://evil.example/x (or www.evil.example)", "See `https://evil.example/x` (or `www.evil.example`)"),
        ("[docs](https://github.com/acme/shop)", "[docs](https://github.com/acme/shop)"),
        ("[docs](https://evil.example/x)", "docs (`https://evil.example/x`)"),
        ("[docs](https://github.com@evil.example/x)", "docs (`https://github.com@evil.example/x`)"),
        ("![pixel](https://evil.example/x.png)", "pixel (`https://evil.example/x.png`)"),
        ("![pixel](https://github.com/x.png)", "[pixel](https://github.com/x.png)"),
        ("[x](javascript:alert)", "[x&#93;(javascript:alert)"),
        ("[foo][(javascript:x)](https://evil.example)", "[foo&#93;(javascript:x) (`https://evil.example`)"),
        ("&#[x40;foo](https://evil.example/)", "&amp;#x40;foo (`https://evil.example/`)"),
        ("[a]: https://evil.example", "[a&#93;: `https://evil.example`"),
        ("//evil.example/x", "//evil.example/x"),
        ('<img src="x"> <b>bold</b> <!-- hidden -->', '&lt;img src="x"> &lt;b>bold&lt;/b> &lt;!-- hidden -->'),
        ("<https://evil.example>", "`https://evil.example`"),
        ("if a < b && c &lt; d", "if a &lt; b && c &lt; d"),
        ("&amp;lt; stays", "&amp;lt; stays"),
        ("/merge", "&#47;merge"),
        ("text\r/approve\n- /close\n> /label ~x", "text\n&#47;approve\n- &#47;close\n> &#47;label ~x"),
        ("C:\\Users\\me", "C:\\Users\\me"),
        (r"a \* b \` c", r"a \* b &#96; c"),
        ("an ` open tick and ``two`` ends", "an &#96; open tick and `two` ends"),
        ("costs $20, $x$", "costs `$20`, `$x$`"),
        ("a[0] and [x] and d[a][b]", "a[0] and [x] and d[a&#93;[b]"),
        ("```python\n@app.route('/x')\n```", "```python\n@app.route('/x')\n```"),
        ("```python\nprint(1)", "```python\nprint(1)\n```"),
        ("~~~\n```\n/merge\n```\n~~~", "````\n```\n /merge\n```\n````"),
        ("```mermaid\ngraph\n```", "```\ngraph\n```"),
        ("```suggestion\nx = 1\n```", "```\nx = 1\n```"),
        ("a\n\n\n\nb", "a\n\nb"),
        ("```\na\n\n\n\nb\n```", "```\na\n\n\n\nb\n```"),
        ("deep\n\n        text <b>", "deep\n\n   text &lt;b>"),
        ("\x1b[31mred\x1b[0m \u202etxt\U000e0041\ufe0f", "[31mred[0m txt"),
        ("", ""),
    ],
)
def test_foreign_text_looks_alike_and_does_nothing(text: str, written: str) -> None:
    assert clean(text, hosts=HOSTS) == written
    assert clean(written, hosts=HOSTS) == written


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("A retried webhook\n\npays twice", "A retried webhook pays twice"),
        (
            "**bold** and __init__ and snake_case",
            "&#42;&#42;bold&#42;&#42; and &#95;&#95;init&#95;&#95; and snake_case",
        ),
        ("/merge now", "&#47;merge now"),
        ("a | b", "a &#124; b"),
        ("x" * 400, "x" * 299 + "…"),
    ],
)
def test_a_line_cannot_end_what_surrounds_it(text: str, written: str) -> None:
    assert clean_line(text) == written


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("billing/refunds.py:88", "`billing/refunds.py:88`"),
        ("a`b.py", "``a`b.py``"),
        ("`", "`` ` ``"),
        ("two\nlines\u202e", "`two␤lines`"),
        ("  ", ""),
    ],
)
def test_any_path_is_one_piece_of_code(text: str, written: str) -> None:
    assert code(text) == written


def test_a_bar_in_a_cell_is_no_border() -> None:
    line = cell(clean_line("`a | b` | c `d \\| e`"))
    tokens = PARSER.parse(f"| head |\n|---|\n| {line} |")
    cells = [token.content for token in tokens if token.type == "inline"]
    assert cells[1:] == ["`a | b` &#124; c `d \\¦ e`"]


def test_a_fence_is_longer_than_any_in_its_text() -> None:
    assert fenced("a\n```\nb", "suggestion") == "````suggestion\na\n```\nb\n````"


@pytest.mark.parametrize("limit", [0, 1, 10, 50, 200])
@pytest.mark.parametrize("text", ["word " * 100, "<" * 500, "```\n" + "line\n" * 100, "@a " * 200, "`" * 300])
def test_a_cut_keeps_the_limit_and_closes_its_fences(text: str, limit: int) -> None:
    written = clean(text, limit=limit)
    assert len(written) <= limit
    assert written.count("```") % 2 == 0


@pytest.mark.parametrize("piece", ["`", "[", "[](", "a.b/", "@", "\\"])
def test_long_and_hostile_text_takes_linear_time(piece: str) -> None:
    assert growth(lambda size: clean(piece * size, limit=1_000_000), 1_000) < LINEAR


def test_runs_of_backticks_of_every_length_take_linear_time() -> None:
    def work(size: int) -> str:
        # So many characters in runs that are all different.
        return clean(" ".join("`" * n for n in range(1, math.isqrt(2 * size))), limit=1_000_000)

    assert growth(work, 4_000) < LINEAR


PIECES = [
    *(
        "@",
        "@octocat",
        "#",
        "#1",
        "!7",
        "fixes ",
        "Closes: ",
        "acme/shop",
        "GH-3",
        "https://",
        "evil.example",
        "github.com",
    ),
    *(
        "https://github.com/a",
        "www.",
        "mailto:",
        "[",
        "]",
        "(",
        ")",
        "](",
        "][",
        "]:",
        "!",
        "![",
        "<",
        ">",
        "<!--",
        "-->",
    ),
    *(
        "<img src=x>",
        "&",
        "#64;",
        "&#64;",
        "&#x40;",
        "&lt;",
        "&commat;",
        ";",
        "\\",
        "`",
        "``",
        "```",
        "~~~",
        "\n",
        "\n\n",
    ),
    *("    ", "\t", "- ", "> ", "1. ", "/", "/merge", "|", "*", "_", "~", "$", ":", "//", "\r", "\u200b", "a", "foo"),
    *(
        "[a](https://github.com/x)",
        "[a](https://evil.example)",
        "javascript:x",
        "```suggestion",
        "|---|",
        "---",
        "x40;",
    ),
]


def _all(tokens: list[Token]) -> list[Token]:
    return [token for top in tokens for token in (top, *(top.children or []))]


def _as_a_forge_reads(inline: Token) -> str:
    """The text in which a forge looks for mentions and references: node by node, never in code or a link."""
    seen, depth = "", 0
    for part in inline.children or []:
        depth += {"link_open": 1, "link_close": -1}.get(part.type, 0)
        seen += part.content if part.type == "text" and not depth else "\0\n"
    return seen


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=4), max_size=25).map("".join))
@example("&#[x40;foo](https://evil.example/)")
@example("[foo][(javascript:x)](https://evil.example)")
@example("!`a`[x](https://github.com/x)")
def test_nothing_in_cleaned_text_is_alive(text: str) -> None:
    written = clean(text, hosts=HOSTS)
    tokens = _all(PARSER.parse(written))
    kinds = {token.type for token in tokens}
    assert not kinds & {"image", "html_block", "html_inline"}
    for token in tokens:
        if token.type == "link_open":
            assert re.match(r"https?://github\.com(/|$)", str(token.attrs["href"]))
    for token in tokens:
        if token.type == "inline":
            seen = _as_a_forge_reads(token)
            for live in (MENTION, ADDRESS, REFERENCE, KEYWORD):
                assert live.search(seen) is None
    in_block = False
    for line in written.split("\n"):
        in_block ^= line.startswith("```")
        assert in_block or re.match(r"[\s>*+-]*/[a-z]", line) is None


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=15).map("".join))
def test_cleaning_twice_is_as_safe_and_settles(text: str) -> None:
    once = clean(text, hosts=HOSTS)
    twice = clean(once, hosts=HOSTS)
    assert clean(twice, hosts=HOSTS) == twice


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=4), max_size=15).map("".join))
def test_a_clean_line_is_one_paragraph_without_emphasis(text: str) -> None:
    tokens = PARSER.parse(f"**High · 1 · {clean_line(text)}**\n\nbody")
    inline = [token for token in tokens if token.type == "inline"]
    assert len(inline) == 2
    kinds = {child.type for child in inline[0].children or []}
    assert not kinds & {"image", "html_inline", "em_open", "s_open", "softbreak"}
