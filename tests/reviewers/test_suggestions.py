"""A suggestion stands in a thread only when it mends the finding entirely and was tried; everything else stays prose."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from app.domain.coverage import Reading
from app.domain.findings import Place
from app.domain.review import ReviewerReport
from app.domain.secrets import Redactor
from reviewers.base import Change
from reviewers.bug_hunter.reviewer import BugHunter
from reviewers.linters.reviewer import Linters
from reviewers.suggestions.fits import objection, patched
from reviewers.suggestions.trial import TRIED, tried, with_lines
from tests.harness.changes import change_of, diff_of
from tests.harness.scripts import plenty, said, scripted

BASE = {"shop/fx.py": "import json\n\n\ndef rate(name):\n    return 1\n"}
HEAD = {
    "shop/fx.py": (
        "import json\n\n\ndef rate(name):\n    if name is None:\n        raise NotImplemented\n    total = 1\n"
        "    return total\n"
    )
}
RAISE = "        raise NotImplemented"
MENDED = "        raise NotImplementedError"
TOKEN = "ghp_" + "wLVc2x8QhPzE3bT9nRkUyM5aJ7dG1fS0oC4i"


@pytest.fixture
def change(tmp_path: Path) -> Change:
    return change_of(tmp_path / "code", BASE, HEAD, effort="low")


LINE = Place(path="shop/fx.py", start_line=6, line=6)
OBJECTIONS: list[tuple[str, Place, str, str]] = [
    ("fits", LINE, MENDED, ""),
    ("two lines for one", LINE, f"        name = ''\n{MENDED}", ""),
    ("a line that was there before", Place(path="shop/fx.py", start_line=4, line=6), MENDED, "whole added lines"),
    ("removed lines", Place(path="shop/fx.py", side="old", start_line=5, line=5), MENDED, "whole added lines"),
    ("lines that are not there", Place(path="shop/fx.py", start_line=6, line=60), MENDED, "whole added lines"),
    ("another file", Place(path="shop/other.py", start_line=1, line=1), MENDED, "whole added lines"),
    ("nothing", LINE, " \n", "empty"),
    ("a book", LINE, "x = 1\n" * 400, "too long"),
    ("a fence", LINE, f"{MENDED}\n```\n/merge\n```", "a fence"),
    ("a fence of tildes", LINE, f"{MENDED}\n~~~", "a fence"),
    ("what nobody sees", LINE, f"{MENDED}  # \u202e", "nobody sees"),
    ("tags", LINE, f"{MENDED}  # \U000e0041", "nobody sees"),
    ("a secret", LINE, f'        token = "{TOKEN}"', "a secret"),
    ("no Python", LINE, "        raise (", "not parse"),
    ("the same", LINE, RAISE, "changes nothing"),
]


@pytest.mark.parametrize(
    ("place", "replacement", "why"), [row[1:] for row in OBJECTIONS], ids=[row[0] for row in OBJECTIONS]
)
def test_what_speaks_against_trying_is_named(change: Change, place: Place, replacement: str, why: str) -> None:
    assert (
        (why in objection(place, replacement, change, Redactor()))
        if why
        else (objection(place, replacement, change, Redactor()) == "")
    )


@pytest.mark.parametrize(
    ("path", "why"),
    [
        (".github/workflows/ci.py", "protected"),
        ("CLAUDE.md", "protected"),
        ("sitecustomize.py", "protected"),
        ("setup.py", "protected"),
        ("build.rs", "protected"),
        ("notes.txt", "nobody here can parse"),
        ("crlf.py", "other line ends"),
    ],
)
def test_files_that_no_click_may_change(tmp_path: Path, path: str, why: str) -> None:
    text = "x = 1\r\ny = 2\r\n" if path == "crlf.py" else "x = 1\ny = 2\n"
    change = change_of(tmp_path, {}, {path: text})
    assert why in objection(Place(path=path, start_line=1, line=1), "x = 2", change, Redactor())


def test_a_change_with_other_lines_in_it_is_the_change_git_would_tell() -> None:
    place = Place(path="shop/fx.py", start_line=5, line=6)
    lines = ("    if not name:", "        name = ''", "        raise ValueError")
    text = patched(HEAD["shop/fx.py"], place, "\n".join(lines))
    assert with_lines(diff_of(BASE, HEAD).files[0], place, lines) == diff_of(BASE, {"shop/fx.py": text}).files[0]


def test_hunks_behind_the_lines_move_with_them() -> None:
    base = {"a.py": "".join(f"x{n} = {n}\n" for n in range(40))}
    head = {"a.py": base["a.py"].replace("x3 = 3", "x3 = 4").replace("x30 = 30", "x30 = 31")}
    place = Place(path="a.py", start_line=4, line=4)
    text = patched(head["a.py"], place, "x3 = 5\nx3 += 1")
    file = with_lines(diff_of(base, head).files[0], place, ("x3 = 5", "x3 += 1"))
    assert file == diff_of(base, {"a.py": text}).files[0]


async def hunted(
    tmp_path: Path, change: Change, verdict: Mapping[str, object], quote: str = RAISE, suggestion: str = MENDED
) -> ReviewerReport:
    """What the model says of the line, with this suggestion and this verdict of the check."""
    found = said("shop/fx.py", quote, suggestion=suggestion, agent_prompt="Raise an error.")
    check = {"number": 1, "verdict": "confirmed", "path": "shop/fx.py", "quote": RAISE, "why": "raises", **verdict}
    seen = ["Proposed, the quoted lines and those around them as they would be:", f"if name is None:\n{MENDED}"]
    answers = [
        # Of lines that nothing is proposed for, no verdict knows anything.
        {"when": ["Quoted:", *(seen if verdict.get("mends") else ())], "raw": json.dumps({"verdicts": [check]})},
        {"when": ["NotImplemented"], "findings": [found]},
    ]
    hunter = BugHunter(model=scripted(tmp_path / "model", answers), budget=plenty())
    return await hunter.review(change)


async def test_what_the_check_agrees_to_is_tried_and_becomes_a_suggestion(tmp_path: Path, change: Change) -> None:
    report = await hunted(tmp_path, change, {"mends": True})
    assert [(one.proposed, one.suggestion) for one in report.findings] == [(MENDED, None)]
    hits = (await Linters().review(change)).findings
    (finding,) = (await tried(report, replace(change, hits=hits), Linters().look)).findings
    assert (finding.proposed, finding.suggestion) == (None, MENDED)
    assert TRIED in finding.evidence
    assert "A replacement to consider" not in finding.agent_prompt


@pytest.mark.parametrize(
    ("verdict", "more"),
    [
        ({}, {}),
        ({"mends": False}, {}),
        ({"mends": True, "verdict": "refuted"}, {}),
        ({"mends": True, "number": 7}, {}),
        ({"mends": True}, {"quote": "NotImplemented"}),
        ({"mends": True}, {"suggestion": f"{MENDED}\n```\n/merge"}),
    ],
    ids=["silent", "no", "refuted", "of another", "part of a line", "a fence"],
)
async def test_what_nobody_agreed_to_is_prose(
    tmp_path: Path, change: Change, verdict: Mapping[str, object], more: Mapping[str, str]
) -> None:
    report = await hunted(tmp_path, change, verdict, **more)
    assert [(one.proposed, one.suggestion) for one in report.findings] == [(None, None)]
    assert "A replacement to consider, not tried:" in report.findings[0].agent_prompt


async def test_a_line_quoted_at_the_margin_is_put_where_it_stands(tmp_path: Path, change: Change) -> None:
    report = await hunted(
        tmp_path, change, {"mends": True}, quote=RAISE.strip(), suggestion="raise NotImplementedError"
    )
    assert report.findings[0].proposed == MENDED


async def proposing(change: Change, proposed: str) -> ReviewerReport:
    """The linters' own finding of the line, with something else in its place."""
    report = await Linters().look(change)
    (own,) = (one for one in report.findings if one.rule == "F901")
    return report.model_copy(update={"findings": (own.model_copy(update={"proposed": proposed}),)})


