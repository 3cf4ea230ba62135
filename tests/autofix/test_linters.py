"""The repository's own linters: which are found, what their answers mean, and what of it costs a fix its proof."""

import json
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path

import pytest

from app.domain.fixes import Comparison
from app.sandboxes.base import Ended, Ending, Ran, Room
from autofix import linters, patches
from autofix.evidence import Evidence
from autofix.linters import KINDS, detect
from autofix.linters_messages import Message, new, read
from autofix.patches_content import make
from autofix.proof import Claim, ProvingParts, prove
from autofix.verify import NotProved, Verification
from autofix.verify_files import parted
from autofix.verify_linters import Linting
from autofix.verify_sides import Sides
from tests.autofix.cheats import CODE, COMMAND, HONEST_TEST, OLD_TEST
from tests.autofix.proving import Kept, finding, gone
from tests.autofix.rooms import need, room

MYPY = """\
shop.py:4:12: error: Incompatible return value type (got "str", expected "int")  [return-value]
shop.py:4:12: note: Maybe you wanted another
./shop.py:5:1:5:9: error: Name "total" already defined on line 2  [no-redef]
/work/tax.py:1: error: Cannot find implementation or library stub for module named "x"  [import-not-found]
Found 3 errors in 2 files (checked 2 source files)
"""
PYLINT = """\
************* Module shop
./shop.py:1:0: C0114: Missing module docstring (missing-module-docstring)
shop.py:5:0: E0102: function already defined line 2 (function-redefined)
"""
FLAKE8 = """\
./shop.py:1:1: F401 'os' imported but unused
./shop.py:5:1: E302 expected 2 blank lines, found 0
"""
ESLINT = """\

/work/a.js
  1:1   warning  This line has a length of 50. Maximum allowed is 30              max-len
  1:7   error    'x' is assigned a value but never used                           no-unused-vars

/work/b.ts
  0:0  warning  File ignored because no matching configuration was supplied

/work/src/c.js
  1:1  error  Parsing error: The keyword 'let' is reserved

✖ 4 problems (2 errors, 2 warnings)
"""
VET = """\
# example.com/x
# [example.com/x]
./main.go:6:2: fmt.Printf format %d has arg "x" of wrong type string
vet: sub/y.go:3:4: undefined: z
"""
CLIPPY = """\
    Checking x v0.1.0 (/work)
src/lib.rs:2:9: warning: unused variable: `x`: help: if this is intentional, prefix it with an underscore: `_x`
src/lib.rs:10:21: error[E0308]: mismatched types: expected `i32`, found `&str`
warning: `x` (lib) generated 1 warning
error: could not compile `x` (lib) due to 1 previous error; 1 warning emitted
"""


def ran(output: str, exit_code: int = 1, *, ending: Ending = "exited", more: int = 0) -> Ran:
    said = output.encode()
    return Ran(ended=Ended(ending=ending, exit_code=exit_code, output_bytes=len(said) + more, seconds=1), output=said)


@pytest.mark.parametrize(
    ("name", "exit_code", "output", "wanted"),
    [
        ("mypy", 1, MYPY, [
            ("shop.py", 'Incompatible return value type (got "str", expected "int") [return-value]'),
            ("shop.py", 'Name "total" already defined on line 2 [no-redef]'),
            ("tax.py", 'Cannot find implementation or library stub for module named "x" [import-not-found]'),
        ]),
        ("pylint", 22, PYLINT, [
            ("shop.py", "C0114: Missing module docstring (missing-module-docstring)"),
            ("shop.py", "E0102: function already defined line 2 (function-redefined)"),
        ]),
        ("flake8", 1, FLAKE8, [
            ("shop.py", "E302 expected 2 blank lines, found 0"), ("shop.py", "F401 'os' imported but unused"),
        ]),
        ("eslint", 1, ESLINT, [
            ("a.js", "error 'x' is assigned a value but never used no-unused-vars"),
            ("a.js", "warning This line has a length of 50. Maximum allowed is 30 max-len"),
            ("src/c.js", "error Parsing error: The keyword 'let' is reserved"),
        ]),
        ("go vet", 1, VET, [
            ("main.go", 'fmt.Printf format %d has arg "x" of wrong type string'), ("sub/y.go", "undefined: z"),
        ]),
        ("cargo clippy", 101, CLIPPY, [
            ("src/lib.rs", "error[E0308]: mismatched types: expected `i32`, found `&str`"),
            ("src/lib.rs", "warning: unused variable: `x`: help: if this is intentional, prefix it with an underscore: `_x`"),
        ]),
    ],
)  # fmt: skip
def test_what_linters_print_is_read(name: str, exit_code: int, output: str, wanted: list[tuple[str, str]]) -> None:
    said = read(KINDS[name], ran(output, exit_code))
    assert said is not None
    assert sorted((one.path, one.text) for one in said.elements()) == wanted
    assert read(KINDS[name], ran("", 0)) == {}


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("mypy", ran("usage: mypy [-h]\nmypy: error: Missing target module, package, files, or command.\n", 2)),
        ("mypy", ran("shop.py:3: error: INTERNAL ERROR -- Please try using mypy master on GitHub\n", 2)),
        ("mypy", ran(MYPY, -9, ending="out_of_memory")),
        ("mypy", ran(MYPY, ending="timeout")),
        ("mypy", ran(MYPY, more=1)),
        ("pylint", ran("./x.py:1:0: F0001: No module named ./x.py (fatal)\n")),
        ("pylint", ran("usage: pylint [options]\n", 32)),
        ("pylint", ran(PYLINT, 134)),
        ("flake8", ran("There was a critical error during execution of Flake8:\nplugin code for `X` does not match\n")),
        ("eslint", ran("Oops! Something went wrong! :(\n\nESLint: 10.15.0\n", 2)),
        ("go vet", ran("go: module lookup disabled by GOPROXY=off\n")),
        ("cargo clippy", ran("error: no matching package named `x` found\n", 101)),
        ("cargo clippy", ran("src/lib.rs:1:1: error: internal compiler error: unexpected panic\n", 101)),
    ],
)
def test_a_linter_that_could_not_do_its_work_says_nothing_at_all(name: str, answer: Ran) -> None:
    assert read(KINDS[name], answer) is None


