"""A linter's own fix, of one finding and no other, proved by asking the linter again; no model anywhere."""

import sys
from pathlib import Path

import pytest

from app.domain.edits import Edit, edited
from autofix import patches
from autofix.patches_content import make
from autofix.proof import Claim, ProvingParts, prove
from autofix.rule_fixes import LintHit, programs, rule_check, rule_fix
from tests.autofix.proving import Kept, finding, gone
from tests.autofix.rooms import need, room

LINTERS = Path(sys.executable).parent
PYTHON = "def kind(x):\n    if x is 'a':\n        return 1\n    if x is 'b':\n        return 2\n    return 0\n"
TEST = "import unittest\nfrom kind import kind\n\n\nclass T(unittest.TestCase):\n    def test_it(self):\n        self.assertEqual(kind('z'), 0)\n"
SHELL = "#!/bin/sh\nfor f in $1; do\n  rm $f\n  ls $f\ndone\n"


@pytest.mark.parametrize(
    ("path", "code", "line", "rule", "reviewer", "added"),
    [
        ("kind.py", PYTHON, 4, "F632", "ruff", ["    if x == 'b':"]),
        ("clean.sh", SHELL, 3, "SC2086", "shellcheck", ['  rm "$f"']),
    ],
)
async def test_a_safe_fix_is_proved_without_a_model(
    tmp_path: Path, path: str, code: str, line: int, rule: str, reviewer: str, added: list[str]
) -> None:
    need("bwrap")
    tracked = finding(path, line=line, rule=rule, reviewer=reviewer)
    files = {path: code.encode(), "test_kind.py": TEST.encode()} if path.endswith(".py") else {path: code.encode()}
    kept = Kept()
    async with room(tmp_path / "rooms", files, programs=programs(LINTERS)) as made:
        fix = await rule_fix(made, tracked)
        assert fix is not None
        assert rule_check(tracked) is not None
        (file,) = patches.parse(fix.patch).files
        assert [text for _, text in file.added] == added
        claim = Claim(patch=fix.patch, findings=(tracked,), linter=fix.check, linter_shown=fix.shown)
        checks = ("python3 -W ignore -m unittest -v",) if path.endswith(".py") else ()
        proof = await prove(claim, ProvingParts(room=made, review_again=gone, put=kept.put, name="p", checks=checks))
    assert (proof.grade, proof.reason) == ("proved", "")
    assert (proof.comparisons[0].what, proof.comparisons[0].after) == (f"{reviewer} {rule} {path}", "pass")
    assert proof.comparisons[0].before.startswith(f"{rule}: ")


async def test_the_linter_is_the_reproduction_of_a_fix_by_hand_too(tmp_path: Path) -> None:
    need("bwrap")
    tracked = finding("kind.py", line=4, rule="F632", reviewer="ruff")
    other = make("kind.py", PYTHON.encode(), PYTHON.replace("x is 'a'", "x == 'a'").encode())
    right = make("kind.py", PYTHON.encode(), PYTHON.replace("x is 'b'", "x in {'b'}").encode())
    grades: list[tuple[str, str]] = []
    for number, patch in enumerate((other, right)):
        async with room(tmp_path / "rooms", {"kind.py": PYTHON.encode()}, programs=programs(LINTERS)) as made:
            check = rule_check(tracked)
            assert check is not None
            claim = Claim(patch=patch, findings=(tracked,), linter=check, linter_shown=check.shown)
            proof = await prove(claim, ProvingParts(room=made, review_again=gone, put=Kept().put, name=f"p{number}"))
        grades.append((proof.grade, proof.reason))
    assert grades == [("none", "F632 still fails with the fix"), ("proved", "")]


async def test_what_has_no_safe_fix_is_left_to_others(tmp_path: Path) -> None:
    need("bwrap")
    files = {"a.py": b"import os\nos.system(input())\n"}
    async with room(tmp_path / "rooms", files, programs=programs(LINTERS)) as made:
        assert await rule_fix(made, finding("a.py", line=2, rule="S605", reviewer="ruff")) is None
        assert await rule_fix(made, finding("gone.py", line=2, rule="F632", reviewer="ruff")) is None
        assert await rule_fix(made, finding("a.py", line=2, rule="correctness")) is None
        # An option in a rule's place does nothing.
        assert await rule_fix(made, finding("a.py", line=2, rule="--fix", reviewer="ruff")) is None


async def test_without_the_linter_there_is_no_fix(tmp_path: Path) -> None:
    need("bwrap")
    async with room(tmp_path / "rooms", {"kind.py": PYTHON.encode()}) as made:
        assert await rule_fix(made, finding("kind.py", line=4, rule="F632", reviewer="ruff")) is None


def test_edits_are_made_from_the_last_to_the_first_and_never_when_they_meet() -> None:
    put_in = (Edit((1, 1), (1, 1), '"'), Edit((1, 3), (1, 3), '"'))
    assert edited("ab\ncd\n", put_in) == '"ab"\ncd\n'
    assert edited("ab\ncd\n", (Edit((1, 2), (2, 2), "-"),)) == "a-d\n"
    assert edited("ab\n", (Edit((1, 1), (1, 3), "x"), Edit((1, 2), (1, 3), "y"))) is None
    assert edited("ab\n", (Edit((9, 1), (9, 2), "x"),)) is None
    assert LintHit(1, 1, "x").edits == ()
