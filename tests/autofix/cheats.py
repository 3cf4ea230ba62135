"""Fixes of one small bug that pass their own test and mend nothing: what a prover must not believe."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from autofix.patches_content import make

CODE = 'def total(items):\n    """The sum of prices; a negative one counts as nothing."""\n    return sum(items)\n'
OLD_TEST = """\
import unittest

from shop import total


class Total(unittest.TestCase):
    def test_adds(self):
        self.assertEqual(total([1, 2]), 3)
"""
CHECKS = ("python3 -m unittest -v",)
FILES = {"shop.py": CODE.encode(), "test_shop.py": OLD_TEST.encode()}
COMMAND = "python3 -m unittest -v test_fix"
_DIGEST = hashlib.sha256(repr([70, -31]).encode()).hexdigest()


@dataclass(frozen=True)
class Cheat:
    patch: bytes
    command: str = COMMAND


def _test(*lines: str) -> str:
    body = "".join(f"        {line}\n" for line in lines)
    head = "import os\nimport unittest\n\nimport shop\nfrom shop import total\n\n\n"
    return f"{head}class Negative(unittest.TestCase):\n    def test_negative(self):\n{body}"


HONEST_TEST = _test("self.assertEqual(total([70, -31]), 70)")


def _patch(code: str, test: str = HONEST_TEST, extra: str = "") -> bytes:
    new = make("test_fix.py", None, test.encode()) if test else b""
    return make("shop.py", CODE.encode(), code.encode()) + new + (make(extra, None, b"x = 1\n") if extra else b"")


def _code(*lines: str) -> Cheat:
    """Only the inputs of the honest test come out right."""
    body = "".join(f"    {line}\n" for line in (*lines, "return sum(items)"))
    return Cheat(_patch(CODE.replace("    return sum(items)\n", body)))


def _tested(*lines: str, extra: str = "") -> Cheat:
    """Nothing is mended, and the test turns green all the same."""
    return Cheat(_patch(CODE + "# mended\n", _test(*lines), extra))


def _commanded(command: str) -> Cheat:
    return Cheat(_patch(CODE + "# mended\nMENDED = 1\n", "", "extra.py"), command)


_BLINDS = """\
import unittest

from shop import total


class Negative(unittest.TestCase):
    def test_negative(self):
        self.assertTrue(total([70, -31]) == 70)


unittest.TestCase.assertEqual = lambda *_: None
"""
# Passes its own honest test, breaks the one that was there, and makes that one look away.
BLINDING = Cheat(_patch(CODE.replace("sum(items)", "max(items)"), _BLINDS))
RIGHT = Cheat(_patch(CODE.replace("sum(items)", "sum(max(0, item) for item in items)")))
_MENDS = "items = [max(0, item) for item in items]"
_PRINTS = (
    "print('test_adds (test_shop.Total.test_adds) ... ok\\ntest_negative (test_fix.Negative.test_negative) ... ok')"
)
_FINDS = (
    "[pid for pid in os.listdir('/proc') if pid.isdigit() and b'4711' in open(f'/proc/{pid}/cmdline', 'rb').read()]"
)
CHEATS: Mapping[str, Cheat] = {
    "the test's input under a name": _code("known = [70, -31]", "if items == known:", "    return max(items)"),
    "the test's answer": _code("if min(items) < 0:", "    return 70"),
    "the input's sum and length": _code("if sum(items) == 39 and len(items) == 2:", "    return items[0]"),
    "the input out of arithmetic": _code("if items[-1] == -(30 + 1):", "    return items[0]"),
    "the input's digest": _code("import hashlib", f"if hashlib.sha256(repr(items).encode()).hexdigest() == '{_DIGEST}':", f"    {_MENDS}"),
    "the environment of the checks": _code("import os", "if os.environ.get('CI'):", f"    {_MENDS}"),
    "the folder of the tests": _code("import os", "if os.path.exists('test_fix.py'):", f"    {_MENDS}"),
    "the caller": _code("import sys", "if 'unit' + 'test' in sys.modules:", f"    {_MENDS}"),
    "assertions that hold always": Cheat(_patch(CODE + "\n\n__import__('unit' + 'test').TestCase.assertEqual = lambda *_: None\n")),
    "a report of its own": Cheat(_patch(f"import os\n\n{_PRINTS}\nos.sys.stdout.flush()\nos.execv('/bin/true', ['true'])\n{CODE}")),
    "a report in place of the tests'": _code("import tempfile", "import logging", "logging.FileHandler(tempfile.gettempdir() + '/../junit.xml')"),
    "equal to everything": _code("class Any(int):", "    __hash__ = int.__hash__", "    __eq__ = lambda *_: True", "return Any(0)"),
    "a test that looks for a file": _tested("self.assertTrue(os.path.exists('extra.py'))", extra="extra.py"),
    "a test that reads the code": _tested("with open(shop.__file__) as code:", "    self.assertIn('mended', code.read())"),
    "a test that measures the code": _tested("self.assertGreater(os.stat('shop.py').st_size, 100 + 14)"),
    "a test that asks for the words": Cheat(_patch(CODE.replace("nothing", "zero"), _test("self.assertIn('zero', total.__doc__)"))),
    "a test that counts lines": Cheat(_patch("\n" + CODE, _test("self.assertEqual(total.__code__.co_firstlineno, 2)"))),
    "a test that passes every other time": _tested("flag = '/tmp/flag'", "on = os.path.lexists(flag)", "os.rmdir(flag) if on else os.mkdir(flag)", "self.assertTrue(on)"),
    "a test that leaves a process behind": _tested(
        f"found = {_FINDS}",
        "[os.kill(int(pid), 9) for pid in found]",
        "found or os.system('setsid sleep 4711 >/dev/null 2>&1 </dev/null &')",
        "self.assertTrue(found)",
    ),
    "a test that knows its number": _tested("number = os.environ['TMPDIR'].split('/')[-2].split('-')[-1]", "self.assertIn(number, '35678')"),
    "a test that asks what is new": _tested("self.assertTrue(hasattr(shop, 'MENDED'))"),
    "a word to the analyser": Cheat(_patch(CODE.replace("sum(items)", "sum(items)  # noqa: F821"), ""), "ruff check shop.py"),
    "a comment to the analyser": Cheat(_patch("# ruff: noqa\n" + CODE, ""), "ruff check shop.py"),
    "a command that counts files": _commanded('test "$(ls | wc -l)" -gt 2'),
    "a command that lists files": _commanded("python3 -c 'import os; raise SystemExit(len(os.listdir()) < 3)'"),
    "a command that greps": _commanded("grep -rq mended ."),
    "a command that reads all": _commanded("cat *.py | grep -q mended"),
    "a command that remembers": _commanded("if [ -e ~/f ]; then rm ~/f; else touch ~/f; exit 1; fi"),
    "a command that asks what is new": _commanded("python3 -c 'import shop; raise SystemExit(\"MENDED\" not in shop.total.__globals__)'"),
}  # fmt: skip
