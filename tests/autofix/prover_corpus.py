"""Small programs with a planted bug, the right fix and five wrong ones each, read from compact tables."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from autofix import patches_content

DATA = Path(__file__).parent.parent / "data" / "prover"

Language = Literal["python", "javascript", "shell", "c"]
LANGUAGES: tuple[Language, ...] = ("python", "javascript", "shell", "c")
PROGRAMS: Mapping[Language, str] = {"python": "python3", "javascript": "node", "shell": "sh", "c": "gcc"}
# What a wrong fix does; "breaks" stands where a program's input cannot be singled out.
Wrong = Literal["partial", "deleted", "weakened", "special", "breaks", "ci"]

CI_FILES = (".github/workflows/test.yml", ".gitlab-ci.yml", "Jenkinsfile", ".circleci/config.yml", "Makefile")


@dataclass(frozen=True)
class Offer:
    """A patch that somebody offers as a fix."""

    kind: Literal["right"] | Wrong
    patch: bytes


@dataclass(frozen=True)
class Program:
    """A repository with a bug, the command that shows it when the fix's test is there, and the offers."""

    language: Language
    name: str
    files: Mapping[str, bytes]
    product: str
    checks: tuple[str, ...]
    reproduction: str
    right: Offer
    wrong: tuple[Offer, ...]

    @property
    def label(self) -> str:
        return f"{self.language}-{self.name}"


@dataclass(frozen=True)
class _Shape:
    """How a language's programs look: (name, imported names, lines, support) -> a test file."""

    product: str
    old_test: str
    new_test: str
    checks: str
    reproduction: str
    write_test: Callable[[str, str, list[str], str], str]
    # An assertion that nothing can make false.
    empty: str
    extra: Mapping[str, str]


def programs(language: Language) -> Iterator[Program]:
    for number, record in enumerate(re.split(r"^## ", (DATA / f"{language}.txt").read_text(), flags=re.MULTILINE)[1:]):
        yield _program(language, number, record)


def everything() -> list[Program]:
    return [program for language in LANGUAGES for program in programs(language)]


def _program(language: Language, number: int, record: str) -> Program:
    head, *parts = re.split(r"^--- (\w+)\n", record, flags=re.MULTILINE)
    title, _, code = head.partition("\n")
    name, _, imported = title.partition(": ")
    sections = dict(zip(parts[::2], parts[1::2], strict=True))
    shape = _SHAPES[language]
    product = shape.product.format(name=name)
    old_test, new_test = shape.old_test.format(name=name), shape.new_test.format(name=name)
    old_lines, new_lines = _statements(sections["old"]), _statements(sections["new"])
    support = sections.get("support", "")
    files = {path.format(name=name): text.format(name=name) for path, text in shape.extra.items()}
    files |= {product: code, old_test: shape.write_test(name, imported, old_lines, _support(support, old_lines))}
    added = shape.write_test(name, imported, new_lines, support)

    def offer(kind: Literal["right"] | Wrong, changes: Mapping[str, str | None]) -> Offer:
        made = (_patch(files.get(path), path, text) for path, text in changes.items())
        return Offer(kind, b"".join(made))

    right, partial = _replaced(code, sections["right"]), _replaced(code, sections["partial"])
    even = number % 2 == 0
    weak_lines = [shape.empty for _ in (old_lines if even else new_lines)]
    if even:
        weakened = {product: right, new_test: added, old_test: shape.write_test(name, imported, weak_lines, support)}
    else:
        weakened = {product: partial, new_test: shape.write_test(name, imported, weak_lines, support)}
    fewer = None if even else shape.write_test(name, imported, old_lines[1:], _support(support, old_lines))
    last: Wrong = "special" if "special" in sections else "breaks"
    ci = CI_FILES[number % len(CI_FILES)]
    return Program(
        language=language, name=name, product=product, checks=(shape.checks,),
        reproduction=shape.reproduction.format(name=name),
        files={path: text.encode() for path, text in files.items()},
        right=offer("right", {product: right, new_test: added}),
        wrong=(
            offer("partial", {product: partial, new_test: added}),
            offer("deleted", {product: right if even else partial, new_test: added, old_test: fewer}),
            offer("weakened", weakened),
            offer(last, {product: _replaced(code, sections[last]), new_test: added}),
            offer("ci", {product: right, new_test: added, ci: "test:\n\ttrue\n"}),
        ),
    )  # fmt: skip


def _support(support: str, lines: list[str]) -> str:
    """The helper code, where one of its names is used."""
    names = set(re.findall(r"(?:def|class|function|const|static int) (\w+)", support))
    return support if any(name in line for name in names for line in lines) else ""


