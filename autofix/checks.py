"""The repository's own checks: which they are, how they are run, and whether they became worse, test by test."""

import json
import re
import shlex
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from app.sandboxes.base import WORK, Ran, Room
from autofix.checks_results import Results, TestResult, read

# Root files that say how a repository is tested.
TELLING_FILES = (
    "pytest.ini", "pyproject.toml", "tox.ini", "setup.cfg", "conftest.py", "package.json", "go.mod", "Cargo.toml",
    "Makefile", "makefile", "GNUmakefile",
)  # fmt: skip

_PYTEST = re.compile(r"^\[(?:tool\.pytest|tool:pytest|pytest\b)", re.MULTILINE)
_MAKE_TEST = re.compile(r"^test\s*:(?!=)", re.MULTILINE)
# "suite > test", "file.py::Class::test", "package Test/sub" and "Running src/lib.rs tests::it", "module.Class.test".
_LAST_PARTS = tuple(re.compile(p) for p in (r".* > (.+)", r"\S*::(.+)", r".*[/.]\S* (\S+)", r"[\w.]+\.(\w+)"))
# Whether pytest is there, then the Python files that are called tests.
_LOOK = (
    "python3 -c 'import pytest' 2>/dev/null && echo pytest || echo none;"
    " find . -maxdepth 6 -name node_modules -prune -o -path './.*' -prune -o -name '*test*.py' -print"
)
_NO_TESTS = "no test specified"
_SUMMARY = re.compile(r"^Ran (\d+) tests? in ", re.MULTILINE)
_SKIPPED = re.compile(r"^(?:OK|FAILED) \(.*?skipped=(\d+)", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class CheckRun:
    """One command's run: how it ended and what became of each test that it named."""

    command: str
    ran: Ran
    tests: Results = field(default_factory=dict[str, TestResult])
    junit: bytes | None = None

    @property
    def passed(self) -> bool:
        return self.ran.passed and not self.red

    @property
    def red(self) -> list[str]:
        return [name for name, result in self.tests.items() if result.is_red]

    @property
    def output(self) -> str:
        return self.ran.output.decode("utf-8", "replace")

    @property
    def summary(self) -> str:
        """ "212 pass", "3 fail, 1 skipped, 212 pass", or how it ended where no test was named."""
        outcomes = [result.outcome for result in self.tests.values()]
        words = (("fail", "fail"), ("error", "error"), ("skip", "skipped"), ("pass", "pass"))
        counts = [f"{outcomes.count(kind)} {word}" for kind, word in words if kind in outcomes]
        if counts:
            return ", ".join(counts)
        if self.ran.ended.ending != "exited":
            return self.ran.ended.ending.replace("_", " ")
        return "pass" if self.ran.passed else f"exit code {self.ran.ended.exit_code}"


def detect(telling: Mapping[str, str], paths: Collection[str], *, has_pytest: bool = True) -> tuple[str, ...]:
    """Commands for what the root files and the names of test files tell; empty when nothing is recognised."""
    found = [command for command in (_python(telling, paths, has_pytest=has_pytest), _npm(telling)) if command]
    if "go.mod" in telling:
        found.append("go test ./...")
    if "Cargo.toml" in telling:
        found.append("cargo test --offline")
    if not found and any(_MAKE_TEST.search(telling.get(name, "")) for name in ("Makefile", "makefile", "GNUmakefile")):
        found.append("make test")
    return tuple(found)


async def find(room: Room, configured: Sequence[str], *, folder: str = WORK) -> tuple[str, ...]:
    """The configured commands, else the detected ones."""
    if configured:
        return tuple(configured)
    files = await room.read([f"{folder}/{name}" for name in TELLING_FILES], max_bytes=2_000_000)
    telling = {path.rpartition("/")[2]: content.decode("utf-8", "replace") for path, content in files.items()}
    looked = await room.run(("/bin/sh", "-c", _LOOK), cwd=folder)
    has_pytest, *names = looked.output.decode("utf-8", "replace").splitlines() or [""]
    return detect(telling, [name.removeprefix("./") for name in names], has_pytest=has_pytest == "pytest")


async def run(
    room: Room,
    command: str,
    *,
    exec_id: str = "",
    folder: str = WORK,
    scratch: str = "/tmp/checks",  # noqa: S108 - inside the sandbox
    env: Mapping[str, str] | None = None,
    within: timedelta = timedelta(minutes=10),
) -> CheckRun:
    """Run one command and read its results. `scratch` is a folder inside that no other run uses."""
    report = f"{scratch}/junit.xml"
    ran = await room.run(
        ("/bin/sh", "-c", f'mkdir -p "$TMPDIR" && {{ {command}\n}}'),
        exec_id=exec_id,
        cwd=folder,
        env={**_environment(scratch, report), **(env or {})},
        within=within,
        output_bytes=1_000_000,
    )
    junit = (await room.read([report])).get(report)
    tests = dict(read(ran.output.decode("utf-8", "replace"), junit))
    return CheckRun(command=command, ran=ran, tests=tests, junit=junit)


def worse(before: CheckRun, after: CheckRun) -> list[str]:
    """Why it is worse than before, a phrase each: "test_rates_expire fails with it". Empty when it is not."""
    reasons: list[str] = []
    for name, was in before.tests.items():
        now = after.tests.get(name)
        if now is None and was.outcome != "skip":
            reasons.append(f"{short(name)} is gone with it")
        elif now is not None and was.outcome == "pass" and now.outcome == "skip":
            reasons.append(f"{short(name)} is skipped with it")
        elif now is not None and now.is_red and not was.is_red:
            reasons.append(f"{short(name)} fails with it")
    if reasons or set(after.red) & set(before.red):
        return reasons
    if new := sorted(set(after.red) - set(before.tests)):
        return [f"{short(new[0])}, which it adds, fails"]
    return _worse_ending(before, after)


def says_nothing(run: CheckRun) -> bool:
    """Whether it would be the same for any fix: it fails as a whole, only collects its tests, or skips all of them."""
    if any(result.outcome == "pass" for result in run.tests.values()):
        return False
    return bool(run.tests) or run.junit is not None or not run.ran.passed


def short(name: str) -> str:
    """The last part of a test's name, for a sentence."""
    for pattern in _LAST_PARTS:
        if found := pattern.fullmatch(name):
            return found[1][:60]
    return name[:60]


def is_simple(command: str) -> bool:
    """One program and its arguments, without the shell's own language."""
    try:
        shlex.split(command)
    except ValueError:
        return False
    return not re.search(r"[;&|<>`$\n]", command)


def _worse_ending(before: CheckRun, after: CheckRun) -> list[str]:
    """For what no test's name tells: exit codes, and the counts that some programs print instead of names."""
    if before.ran.passed and not after.ran.passed:
        return [f"{after.command} fails with it ({after.summary})"]
    ran_before, ran_after = _number(_SUMMARY, before.output), _number(_SUMMARY, after.output)
    if ran_before is not None and (ran_after is None or ran_after < ran_before):
        return [f"fewer tests run with it ({ran_after or 0} instead of {ran_before})"]
    if (_number(_SKIPPED, after.output) or 0) > (_number(_SKIPPED, before.output) or 0):
        return ["more tests are skipped with it"]
    if after.ran.ended.ending != "exited" and before.ran.ended.ending == "exited":
        return [f"{after.command} does not end with it ({after.summary})"]
    return []


def _number(pattern: re.Pattern[str], text: str) -> int | None:
    found = pattern.findall(text)
    return sum(int(number) for number in found) if found else None


def _environment(scratch: str, report: str) -> dict[str, str]:
    """Nothing that one run leaves may reach the next."""
    return {
        "CI": "1",
        "TMPDIR": f"{scratch}/tmp",  # noqa: S108 - inside the sandbox
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
        "PYTEST_ADDOPTS": f"--junitxml={report} -p no:cacheprovider",
        "GOFLAGS": "-v",
        "NO_COLOR": "1",
        "LC_ALL": "C.UTF-8",
    }


def _python(telling: Mapping[str, str], paths: Collection[str], *, has_pytest: bool) -> str:
    configured = "pytest.ini" in telling or any(_PYTEST.search(telling.get(name, "")) for name in TELLING_FILES[1:4])
    tests = [path for path in paths if re.fullmatch(r"(?:.*/)?(?:test_[^/]*|[^/]*_test)\.py", path)]
    if not configured and not tests:
        return ""
    if configured or has_pytest:
        return "python3 -m pytest -q"
    at_root = any("/" not in path for path in tests)
    return "python3 -m unittest -v" if at_root else f"python3 -m unittest discover -v -s {tests[0].partition('/')[0]}"


def _npm(telling: Mapping[str, str]) -> str:
    try:
        package: object = json.loads(telling.get("package.json", "null"))
    except ValueError:
        return ""
    scripts: object = package.get("scripts") if isinstance(package, dict) else None  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType] - untyped JSON, narrowed below
    test: object = scripts.get("test") if isinstance(scripts, dict) else None  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType] - untyped JSON, narrowed below
    return "npm test --silent" if isinstance(test, str) and test and _NO_TESTS not in test else ""
