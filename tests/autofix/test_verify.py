"""What a patch may do to tests, what counts as answering the test, and why a red test may say nothing."""

import pytest

from app.sandboxes.base import Ended, Ran
from autofix import patches, patches_content, verify_tests
from autofix.checks import CheckRun
from autofix.checks_results import TestResult
from autofix.verify_files import decides_how_tests_run, is_test, parted
from autofix.verify_reasons import wrong_reason
from autofix.verify_special_cases import special_case

OLD = "from shop import total\n\n\ndef test_total():\n    # adds up\n    assert total([1, 2]) == 3\n"
CODE = "def total(items):\n    return sum(items)\n"


def made(*changes: tuple[str, str | None, str | None]) -> patches.ParsedPatch:
    return patches.parse(
        b"".join(
            patches_content.make(path, None if a is None else a.encode(), None if b is None else b.encode())
            for path, a, b in changes
        )
    )


def objection(*changes: tuple[str, str | None, str | None], mended: tuple[str, ...] = ()) -> str:
    patch = made(*changes)
    return verify_tests.objection(patch, parted(patch, mended))


PRODUCT = ("shop.py", CODE, CODE.replace("sum(items)", "sum(items, 0)"))


@pytest.mark.parametrize(
    ("path", "old", "new", "said"),
    [
        ("tests/test_shop.py", OLD, None, "deletes tests/test_shop.py"),
        ("tests/test_shop.py", OLD, OLD.replace("== 3", ">= 0"), "changes a line of an existing test (tests/test_shop.py:6)"),
        ("tests/test_shop.py", OLD, OLD.replace("    assert", "    if False:\n        assert"), "changes a line"),
        ("tests/test_shop.py", OLD, OLD.replace("def test", "@pytest.mark.skip\ndef test"), "switches tests off"),
        ("tests/test_shop.py", OLD, OLD.replace("from shop", "from fakes"), "changes a line"),
        ("tests/conftest.py", None, "def pytest_runtest_makereport(): ...\n", "switches tests off"),
        ("tests/conftest.py", None, "@pytest.fixture(autouse=True)\ndef x(): ...\n", "switches tests off"),
        ("a.test.js", "test('x', () => {});\n", "test.skip('x', () => {});\n", "changes a line"),
        ("b.test.js", None, "test.only('x', () => {});\n", "switches tests off"),
        ("pytest.ini", "[pytest]\n", "[pytest]\naddopts = --ignore=tests\n", "changes how the tests run (pytest.ini)"),
        ("Makefile", "test:\n\tpytest\n", "test:\n\ttrue\n", "changes how the tests run (Makefile)"),
        ("tests/test_fix.py", None, "assert 'sum(items, 0)' in open('shop.py').read()\n", "reads the code"),
        ("tests/test_fix.py", None, "def test_it():\n    assert hasattr(shop, 'FIXED')\n", "asks what the code has"),
        ("extra.py", None, "import sys\nif 'pytest' in sys.modules: x = 1\n", "asks whether a test is looking (extra.py:2)"),
        ("unittest.py", None, "print('ok')\n", "in the place of what runs the tests (unittest.py)"),
        ("src/lib.rs", "    #[test]\n    fn a() { assert_eq!(1, f()); }\n", "x\n", "removes a test that stands in src/lib.rs"),
    ],
)  # fmt: skip
def test_tests_may_only_be_added_to(path: str, old: str | None, new: str | None, said: str) -> None:
    assert said in objection(PRODUCT, (path, old, new))


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("tests/test_shop.py", OLD, OLD + "\n\ndef test_empty():\n    assert total([]) == 0\n"),
        ("tests/test_shop.py", OLD, OLD.replace("import total", "import tax, total")),
        ("tests/test_shop.py", OLD, OLD.replace("# adds up", "# adds them up")),
        ("tests/test_shop.py", OLD.rstrip(), OLD + "\n\ndef test_empty():\n    assert total([]) == 0\n"),
        ("tests/test_new.py", None, OLD),
        ("web/cart.test.js", None, "import { cart } from './cart.js';\ntest('x', () => assert.ok(cart()));\n"),
    ],
)
def test_adding_is_fine(path: str, old: str | None, new: str | None) -> None:
    assert objection(PRODUCT, (path, old, new)) == ""


def test_a_finding_in_a_file_of_the_tests_makes_it_the_product() -> None:
    change = ("Makefile", "all:\n\tcc x.c\n", "all:\n\tcc -O2 x.c\n")
    assert objection(change, mended=("Makefile",)) == ""
    assert objection(change) != ""


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("tests/a.py", True), ("test_a.py", True), ("a_test.go", True), ("src/a.spec.ts", True), ("AppTest.java", True),
        ("conftest.py", True), ("a.bats", True), ("src/contest.py", False), ("latest.py", False), ("attest.go", False),
        ("src/testimony.py", False), ("Latest.java", False),
    ],
)  # fmt: skip
def test_tests_are_known_by_their_names(path: str, expected: bool) -> None:
    assert is_test(path) is expected


def test_what_decides_how_tests_run_is_known() -> None:
    assert all(map(decides_how_tests_run, ("Makefile", "web/package.json", "jest.config.js", "tox.ini", "x/pom.xml")))
    assert not any(map(decides_how_tests_run, ("make.py", "package.py", "src/jest.js", "setup.py")))


