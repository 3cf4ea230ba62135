"""Commands are found where a person meant one, and nowhere else."""

import pytest

from app.commands.parser import action_key, button_key, parse
from tests.harness.growth import LINEAR, growth

MENTIONS = ("/corrigent", "@acme-corrigent")


def words(body: str, previous_body: str | None = None) -> list[str]:
    commands = parse(body, mentions=MENTIONS, previous_body=previous_body)
    return [f"{command.word} {command.argument}".strip() for command in commands]


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("/corrigent review", ["review"]),
        ("@acme-corrigent review full", ["review full"]),
        ("@Acme-Corrigent: REVIEW  full ", ["review full"]),
        ("   /corrigent\treview", ["review"]),
        ("/corrigent", ["help"]),
        ("Thanks.\r\n/corrigent dismiss 2 it is checked above\r\n", ["dismiss 2 it is checked above"]),
        ("/corrigent pause\n/corrigent status", ["pause", "status"]),
        ("/corrigent fix everything; rm -rf", ["fix everything; rm -rf"]),
        ("/corrigents review", []),
        ("@acme-corrigent-2 review", []),
        ("please /corrigent review", []),
        ("- /corrigent review", []),
        ("`/corrigent review`", []),
        ("> /corrigent review", []),
        ("    /corrigent review", []),
        ("\t/corrigent review", []),
        ("```\n/corrigent review\n```", []),
        ("```\n/corrigent review", []),
        ("~~~ text\n/corrigent review\n```\n/corrigent stop\n~~~\n/corrigent pause", ["pause"]),
        ("````\n```\n/corrigent review\n````\n/corrigent stop", ["stop"]),
        ("``` is a fence, ` is not\n/corrigent review", ["review"]),
        ("<!-- /corrigent review -->", []),
        ("<!--\n/corrigent review\n\n/corrigent stop\n-->\n/corrigent pause", ["pause"]),
        ("say `<!--` and then\n/corrigent review", ["review"]),
        ("<pre>\n/corrigent review\n</pre>\n/corrigent stop", ["stop"]),
        ("<pre>a</pre>\n/corrigent review", ["review"]),
        ("an open `span\n/corrigent review\nends` here", []),
        ("an open `span\n\n/corrigent review\n\nends` here", ["review"]),
        ("a ``span` over\n/corrigent review\nlines`` ", []),
        ("", []),
    ],
)
def test_only_plain_lines_that_begin_with_our_name_are_commands(body: str, found: list[str]) -> None:
    assert words(body) == found


@pytest.mark.parametrize(
    ("argument", "number"),
    [("2 why", 2), ("#2", 2), ("finding 3", 3), ("2nd", None), ("why 2", None), ("", None), ("1234567", None)],
)
def test_the_number_is_what_the_argument_begins_with(argument: str, number: int | None) -> None:
    [command] = parse(f"/corrigent dismiss {argument}", mentions=MENTIONS, previous_body=None)
    assert command.number == number


@pytest.mark.parametrize(
    ("previous", "body", "found"),
    [
        ("/corrigent review", "/corrigent review", []),
        ("/corrigent review", "/corrigent review\nand thanks", []),
        ("/corrigent review", "/corrigent review\n/corrigent stop", ["stop"]),
        ("/corrigent review", "/corrigent review\n/corrigent review", ["review"]),
        ("/corrigent review", "/corrigent review full", ["review full"]),
        ("```\n/corrigent review\n```", "/corrigent review", ["review"]),
        ("typo", "/corrigent review", ["review"]),
    ],
)
def test_an_edited_comment_runs_only_what_is_new(previous: str, body: str, found: list[str]) -> None:
    assert words(body, previous) == found


def test_equal_lines_have_different_keys_and_the_same_line_always_one() -> None:
    first, second = parse("/corrigent review\n/corrigent review", mentions=MENTIONS, previous_body=None)
    again = parse("/corrigent review\n/corrigent review", mentions=MENTIONS, previous_body="/corrigent review")
    assert [first.ordinal, second.ordinal] == [0, 1]
    assert again == [second]
    keys = {action_key("github", comment, line.line, line.ordinal) for comment in "12" for line in (first, second)}
    assert len(keys) == 4
    assert action_key("github", "1", first.line, 0) == action_key("github", "1", first.line, 0)
    assert action_key("a", "bc", "d", 0) != action_key("ab", "c", "d", 0)
    assert button_key("github", "1") not in keys


def test_a_comment_holds_ten_commands_and_an_argument_a_thousand_characters() -> None:
    commands = parse(
        "/corrigent dismiss " + "x" * 5_000 + "\n/corrigent review" * 50, mentions=MENTIONS, previous_body=None
    )
    assert len(commands) == 10
    assert len(commands[0].argument) == 1_000


@pytest.mark.parametrize(
    "hostile",
    [
        "`",
        "`a",
        "`a\n",
        "``` \n",
        "<!--",
        "<pre",
        "/corrigent ",
        "/corrigent\n",
        "@",
        "\n",
        "> ",
        "` `` ",
        "\\`",
        "<",
        "a\n",
    ],
)
def test_hostile_characters_take_linear_time(hostile: str) -> None:
    def read(length: int) -> None:
        parse(("/corrigent review\n" + hostile * length)[:length], mentions=MENTIONS, previous_body=None)

    assert growth(read, 8_000) < LINEAR
