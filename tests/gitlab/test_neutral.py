"""Whatever a text says, GitLab does nothing because of it: no command runs, nobody is called, nothing is linked."""

import html
import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from app.domain.markers import finding_marker, run_marker
from app.forges.gitlab import routes
from app.forges.gitlab.neutral import neutral
from tests.gitlab.support import FINDING_ID, RUN_ID

# The widest reading of GitLab's own: it drops every CR, and a command begins a line.
ACTION = re.compile(r"^/[A-Za-z_]", re.MULTILINE)
MENTION = re.compile(r"(?<!\w)@[A-Za-z0-9_]|[#!&]\d")

STAYS = [
    ("plain words", "`issue_refund()` runs before the event id is stored (line 94)."),
    ("a path in the line", "See src/app.py and /usr/bin, or `/corrigent apply 1`."),
    ("marks of ours", f"{finding_marker(FINDING_ID, RUN_ID)}\n{run_marker(RUN_ID)}"),
    ("decorators in code", "```python\n@property\ndef a(self): ...  # 12\n```"),
    ("a decorator in the line", "Use `@lru_cache` here."),
    ("a suggestion", "```suggestion:-0+0\n@app.get('/')\n```"),
    ("an address of a person", "Write to maria@acme.example"),
    ("a fold", "<details><summary>For your coding agent</summary>\n\nMake it idempotent.\n\n</details>"),
]


@pytest.mark.parametrize("text", [row[1] for row in STAYS], ids=[row[0] for row in STAYS])
def test_what_can_do_nothing_stays_as_it_is(text: str) -> None:
    assert neutral(text) == text


COMMANDS = [
    ("at the start", "/merge"),
    ("after a blank line", "Fine.\n\n/approve"),
    ("directly below", "Fine.\n/close"),
    ("in a list", "- /label ~bug"),
    ("in a numbered list", "1. /assign @me"),
    ("in a quote", "> /close"),
    ("in a block quote", ">>>\n/close\n>>>"),
    ("after a lone CR", "Fine.\r/merge"),
    ("after CR LF", "Fine.\r\n/merge\r\n"),
    ("with a CR in it", "/\rmerge"),
    ("with a NUL before it", "\0/merge"),
    ("in a block of code", "```\n/merge\n```"),
    ("in another fence", "~~~\n/merge\n~~~"),
    ("behind a fence that never closes", "```\ncode\n/merge"),
    ("between fences of two lengths", "````\n```\n````\n/merge\n```"),
    ("inside of HTML", "<b>\n/merge\n</b>"),
    ("in a suggestion", "```suggestion\n/merge\n```"),
    ("in capitals", "/MERGE"),
    ("with an argument", "/rebase now"),
    ("in a table", "| /merge |\n|---|\n"),
]


@pytest.mark.parametrize("text", [row[1] for row in COMMANDS], ids=[row[0] for row in COMMANDS])
def test_no_command_is_left(text: str) -> None:
    written = neutral(text)
    assert ACTION.search(written.replace("\r", "")) is None
    assert ACTION.search("\n".join(line.lstrip(" >*+-|0123456789.)") for line in outside_code(written))) is None


def test_a_suggestion_with_a_command_in_it_can_only_be_read() -> None:
    assert neutral("```suggestion:-0+0\n/dist\n```") == "```\n /dist\n```"


