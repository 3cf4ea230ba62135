"""What became of each test, read from what test programs print: names and outcomes, never only an exit code."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal
from xml.etree import ElementTree as ET

Outcome = Literal["pass", "fail", "error", "skip"]

# Enough to see the exception and where it came from.
_LONGEST_MESSAGE = 4_000
_ORDER: tuple[Outcome, ...] = ("pass", "skip", "fail", "error")
_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@dataclass(frozen=True, slots=True)
class TestResult:
    """`error` is a test that could not begin: it was not collected, did not compile, its setup failed."""

    __test__ = False

    outcome: Outcome
    message: str = ""

    @property
    def is_red(self) -> bool:
        return self.outcome in {"fail", "error"}


Results = Mapping[str, TestResult]


def read(output: str, junit: bytes | None = None) -> Results:
    """Tests by name from JUnit XML where there is some, and from every kind of text that is known."""
    found = _named(_junit(junit)) if junit else {}
    text = _ANSI.sub("", output).replace("\r\n", "\n")
    readers = (_go_json, _go_text, _cargo, _tap, _unittest, _check_marks) if not found else (_tap, _cargo)
    for reader in readers:
        found |= _named(reader(text))
    return found or _named(_pytest(text))


def _named(results: Iterable[tuple[str, TestResult]]) -> dict[str, TestResult]:
    """Several tests of one name are told apart by a number, those that pass first: their order says nothing."""
    by_name: dict[str, list[TestResult]] = {}
    for name, result in results:
        by_name.setdefault(name, []).append(result)
    return {
        name if number == 1 else f"{name} ({number})": result
        for name, same in by_name.items()
        for number, result in enumerate(sorted(same, key=lambda one: _ORDER.index(one.outcome)), 1)
    }


_JUNIT_OUTCOMES: Mapping[str, Outcome] = {"skipped": "skip", "failure": "fail", "error": "error"}


def _junit(xml: bytes) -> Iterator[tuple[str, TestResult]]:
    # An entity can be made to expand without end, and no test program writes one.
    if b"<!DOCTYPE" in xml or b"<!ENTITY" in xml:
        return
    try:
        root = ET.fromstring(xml)  # noqa: S314 - without a document type there is nothing to expand
    except ET.ParseError:
        return
    for case in root.iter("testcase"):
        name = "::".join(part for part in (case.get("classname", ""), case.get("name", "")) if part)
        outcome: Outcome = "pass"
        message = ""
        for tag, meant in _JUNIT_OUTCOMES.items():
            if (said := case.find(tag)) is not None:
                outcome = meant
                message = f"{said.get('message', '')}\n{said.text or ''}".strip()[-_LONGEST_MESSAGE:]
        yield name, TestResult(outcome, message)


_PYTEST = re.compile(r"^(PASSED|FAILED|ERROR|SKIPPED|XFAIL|XPASS) (\S+(?:::\S.*?)?)(?: - (.*))?$", re.MULTILINE)
_PYTEST_OUTCOMES: Mapping[str, Outcome] = {
    "PASSED": "pass", "XPASS": "pass", "FAILED": "fail", "ERROR": "error", "SKIPPED": "skip", "XFAIL": "skip",
}  # fmt: skip


def _pytest(text: str) -> Iterator[tuple[str, TestResult]]:
    for match in _PYTEST.finditer(text):
        yield match[2], TestResult(_PYTEST_OUTCOMES[match[1]], match[3] or "")


_UNITTEST = re.compile(
    r"^(\w+) \(([\w.]+)\)(?:\n.*?)?? \.\.\. (?:[^\n]*?)(ok|FAIL|ERROR|skipped|expected failure)\b", re.MULTILINE
)
_UNITTEST_RED = re.compile(
    r"^={70}\n(FAIL|ERROR): (\w+) \(([\w.]+)\)(.*?)(?=^={70}$|^-{70}\nRan |\Z)", re.MULTILINE | re.DOTALL
)
_UNITTEST_OUTCOMES: Mapping[str, Outcome] = {
    "ok": "pass", "FAIL": "fail", "ERROR": "error", "skipped": "skip", "expected failure": "skip",
}  # fmt: skip


def _unittest(text: str) -> Iterator[tuple[str, TestResult]]:
    found = {_dotted(m[1], m[2]): TestResult(_UNITTEST_OUTCOMES[m[3]]) for m in _UNITTEST.finditer(text)}
    for match in _UNITTEST_RED.finditer(text):
        message = match[4].strip()[-_LONGEST_MESSAGE:]
        # unittest calls any exception but a failed assertion an error; only one outside of a test is one to us.
        began = "_FailedTest" not in match[3] and "setUpClass" not in match[2] and "setUpModule" not in match[2]
        found[_dotted(match[2], match[3])] = TestResult("fail" if began else "error", message)
    yield from found.items()


def _dotted(name: str, where: str) -> str:
    """Python 3.11 repeats the method's name behind its class."""
    return where if where.endswith(f".{name}") else f"{where}.{name}"


_TAP = re.compile(r"^( *)(not ok|ok)\b *(\d+)? *(?:- )?(.*)$")
_TAP_SUBTEST = re.compile(r"^( *)# Subtest: (.*)$")
_TAP_DIRECTIVE = re.compile(r"\s+# *(SKIP|TODO)\b.*$", re.IGNORECASE)


