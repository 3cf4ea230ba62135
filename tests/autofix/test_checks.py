"""Tests by name from what programs print, and what counts as worse."""

import sys
from dataclasses import replace
from pathlib import Path
from subprocess import run

import pytest

from app.sandboxes.base import Ended, Ran
from autofix import checks
from autofix.checks import CheckRun, detect, short, worse
from autofix.checks_results import Outcome, TestResult, read

PYTEST = """\
import pytest
@pytest.fixture
def broken(): raise RuntimeError("no")
def test_good(): pass
def test_bad(): assert 1 == 2
@pytest.mark.skip
def test_off(): pass
def test_setup(broken): pass
@pytest.mark.parametrize("n", [1, 2])
def test_many(n): assert n == 1
"""


def outcomes(text: str, junit: bytes | None = None) -> dict[str, Outcome]:
    return {name: result.outcome for name, result in read(text, junit).items()}


def test_pytest_is_read_from_its_xml_and_from_its_text(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(PYTEST)
    xml = tmp_path / "junit.xml"
    words = [
        "-m",
        "pytest",
        "-rA",
        f"--junitxml={xml}",
        "-p",
        "no:cacheprovider",
        "-c",
        "/dev/null",
        f"--rootdir={tmp_path}",
    ]
    ran = run([sys.executable, *words, "test_it.py"], cwd=tmp_path, capture_output=True, text=True, check=False)
    wanted = {
        "test_good": "pass",
        "test_bad": "fail",
        "test_off": "skip",
        "test_setup": "error",
        "test_many[1]": "pass",
        "test_many[2]": "fail",
    }
    assert {short(name): outcome for name, outcome in outcomes("", xml.read_bytes()).items()} == wanted
    assert "assert 1 == 2" in read("", xml.read_bytes())["test_it::test_bad"].message
    by_text = {short(name): outcome for name, outcome in outcomes(ran.stdout).items()}
    assert by_text == {name: outcome for name, outcome in wanted.items() if name != "test_off"}


UNITTEST = """\
test_a (test_x.T.test_a) ... ok
test_b (test_x.T.test_b)
What it is for. ... FAIL
test_c (test_x.T.test_c) ... printed by the test
ERROR
test_d (test_x.T.test_d) ... skipped 'no'
test_gone (unittest.loader._FailedTest.test_gone) ... ERROR

======================================================================
ERROR: test_c (test_x.T.test_c)
----------------------------------------------------------------------
ValueError: x

======================================================================
ERROR: test_gone (unittest.loader._FailedTest.test_gone)
----------------------------------------------------------------------
ImportError: Failed to import test module: test_gone

======================================================================
FAIL: test_b (test_x.T.test_b)
What it is for.
----------------------------------------------------------------------
AssertionError: 1 != 2

----------------------------------------------------------------------
Ran 4 tests in 0.001s

FAILED (failures=1, errors=2, skipped=1)
"""

NODE = """\
TAP version 13
# Subtest: suite
    # Subtest: adds
    ok 1 - adds
      ---
      duration_ms: 0.3
      ...
    # Subtest: breaks
    not ok 2 - breaks
      ---
      error: 'Expected values to be strictly equal'
      ...
    1..2
not ok 1 - suite
# Subtest: later
ok 2 - later # SKIP
1..2
"""

CARGO = """\
     Running unittests src/lib.rs (target/debug/deps/x-1)

running 3 tests
test tests::good ... ok
test tests::bad ... FAILED
test tests::off ... ignored

failures:

---- tests::bad stdout ----
assertion `left == right` failed

failures:
    tests::bad
"""

GO = "=== RUN   TestA\n--- PASS: TestA (0.00s)\n=== RUN   TestB\n    x_test.go:5: no\n--- FAIL: TestB (0.00s)\n--- SKIP: TestC (0.00s)\nFAIL\nFAIL\texample.com/x\t0.002s\n"
GO_BUILD = "# example.com/y\n./y.go:3: undefined: z\nFAIL\texample.com/y [build failed]\n"
GO_JSON = '{"Action":"run","Package":"p","Test":"TestA"}\n{"Action":"output","Package":"p","Test":"TestA","Output":"no\\n"}\n{"Action":"fail","Package":"p","Test":"TestA"}\n{"Action":"pass","Package":"p","Test":"TestB"}\n'
MARKS = "  ✓ adds (2 ms)\n  ✕ breaks (1 ms)\n  ○ later\n"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (UNITTEST, {"test_x.T.test_a": "pass", "test_x.T.test_b": "fail", "test_x.T.test_c": "fail", "test_x.T.test_d": "skip", "unittest.loader._FailedTest.test_gone": "error"}),
        (NODE, {"suite > adds": "pass", "suite > breaks": "fail", "suite": "fail", "later": "skip"}),
        (CARGO, {"Running unittests src/lib.rs tests::good": "pass", "Running unittests src/lib.rs tests::bad": "fail", "Running unittests src/lib.rs tests::off": "skip"}),
        (GO, {"example.com/x TestA": "pass", "example.com/x TestB": "fail", "example.com/x TestC": "skip"}),
        (GO_BUILD, {"example.com/y [build]": "error"}),
        (GO_JSON, {"p TestA": "fail", "p TestB": "pass"}),
        (MARKS, {"adds": "pass", "breaks": "fail", "later": "skip"}),
        ("1..2\nok 1 - a\nnot ok 2 - b # TODO later\n", {"a": "pass", "b": "skip"}),
        ("1..2\nnot ok 1 - a\nok 2 - a\n", {"a": "pass", "a (2)": "fail"}),
        ("everything is ok\n", {}),
    ],
    ids=["unittest", "node", "cargo", "go", "go build", "go json", "marks", "tap", "one name twice", "nothing"],
)  # fmt: skip
def test_texts_are_read(text: str, wanted: dict[str, Outcome]) -> None:
    assert outcomes(text) == wanted