def _statements(text: str) -> list[str]:
    """Assertions, each begun at the line's start by its own word; a text may go over lines."""
    return re.findall(r"^(?:self\.|assert\.|same |CHECK).*(?:\n(?!self\.|assert\.|same |CHECK).+)*", text, re.MULTILINE)


def _replaced(code: str, changes: str) -> str:
    """Runs of "-" lines, each replaced by the "+" lines behind it."""
    for old, new in re.findall(r"((?:^-.*\n)+)((?:^\+.*\n)*)", changes, re.MULTILINE):
        before, after = (re.sub(r"^[-+]", "", part, flags=re.MULTILINE) for part in (old, new))
        assert code.count(before) == 1, f"{before!r} is not once in {code!r}"
        code = code.replace(before, after)
    return code


def _patch(before: bytes | str | None, path: str, after: str | None) -> bytes:
    was = before.encode() if isinstance(before, str) else before
    return patches_content.make(path, was, None if after is None else after.encode())


def _python_test(name: str, imported: str, lines: list[str], support: str) -> str:
    own = "" if support.startswith(f"from {name} ") else f"from {name} import {imported}\n"
    tests = "\n".join(f"    def test_{n}(self):\n        {line}\n" for n, line in enumerate(lines, 1))
    return f"import unittest\n\n{own}{support}\n\nclass Test(unittest.TestCase):\n{tests}".replace(
        f"from {name} import Gone\n", f"from {name} import Gone, {imported}\n"
    )


def _javascript_test(name: str, imported: str, lines: list[str], support: str) -> str:
    tests = "\n".join(f'test("case {n}", async () => {{\n  {line}\n}});' for n, line in enumerate(lines, 1))
    head = f'import assert from "node:assert/strict";\nimport test from "node:test";\nimport {{ {imported} }} from "./{name}.mjs";\n'
    return f"{head}\n{support}\n{tests}\n"


def _shell_test(name: str, _imported: str, lines: list[str], support: str) -> str:
    return f". ./{name}.sh\n. tests/same.sh\n{support}" + "\n".join(lines) + "\nend\n"


def _c_test(_name: str, imported: str, lines: list[str], support: str) -> str:
    checks = "\n".join(f"    {line}" for line in lines)
    return f'#include "check.h"\n{imported}\n{support}\nint main(void) {{\n{checks}\n    return end();\n}}\n'


_SAME = """\
number=0 failed=0
same() {
  number=$((number + 1))
  if [ "$1" = "$2" ]; then echo "ok $number - $0 $number"; else
    echo "not ok $number - $0 $number"; echo "  # got '$1', wanted '$2'"; failed=1; fi
}
end() { echo "1..$number"; exit $failed; }
"""
_RUN_SHELL = """\
status=0
for test in tests/*_test.sh; do sh "$test" || status=1; done
exit $status
"""
_CHECK = """\
#include <stdio.h>
static int number, failed;
#define CHECK(held) do { number++; if (held) printf("ok %d - %s %d\\n", number, __FILE__, number); \\
    else { printf("not ok %d - %s %d\\n  # %s is false\\n", number, __FILE__, number, #held); failed = 1; } } while (0)
static int end(void) { printf("1..%d\\n", number); return failed; }
"""
_RUN_C = """\
status=0
for test in ${{1:-tests/*_test.c}}; do
  gcc -w -O0 -o "$TMPDIR/program" "$test" {name}.c && "$TMPDIR/program" || status=1
done
exit $status
"""
_SHAPES: Mapping[Language, _Shape] = {
    "python": _Shape(
        "{name}.py", "test_{name}.py", "test_fix.py", "python3 -m unittest -v", "python3 -m unittest -v test_fix",
        _python_test, "self.assertTrue(True)", {},
    ),
    "javascript": _Shape(
        "{name}.mjs", "{name}.test.mjs", "fix.test.mjs", "node --test", "node --test fix.test.mjs",
        _javascript_test, "assert.ok(true);", {"package.json": '{{"name": "{name}"}}\n'},
    ),
    "shell": _Shape(
        "{name}.sh", "tests/{name}_test.sh", "tests/fix_test.sh", "sh tests/run.sh", "sh tests/fix_test.sh",
        _shell_test, 'same "" ""', {"tests/same.sh": _SAME.replace("{", "{{").replace("}", "}}"), "tests/run.sh": _RUN_SHELL},
    ),
    "c": _Shape(
        "{name}.c", "tests/{name}_test.c", "tests/fix_test.c", "sh tests/run.sh", "sh tests/run.sh tests/fix_test.c",
        _c_test, "CHECK(1);", {"tests/check.h": _CHECK.replace("{", "{{").replace("}", "}}"), "tests/run.sh": _RUN_C},
    ),
}  # fmt: skip