@pytest.mark.parametrize(
    ("name", "output"),
    [
        ("pylint", "shop.py:1:9: E0001: Parsing failed: 'invalid syntax' (syntax-error)\n"),
        ("flake8", "./shop.py:1:9: E999 SyntaxError: invalid syntax\n"),
        ("eslint", ESLINT), ("go vet", VET), ("cargo clippy", CLIPPY),
    ],
)  # fmt: skip
def test_what_stopped_early_is_nothing_to_compare_with(name: str, output: str) -> None:
    exit_code = 101 if name == "cargo clippy" else 2 if name == "pylint" else 1
    assert read(KINDS[name], ran(output, exit_code)) is not None
    assert read(KINDS[name], ran(output, exit_code), whole=True) is None


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        ("a.py:1: error: x on line 3", "a.py:9:4: error: x on line 12", []),
        ("a.py:1: error: too long (81 > 79)", "a.py:1: error: too long (99 > 79)", []),
        ("a.py:1: error: x1 is unused", "a.py:1: error: x2 is unused", ["x2 is unused"]),
        ("a.py:1: error: x", "b.py:1: error: x", ["x"]),
        ("a.py:1: error: x", "a.py:1: error: x\na.py:2: error: x", ["x"]),
        ("a.py:1: error: x\na.py:2: error: y", "a.py:1: error: x", []),
        ("a.py:1: error: x", "a.py:1: error: x\ntests/test_fix.py:1: error: y", []),
        ("old.py:1: error: x", "new.py:1: error: x", []),
    ],
    ids=["moved", "longer", "another name", "another file", "once more", "less", "in a test of the fix", "renamed"],
)
def test_a_message_is_new_when_it_is_said_more_often(before: str, after: str, found: list[str]) -> None:
    was, now = read(KINDS["mypy"], ran(before)), read(KINDS["mypy"], ran(after))
    assert was is not None
    assert now is not None
    said = new(was, now, moved={"old.py": "new.py"}, aside={"tests/test_fix.py"})
    assert [one.text for one in said] == found
    assert all(isinstance(one, Message) for one in said)


@pytest.mark.parametrize(
    ("telling", "names"),
    [
        ({"mypy.ini": ""}, ("mypy",)),
        ({"pyproject.toml": "[[tool.mypy.overrides]]\n"}, ("mypy",)),
        ({"pyproject.toml": "[tool.pylint.main]\n[tool.mypy]\n"}, ("mypy", "pylint")),
        ({"setup.cfg": "[mypy]\n[flake8]\n", "tox.ini": "[pylint]\n"}, ("mypy", "pylint", "flake8")),
        ({"pyproject.toml": "# [tool.mypy]\n[tool.mypyc]\n", "setup.cfg": "[metadata]\n"}, ()),
        ({".flake8": "", "pylintrc": ""}, ("pylint", "flake8")),
        ({"eslint.config.mjs": ""}, ("eslint",)),
        ({"package.json": '{\n  "eslintConfig": {}\n}'}, ("eslint",)),
        ({"package.json": '{"scripts": {"lint": "eslint ."}}'}, ()),
        ({"go.mod": "module x\n", "Cargo.toml": ""}, ("go vet", "cargo clippy")),
    ],
)
def test_linters_are_known_by_their_configuration(telling: dict[str, str], names: tuple[str, ...]) -> None:
    assert detect(telling) == names


