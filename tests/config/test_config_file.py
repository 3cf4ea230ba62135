"""`.corrigent.yaml`: valid values are taken, every other one is named and loses nothing else."""

import pytest
from pydantic import JsonValue

from app.checkouts.config_file import read_config
from app.checkouts.config_keys import KEYS, SECTIONS
from app.domain.config_layers import in_force
from app.domain.repo_config import RepoConfig

DOCUMENTED = b"""\
review: every-push        # every-push | once | on-request
drafts: false
authors: {skip: ["*[bot]"], allow: []}
ignore: []
comment_at: medium
comment_limit: 8
fail_on: never
effort: normal
autofix: off
checks: []
setup: []
budget: {pull_request: 2.00, review: 10.00, day: 20.00}
limits: {files: 300, changed_lines: 20000, file_bytes: 500000}
language: en
"""


def test_the_documented_file_is_the_defaults_and_names_every_key() -> None:
    read = read_config(DOCUMENTED)
    assert read.problems == ()
    assert set(read.values) == set(KEYS)
    assert in_force(file=read).config == RepoConfig()
    assert set(SECTIONS) == {"authors", "budget", "limits"}


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("fail_on: hgih", "`fail_on: hgih` is not a severity; use low, medium or high. The default `never` is used."),
        (
            "review: no",
            "`review: no` is not a time to review; use every-push, once or on-request. "
            "The default `every-push` is used.",
        ),
        ("drafts: maybe", "`drafts: maybe` is not valid; use true or false. The default `false` is used."),
        (
            "comment_limit: 99",
            "`comment_limit: 99` is not valid; use a whole number from 0 to 50. The default `8` is used.",
        ),
        (
            "comment_limit: -1",
            "`comment_limit: -1` is not valid; use a whole number from 0 to 50. The default `8` is used.",
        ),
        (
            "comment_limit: 010",
            "`comment_limit: 010` is not valid; use a whole number from 0 to 50. The default `8` is used.",
        ),
        (
            "comment_limit: true",
            "`comment_limit: true` is not valid; use a whole number from 0 to 50. The default `8` is used.",
        ),
        (
            "comment_limit: " + "9" * 30,
            "`comment_limit: 999999999999999999999999999999` is not valid; use a whole number from 0 to 50. "
            "The default `8` is used.",
        ),
        (
            "budget: {day: 12:30:45}",
            "`budget.day: 12:30:45` is not valid; use a number, 0 or more. The default `20.0` is used.",
        ),
        (
            "budget: {day: .inf}",
            "`budget.day: .inf` is not valid; use a number, 0 or more. The default `20.0` is used.",
        ),
        ("budget: 5", "`budget: 5` is not a section; use `budget: {pull_request: …, review: …, day: …}`."),
        (
            "ignore: [1.10]",
            "`ignore` holds `1.10`, which YAML reads as a number; put it in quotes. The default `[]` is used.",
        ),
        (
            "ignore: [a, no]",
            "`ignore` holds `no`, which YAML reads as true or false; put it in quotes. The default `[]` is used.",
        ),
        (
            "checks: [12:30:45]",
            "`checks` holds `12:30:45`, which YAML reads as a number; put it in quotes. The default `[]` is used.",
        ),
        ("setup: pytest", "`setup: pytest` is not valid; use a list of texts. The default `[]` is used."),
        ("setup: [[a]]", "`setup` is not valid; use a list of texts. The default `[]` is used."),
        ("language:", "`language` has no value; use en. The default `en` is used."),
        (
            "effort: !!python/object/apply:os.system [x]",
            "`effort` has the tag `!!python/object/apply:os.system`, which is not allowed; write the plain "
            "value. The default `normal` is used.",
        ),
        ("coment_at: high", "`coment_at` is not a key; did you mean `comment_at`?"),
        ("budget: {dya: 5}", "`budget.dya` is not a key; did you mean `budget.day`?"),
        ("mcp_servers: [x]", "`mcp_servers` is not a key; it is left out."),
        ("? [a, b]\n: c", "A key is a word, not a list; this entry is left out."),
    ],
)
def test_one_bad_line_is_named_and_the_others_are_taken(line: str, sentence: str) -> None:
    read = read_config(f"# first\n\n{line}\nautofix: suggest\n".encode())
    assert [(problem.line, problem.text) for problem in read.problems] == [(3, sentence)]
    assert read.values == {"autofix": "suggest"}
    assert not read.broken


def test_a_key_that_stands_twice_counts_once() -> None:
    read = read_config(b"fail_on: high\nfail_on: never\n")
    assert read.values == {"fail_on": "high"}
    assert [problem.text for problem in read.problems] == ["`fail_on` stands twice; line 1 counts."]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "fail_on: hgih",
            "`fail_on: hgih` is not a severity; use low, medium or high. The last valid value `high` is used.",
        ),
        ("fail_no: low", "`fail_no` is not a key; did you mean `fail_on`? Its last valid value `high` stays."),
        (
            "fail_on: [",
            "`.corrigent.yaml` is not YAML: expected the node content, but found '<stream end>'. The last "
            "valid configuration is used.",
        ),
    ],
)
def test_a_typo_never_removes_a_gate(text: str, sentence: str) -> None:
    last_valid: dict[str, JsonValue] = {"fail_on": "high"}
    read = read_config(text.encode(), last_valid=last_valid)
    assert read.values == last_valid
    assert [problem.text for problem in read.problems] == [sentence]


def test_a_gate_is_removed_on_purpose() -> None:
    assert read_config(b"drafts: true", last_valid={"fail_on": "high"}).values == {"drafts": True}


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"a: [", "is not YAML: expected the node content"),
        (b"review: once\n\xff\n", "is not UTF-8"),
        (b"# " + b"x" * 200_000, "has 200,002 bytes; 32,000 are read"),
        (b"- review", "is not a list of keys"),
        (b"hello", "is not a list of keys"),
        (b"a: &x [1]\nb: [*x, *x]", "uses an alias (`*x`)"),
        (b"[" * 5_000, "nests more than 8 deep"),
        (b"review: once\n---\nreview: once", "is not YAML: but found another document"),
        (b"review: \x07", "holds characters that YAML does not allow"),
    ],
)
def test_a_broken_file_is_named_whole(data: bytes, sentence: str) -> None:
    read = read_config(data)
    assert read.broken
    assert len(read.problems) == 1
    assert sentence in read.problems[0].text
    assert read.problems[0].text.endswith("The defaults are used.")


@pytest.mark.parametrize("data", [b"", b"# only a comment\n", b"---\n", b"\xef\xbb\xbf", b"~"])
def test_an_empty_file_is_no_problem(data: bytes) -> None:
    read = read_config(data)
    assert (read.values, read.problems, read.broken) == ({}, (), False)


def test_long_lists_and_many_problems_are_capped() -> None:
    many = read_config(("ignore:\n" + "".join(f"- f{number}\n" for number in range(2_000))).encode())
    assert many.values["ignore"] == [f"f{number}" for number in range(500)]
    assert many.problems[0].text == "`ignore` has 2,000 entries; the first 500 are used."
    wrong = read_config("".join(f"unknown_{number}: 1\n" for number in range(100)).encode())
    assert len(wrong.problems) == 21
    assert wrong.problems[-1].text == "And 80 more problems."


@pytest.mark.parametrize("typed", ["yes", "on", "true", "True"])
def test_a_flag_may_be_written_as_yaml_allows(typed: str) -> None:
    assert read_config(f"drafts: {typed}".encode()).values == {"drafts": True}