TEST = ("tests/test_fix.py", None, 'def test_it():\n    assert slug("Crème brûlée", 1337) == "creme-brulee"\n')


@pytest.mark.parametrize(
    "line",
    [
        'if text == "Crème brûlée": return 5', "return 7 if number == 1337 else 8", 'KNOWN = {"Crème brûlée": 1}',
        '    "Crème brûlée": "x",', "case 1337: return 2", '  if (["Crème brûlée"].includes(text)) return 1;',
        'if (strcmp(text, "Crème brûlée") == 0) return 1;', '[ "$1" = "creme-brulee" ]', "  creme-brulee) echo x ;;",
        'if text.startswith("Crème"): ...', "number in (1_337,)",
    ],
)  # fmt: skip
def test_the_tests_own_values_in_a_condition_are_seen(line: str) -> None:
    patch = made(("slug.py", "x\n", f"x\n{line}\n"), TEST)
    assert special_case(parted(patch, ()), ["x\n"]).endswith("at slug.py:2")


@pytest.mark.parametrize(
    "line",
    [
        "if not text: return ''", "if number == 0: return 1", 'if unit == "h": return 3600', "limit = 1337",
        "# if number == 1337", 'return text.replace("é", "e")', "if known == 4711: ...",
    ],
)  # fmt: skip
def test_honest_conditions_are_left_alone(line: str) -> None:
    patch = made(("slug.py", "known = 4711\n", f"known = 4711\n{line}\n"), TEST)
    assert special_case(parted(patch, ()), ["known = 4711\n"]) == ""


IN_TEST = 'File "/work/tests/test_fix.py", line 4, in test_it\n'
IN_CODE = IN_TEST + 'File "/work/shop.py", line 9, in total\n'


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (IN_TEST + "AssertionError: 1 != 2", ""),
        (IN_CODE + "KeyError: 'x'", ""),
        (IN_TEST + "ImportError: cannot import name 'new' from 'shop'", "it cannot be imported on head"),
        (IN_TEST + "NameError: name 'helper' is not defined", "it uses what head does not have"),
        (IN_CODE + "NameError: name 'helper' is not defined", ""),
        (IN_TEST + "AttributeError: module 'shop' has no attribute 'new'", "it uses what head does not have"),
        (IN_TEST + "AttributeError: 'NoneType' object has no attribute 'name'", ""),
        (IN_TEST + "TypeError: total() got an unexpected keyword argument 'tax'", "it uses what head does not have"),
        ("tests/x.c:3:5: error: too few arguments", "it does not compile on head"),
        ("error: 'x is not a function'\nstack: |-\n  total (file:///work/shop.mjs:3:4)\n  /work/tests/test_fix.py", ""),
        ("error: 'shop.new is not a function'\nlocation: '/work/tests/test_fix.mjs:1:1'", "it uses what head does not have"),
    ],
)  # fmt: skip
def test_a_red_test_must_be_red_because_of_the_code(message: str, reason: str) -> None:
    ended = Ended(ending="exited", exit_code=1, output_bytes=0, seconds=0.1)
    run = CheckRun(command="x", ran=Ran(ended=ended, output=b""), tests={"t": TestResult("fail", message)})
    assert wrong_reason(run, ["t"], ["tests/test_fix.py", "tests/test_fix.mjs"]) == reason


RUST = """\
pub fn total(items: &[i32]) -> i32 {
    items.iter().skip(1).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn none() {
        assert_eq!(total(&[]), 0);
    }
}
"""
RUST_CODE = RUST.replace(".skip(1)", "")
RUST_TEST = "    #[test]\n    fn all() {\n        assert_eq!(total(&[4, 5]), 9);\n    }\n"


def with_test(code: str) -> str:
    return code.removesuffix("}\n") + "\n" + RUST_TEST + "}\n"


@pytest.mark.parametrize("head", [RUST, RUST.partition("\n#[cfg")[0]], ids=["tests there", "the first tests"])
def test_tests_in_the_products_own_file_are_told_from_it(head: str) -> None:
    code = head.replace(".skip(1)", "")
    tests = f"\n#[cfg(test)]\nmod tests {{\n{RUST_TEST}}}\n"
    fixed, tested = (with_test(code), with_test(head)) if head == RUST else (code + tests, head + tests)
    patch = made(("src/lib.rs", head, fixed))
    pieces = parted(patch, {"src/lib.rs"}, {"src/lib.rs": head})
    product, test = pieces.product[0], pieces.old_tests[0]
    # The empty line before the first tests may go with either.
    assert (patches_content.apply(product, head.encode()) or b"").decode().strip() == code.strip()
    assert (patches_content.apply(test, head.encode()) or b"").decode().replace("\n\n", "\n") == tested.replace(
        "\n\n", "\n"
    )
    assert verify_tests.objection(patch, pieces) == ""


def test_a_test_in_the_products_own_file_may_not_be_weakened() -> None:
    weak = with_test(RUST_CODE).replace("total(&[]), 0", "0, 0")
    patch = made(("src/lib.rs", RUST, weak))
    pieces = parted(patch, {"src/lib.rs"}, {"src/lib.rs": RUST})
    assert "changes a line of an existing test (src/lib.rs:11)" in verify_tests.objection(patch, pieces)