def _tap(text: str) -> Iterator[tuple[str, TestResult]]:
    """TAP with subtests, as node, bats and prove print it."""
    if not re.search(r"^\s*(?:TAP version \d+|1\.\.\d+)\b", text, re.MULTILINE):
        return
    parents: list[tuple[int, str]] = []
    lines = text.split("\n")
    for number, line in enumerate(lines):
        if begun := _TAP_SUBTEST.match(line):
            parents = [parent for parent in parents if parent[0] < len(begun[1])]
            parents.append((len(begun[1]), begun[2]))
        elif point := _TAP.match(line):
            parents = [parent for parent in parents if parent[0] < len(point[1])]
            name = _TAP_DIRECTIVE.sub("", point[4]).strip() or f"test {point[3]}"
            outcome: Outcome = "pass" if point[2] == "ok" else "fail"
            if _TAP_DIRECTIVE.search(point[4]):
                outcome = "skip"
            message = "" if outcome == "pass" else _indented(lines, number + 1, len(point[1]))
            yield " > ".join([*(parent for _, parent in parents), name]), TestResult(outcome, message)


def _indented(lines: list[str], begin: int, indent: int) -> str:
    """The diagnostic block or comments behind a test point."""
    end = begin
    while (
        end < len(lines) and end - begin < 60 and (lines[end].startswith((" " * (indent + 2), "#")) or not lines[end])
    ):
        end += 1
    return "\n".join(lines[begin:end])[:_LONGEST_MESSAGE]


_CARGO = re.compile(r"^test (\S+(?: - .*?)?) \.\.\. (ok|FAILED|ignored)", re.MULTILINE)
_CARGO_SAID = r"^---- {} stdout ----\n(.*?)(?=^---- |^failures:)"
_CARGO_OUTCOMES: Mapping[str, Outcome] = {"ok": "pass", "FAILED": "fail", "ignored": "skip"}


def _cargo(text: str) -> Iterator[tuple[str, TestResult]]:
    for section in re.split(r"^\s+(?=Running |Doc-tests )", text, flags=re.MULTILINE):
        where = section.split("\n", 1)[0].split(" (")[0] if section.startswith(("Running", "Doc-tests")) else ""
        for match in _CARGO.finditer(section):
            outcome = _CARGO_OUTCOMES[match[2]]
            said = re.search(_CARGO_SAID.format(re.escape(match[1])), section, re.MULTILINE | re.DOTALL)
            message = said[1][-_LONGEST_MESSAGE:] if said and outcome == "fail" else ""
            yield f"{where} {match[1]}".strip(), TestResult(outcome, message)


_GO = re.compile(r"^\s*--- (PASS|FAIL|SKIP): (\S+)", re.MULTILINE)
_GO_PACKAGE = re.compile(r"^(?:ok|FAIL|\?|---)?\s*\t(\S+)(?:\t|\s+\[)", re.MULTILINE)
_GO_OUTCOMES: Mapping[str, Outcome] = {"PASS": "pass", "FAIL": "fail", "SKIP": "skip"}


def _go_text(text: str) -> Iterator[tuple[str, TestResult]]:
    begin = 0
    for package in _GO_PACKAGE.finditer(text):
        part = text[begin : package.start()]
        begin = package.end()
        if "[build failed]" in text[package.start() : package.end() + 20] or "[setup failed]" in part[-200:]:
            yield f"{package[1]} [build]", TestResult("error", part[-_LONGEST_MESSAGE:])
        for match in _GO.finditer(part):
            message = part[match.end() :][:_LONGEST_MESSAGE] if match[1] == "FAIL" else ""
            yield f"{package[1]} {match[2]}", TestResult(_GO_OUTCOMES[match[1]], message)


def _go_json(text: str) -> Iterator[tuple[str, TestResult]]:
    said: dict[str, str] = {}
    for line in text.split("\n"):
        if not line.startswith('{"'):
            continue
        try:
            event: object = json.loads(line)
        except ValueError:
            continue
        fields = {str(key): str(value) for key, value in event.items()} if isinstance(event, dict) else {}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType] - untyped JSON, taken as text
        name = f"{fields.get('Package', '')} {fields.get('Test', '')}".strip()
        action = fields.get("Action", "")
        if action == "output":
            said[name] = (said.get(name, "") + fields.get("Output", ""))[-_LONGEST_MESSAGE:]
        elif fields.get("Test") and action.upper() in _GO_OUTCOMES:
            yield name, TestResult(_GO_OUTCOMES[action.upper()], said.get(name, ""))
        elif action == "build-fail" or (action == "fail" and "[build failed]" in said.get(name, "")):
            yield f"{name} [build]", TestResult("error", said.get(name, ""))


_MARK = re.compile(r"^( *)([✓✔√✗✘✖✕×﹣○]|\d+\)) +(.+?)(?: \(?\d+(?:\.\d+)? ?m?s\)?)?(?: # SKIP.*)?$", re.MULTILINE)


def _check_marks(text: str) -> Iterator[tuple[str, TestResult]]:
    """Names behind marks, as node's other reporter, jest, mocha and vitest print them."""
    for match in _MARK.finditer(text):
        mark = match[2]
        outcome: Outcome = "pass" if mark in "✓✔√" else "skip" if mark in "﹣○" or "# SKIP" in match[0] else "fail"
        yield match[3].strip(), TestResult(outcome)