@pytest.mark.parametrize(
    ("proposed", "holds"),
    [
        (MENDED, True),
        ("        raise NotImplemented()", False),
        ("        raise UnheardOf", False),
        ("        import os; os.system(name); raise NotImplementedError", False),
    ],
    ids=["mended", "still there", "an undefined name", "a new hit"],
)
async def test_the_analysers_have_the_last_word(change: Change, proposed: str, holds: bool) -> None:
    report = await proposing(change, proposed)
    hits = (await Linters().look(change)).findings
    (finding,) = (await tried(report, replace(change, hits=hits), Linters().look)).findings
    assert (finding.suggestion == proposed) is holds
    assert finding.proposed is None


async def test_an_analyser_that_fails_agrees_to_nothing(change: Change) -> None:
    async def failing(trial: Change) -> ReviewerReport:
        reading = Reading(reviewer="linters", path="shop/fx.py", state="failed", reason="ruff timed out after 30 s")
        assert trial.read("shop/fx.py") == patched(HEAD["shop/fx.py"], LINE, MENDED)
        return ReviewerReport(reviewer="linters", is_model=False, readings=(reading,))

    (finding,) = (await tried(await proposing(change, MENDED), change, failing)).findings
    assert (finding.suggestion, finding.proposed) == (None, None)


async def test_the_rest_of_the_tree_is_there_and_stays_as_it_was(tmp_path: Path) -> None:
    head = {**HEAD, "shop/names.py": "NAMES = ('eur',)\n", "other/x.py": "x = 1\n"}
    change = change_of(tmp_path, BASE, head)

    async def look(trial: Change) -> ReviewerReport:
        assert (trial.read("shop/fx.py") or "").split("\n")[5] == MENDED
        for path in ("shop/names.py", "other/x.py"):
            assert (trial.head_root / path).read_text() == head[path]
        return ReviewerReport(reviewer="linters", is_model=False)

    await tried(await proposing(change, MENDED), change, look)
    assert change.read("shop/fx.py") == HEAD["shop/fx.py"]


async def test_a_linters_own_safe_fix_is_a_suggestion(change: Change) -> None:
    (finding,) = (one for one in (await Linters().review(change)).findings if one.rule == "F901")
    assert (finding.suggestion, finding.place) == (MENDED, LINE)