# It minds a word, and has accidents of its own; each call leaves a mark that outlives the exchange of sides.
FAKE = """\
#!/bin/sh
[ "$1" = --version ] && { echo 1.0; exit; }
echo "$0 $*"
grep -q crashes shop.py && { echo 'Traceback (most recent call last)'; kill -9 $$; }
grep -n bad shop.py | sed 's/^\\([0-9]*\\):.*/.\\/shop.py:\\1: error: Bad word on line \\1  [bad]/'
! grep -q bad shop.py
"""
# The linter minds one word on head already.
HEAD = CODE + "# bad\n"
MENDED = HEAD.replace("sum(items)", "sum(max(0, item) for item in items)")
PROGRAM = ".venv/bin/mypy"


FILES = {"shop.py": HEAD.encode(), "test_shop.py": OLD_TEST.encode(), "mypy.ini": b"[mypy]\n", PROGRAM: FAKE.encode()}


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncGenerator[Room]:
    need("bwrap")
    async with room(tmp_path, FILES) as made:
        await made.run(("chmod", "+x", PROGRAM))
        yield made


def patch_of(fixed: str) -> bytes:
    return make("shop.py", HEAD.encode(), fixed.encode()) + make("test_fix.py", None, HONEST_TEST.encode())


def rows(comparisons: Sequence[Comparison]) -> list[tuple[str, str, bool]]:
    return [(row.before, row.after, row.held) for row in comparisons if row.what == "the repository's linter, mypy"]


async def linted(room: Room, fixed: str, name: str) -> Verification:
    """The linters alone, without what else makes a proof."""
    patch = patches.parse(patch_of(fixed))
    sides = Sides(room, patch, scratch=f"/tmp/proof/{name}")  # noqa: S108 - inside the sandbox
    await sides.begin()
    pieces = parted(patch, {"shop.py"})
    sides.divide(pieces)
    verification = Verification(room=room, sides=sides, evidence=Evidence(), name=name)
    try:
        await Linting(verification, await linters.find(room, ()), pieces).compare()
    finally:
        await sides.show("head")
    return verification


async def test_a_linter_that_says_nothing_new_is_a_row_of_the_proof(shop: Room) -> None:
    kept = Kept()
    claim = Claim(patch=patch_of(f"\n\n{MENDED}"), findings=(finding("shop.py", line=3),), commands=(COMMAND,))
    proof = await prove(claim, ProvingParts(room=shop, review_again=gone, put=kept.put, name="p"))
    assert (proof.grade, proof.reason) == ("proved", "")
    assert rows(proof.comparisons) == [("1 message", "1 message", True)]
    ran_as = [
        (command["what"], command["side"], command["exit_code"])
        for command in json.loads(kept.files["manifest.json"])["commands"]
        if command["argv"][-1].startswith(PROGRAM)
    ]
    assert ran_as == [("the repository's linter", "head", 1), ("the repository's linter", "fixed", 1)]
    # After the tests, which are quicker, and said where people look.
    assert [command.what for command in proof.commands][-3:] == [
        "the repository's checks", "the repository's linter", "the repository's linter",
    ]  # fmt: skip
    assert b"Bad word on line 4" in kept.files[proof.commands[-2].log]


async def test_a_new_message_is_no_proof_although_others_were_there(shop: Room) -> None:
    with pytest.raises(
        NotProved, match=r"^mypy says something new of shop\.py: Bad word on line 5 \[bad\]$"
    ) as refused:
        await linted(shop, f"{MENDED}# bad\n", "new")
    assert refused.value.step == "checks"


async def test_a_linter_that_crashes_with_the_fix_is_no_check_of_it(shop: Room) -> None:
    verification = await linted(shop, f"{MENDED}# bad bad crashes\n", "crashes")
    assert verification.comparisons == []
    # What it did is kept all the same.
    assert [(command.what, command.exit_code) for command in verification.evidence.commands] == [
        ("the repository's linter", 1), ("the repository's linter", 137),
    ]  # fmt: skip


async def test_a_program_that_does_not_answer_is_not_there(tmp_path: Path) -> None:
    need("bwrap")
    broken = b"#!/bin/sh\necho 0 0 0 99 x\nexit 1\n"
    files = {".flake8": b"", "mypy.ini": b"", "venv/bin/flake8": FAKE.encode(), ".venv/bin/flake8": broken}
    async with room(tmp_path, {**files, ".venv/bin/mypy": broken, "setup.cfg": b"[mypy]\nfiles = src\n"}) as made:
        await made.run(("sh", "-c", "chmod +x venv/bin/* .venv/bin/*"))
        found = {one.name: one for one in await linters.find(made, ())}
        assert await linters.find(made, ("make lint",)) == ()
    assert "mypy" not in found or found["mypy"].command.startswith(("mypy ", "python3 "))
    assert found["flake8"].command == "venv/bin/flake8 --format=default"
    assert found["flake8"].asked(["a.py", "b c.pyi", "d.js"]) == "venv/bin/flake8 --format=default ./a.py './b c.pyi'"
    assert found["flake8"].asked(["d.js"]) == ""