CALLS = [
    ("a mention", "Ask @bob"),
    ("everybody", "@all look"),
    ("beside code that looks alike", "`@app` and @bob"),
    ("after a lone backtick", "`\n`@bob`"),
    ("in a cell", "| `a | @bob` |\n|---|---|\n| @ann | b |"),
    ("as an entity", "&#64;bob &#x40;ann &commat;eve"),
    ("escaped", "\\@bob"),
    ("with an entity in the name", "@&#98;ob"),
    ("an issue", "Closes #12"),
    ("an issue elsewhere", "Fixes acme/shop#12"),
    ("an issue by entity", "&#35;12 &num;12 #&#49;"),
    ("a merge request", "see !34"),
    ("a merge request behind what begins no comment", "<!34"),
    ("an epic", "&5"),
    ("an epic by entity", "&amp;5"),
    ("in a fold", "<details><summary>@bob #1</summary>\n\nx\n\n</details>"),
    ("as an entity in HTML", "<p>&#64;bob</p>"),
    ("behind a tag", "a<b>@bob"),
    ("behind emphasis", "**a**@bob"),
    ("with emphasis in it", "@*bob*"),
    ("before a link", "@[bob]()"),
    ("in a link", "[for @bob](https://gitlab.acme.example/)"),
]


@pytest.mark.parametrize("text", [row[1] for row in CALLS], ids=[row[0] for row in CALLS])
def test_nobody_is_called_and_nothing_is_named(text: str) -> None:
    assert MENTION.search(shown(neutral(text))) is None


def test_the_address_of_an_issue_leads_nowhere() -> None:
    assert "/-/issues/3" not in neutral("https://gitlab.acme.example/acme/shop/-/issues/3")
    assert "/-/merge_requests/3" not in neutral("[x](https://gitlab.acme.example/a/b/-/merge_requests/3)")


SIGNS = ["/merge", "/approve ", "/", "@bob", "@", "#1", "!2", "&3", "&#64;", "&#47;", "\\", "*", "_", "[x](", ")"]
FENCES = ["`", "```", "````", "~~~", "suggestion", "- ", "> ", ">>>\n", "1. ", "    ", "| ", "|---|"]
SPACES = ["\n", "\n\n", "\r", "\r\n", " ", "\t", "\u2028", "\v", "\f", "\x85"]
REST = ["<b>", "</b>\n", "<!-- ", " -->", "word", "a@b.c"]
PIECES = st.sampled_from([*SIGNS, *FENCES, *SPACES, *REST])


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES | st.text(max_size=4), max_size=30).map("".join))
@example("`a\n/merge\n`")
@example("/merge<b>@bob")
def test_no_text_makes_gitlab_act(text: str) -> None:
    written = neutral(text)
    assert ACTION.search(written) is None
    assert "\r" not in written
    assert MENTION.search(shown(written)) is None


@settings(max_examples=100, deadline=None)
@given(st.lists(PIECES, max_size=20).map("".join))
def test_no_command_comes_back_when_a_text_is_edited(text: str) -> None:
    assert ACTION.search(neutral(f"Fixed in 4be1d07.\n\n{neutral(text)}")) is None


def test_every_text_that_is_sent_goes_through() -> None:
    """A route that writes words says in which field; `Calls` neutralises that field."""
    words = {"draft_notes", "draft_notes/{draft}", "notes", "discussions", "discussions/{discussion}/notes"}
    words |= {"discussions/{discussion}/notes/{note}"}
    for route in routes.WRITER_ROUTES:
        last = route.template.removeprefix("/projects/{repo}/merge_requests/{number}/")
        assert bool(route.text) == (route.method in {"POST", "PUT"} and last in words), str(route)


# What parts words: markup does not, or only for some of GitLab's versions.
APART = {"code_inline", "softbreak", "hardbreak"}


def shown(text: str) -> str:
    """What people see of it, code left out."""
    seen: list[str] = []
    for token in MarkdownIt("commonmark").enable("table").parse(text):
        seen.extend(" " if child.type in APART else child.content for child in token.children or [])
        if token.type == "html_block":
            seen.append(html.unescape(token.content))
        seen.append("\n")
    return re.sub(r"<!--.*?-->", "", "".join(seen), flags=re.DOTALL)


def outside_code(text: str) -> list[str]:
    code = {
        at
        for token in MarkdownIt("commonmark").parse(text)
        if token.type in {"fence", "code_block"} and token.map
        for at in range(*token.map)
    }
    return [line for at, line in enumerate(text.split("\n")) if at not in code]