def test_hostile_xml_is_not_expanded() -> None:
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><testsuite><testcase name="&b;"/></testsuite>'
    assert outcomes("", bomb) == {}
    assert outcomes("", b"<testsuite><testcase") == {}


def ran(tests: dict[str, Outcome], exit_code: int = 0, output: str = "") -> CheckRun:
    ended = Ended(ending="exited", exit_code=exit_code, output_bytes=0, seconds=0.1)
    results = {name: TestResult(outcome) for name, outcome in tests.items()}
    return CheckRun(command="make test", ran=Ran(ended=ended, output=output.encode()), tests=results)


@pytest.mark.parametrize(
    ("before", "after", "reasons"),
    [
        (ran({"a": "pass"}), ran({"a": "pass", "b": "pass"}), []),
        (ran({"a": "fail", "b": "pass"}, 1), ran({"a": "fail", "b": "pass"}, 1), []),
        (ran({"a": "fail"}, 1), ran({"a": "pass"}), []),
        (ran({"m.T.a": "pass"}), ran({"m.T.a": "fail"}, 1), ["a fails with it"]),
        (ran({"a": "pass"}), ran({"b": "pass"}), ["a is gone with it"]),
        (ran({"a": "pass"}), ran({"a": "skip"}), ["a is skipped with it"]),
        (ran({"a": "skip"}), ran({}), []),
        (ran({"a": "pass"}), ran({"a": "pass", "b": "fail"}, 1), ["b, which it adds, fails"]),
        (ran({}), ran({}, 2), ["make test fails with it (exit code 2)"]),
        (ran({}, 2), ran({}, 2), []),
        (ran({}, 0, "Ran 5 tests in 1s\nOK"), ran({}, 0, "Ran 4 tests in 1s\nOK"), ["fewer tests run with it (4 instead of 5)"]),
        (ran({}, 0, "Ran 5 tests in 1s\nOK"), ran({}, 0, "Ran 5 tests in 1s\nOK (skipped=1)"), ["more tests are skipped with it"]),
    ],
)  # fmt: skip
def test_worse_is_said_test_by_test(before: CheckRun, after: CheckRun, reasons: list[str]) -> None:
    assert worse(before, after) == reasons


@pytest.mark.parametrize(
    ("run", "nothing"),
    [
        (ran({"a": "pass", "b": "fail"}, 1), False),
        (ran({}, 0, "all is well"), False),
        (ran({}, 4, "unrecognized arguments"), True),
        (ran({"a": "error"}, 2), True),
        (ran({"a": "skip"}), True),
        (replace(ran({}, 0, "collected 3 items"), junit=b"<testsuites/>"), True),
    ],
    ids=["some pass", "without names", "usage", "not collected", "skipped", "only collected"],
)
def test_checks_that_are_the_same_for_any_fix_say_nothing(run: CheckRun, nothing: bool) -> None:
    assert checks.says_nothing(run) is nothing


@pytest.mark.parametrize(
    ("telling", "paths", "commands"),
    [
        ({"pyproject.toml": "[tool.pytest.ini_options]\n"}, [], ("python3 -m pytest -q",)),
        ({}, ["tests/test_a.py"], ("python3 -m pytest -q",)),
        ({"package.json": '{"scripts": {"test": "jest"}}'}, [], ("npm test --silent",)),
        ({"package.json": '{"scripts": {"test": "echo \\"Error: no test specified\\" && exit 1"}}'}, [], ()),
        ({"package.json": "[1]"}, [], ()),
        ({"go.mod": "module x\n", "Cargo.toml": ""}, [], ("go test ./...", "cargo test --offline")),
        ({"Makefile": "all:\n\ntest: all\n\t./run\n"}, [], ("make test",)),
        ({"Makefile": "test := 5\n"}, [], ()),
        ({"Makefile": "test:\n", "go.mod": ""}, [], ("go test ./...",)),
    ],
)
def test_checks_are_detected(telling: dict[str, str], paths: list[str], commands: tuple[str, ...]) -> None:
    assert detect(telling, paths) == commands


def test_without_pytest_the_standard_library_runs_the_tests() -> None:
    assert detect({}, ["tests/test_a.py"], has_pytest=False) == ("python3 -m unittest discover -v -s tests",)
    assert detect({}, ["test_a.py"], has_pytest=False) == ("python3 -m unittest -v",)


def test_a_summary_counts_what_there_is() -> None:
    assert ran({"a": "pass", "b": "fail", "c": "skip"}).summary == "1 fail, 1 skipped, 1 pass"
    assert ran({}, 3).summary == "exit code 3"
    assert checks.is_simple("pytest -q 'a b'")
    assert not checks.is_simple("pytest; rm x")
