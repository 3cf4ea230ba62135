"""Why a test is red on head: because the code does the wrong thing, or only because the test cannot run there."""

import re
from collections.abc import Collection, Mapping

from autofix.checks import CheckRun

# What says that the test itself did not get as far as the code: a missing name, another signature, broken syntax.
_CANNOT_RUN: Mapping[str, re.Pattern[str]] = {
    "it cannot be imported on head": re.compile(
        r"ModuleNotFoundError|\bImportError\b|ERR_MODULE_NOT_FOUND|Cannot find module|ERR_REQUIRE_ESM"
        r"|cannot import name|does not provide an export named|unresolved import|cannot find package"
    ),
    "its syntax is broken": re.compile(
        r"\bSyntaxError\b|IndentationError|TabError|syntax error|unexpected EOF|Unexpected token"
    ),
    "it does not compile on head": re.compile(
        r"\[build failed\]|could not compile|error\[E\d{4}\]|undefined reference to|cannot find symbol|error TS\d{4}"
        r"|\.(?:c|cc|cpp|cxx|h|hpp):\d+:\d+: (?:fatal )?error: |implicit declaration of function"
    ),
    "it uses what head does not have": re.compile(
        r"\bNameError\b|ReferenceError|(?:module|type object) '[\w.]+' has no attribute"
        r"|'(?!NoneType')\w+' object has no attribute|unexpected keyword argument|positional arguments? but"
        r"|required positional argument|is not a function|fixture '\w+' not found|command not found|: not found$",
        re.MULTILINE,
    ),
}
_PYTHON_FRAME = re.compile(
    r"^\s*File \"([^\"\n]+)\", line \d+|^(\S+\.py):\d+: (?:in |\w*(?:Error|Exception|Exit))", re.MULTILINE
)
_NODE_FRAME = re.compile(r"\(?(?:file://)?(/[^\s():']+\.[cm]?[jt]sx?):\d+:\d+\)?")
# Where node's own report says that the test stands: not where it failed.
_NODE_LOCATION = re.compile(r"^\s*location: .*$", re.MULTILINE)
_EXIT_CODES = {126: "its command cannot be run", 127: "its command is not there"}


def wrong_reason(run: CheckRun, names: Collection[str], tests: Collection[str]) -> str:
    """Why a red run on head says nothing about the code; empty when it does.

    `names` are the red tests that count, `tests` the paths of test files that the patch touches.
    """
    if not names:
        if run.ran.ended.exit_code in _EXIT_CODES:
            return _EXIT_CODES[run.ran.ended.exit_code]
        return _cannot_run(run.output, tests)
    reasons = [_test_reason(run, name, tests) for name in names]
    # One honest red test is enough; the others may be about what the fix adds.
    return "" if "" in reasons else reasons[0]


def _test_reason(run: CheckRun, name: str, tests: Collection[str]) -> str:
    result = run.tests[name]
    reason = _cannot_run(result.message, tests)
    return reason or ("it fails before it begins" if result.outcome == "error" else "")


def _cannot_run(text: str, tests: Collection[str]) -> str:
    for reason, pattern in _CANNOT_RUN.items():
        if pattern.search(text) and not _raised_in_product(text, tests):
            return reason
    return ""


def _raised_in_product(text: str, tests: Collection[str]) -> bool:
    """Whether the newest frame lies in a file that the patch's tests did not bring: then it is the code that fails."""
    text = _NODE_LOCATION.sub("", text)
    frames = [match[1] or match[2] for match in _PYTHON_FRAME.finditer(text)]
    # Python prints the newest frame last, node first.
    newest = frames[-1] if frames else next((match[1] for match in _NODE_FRAME.finditer(text)), "")
    library = re.search(r"/node_modules/|/site-packages/|/lib/python3|node:internal|unittest/", newest)
    return bool(newest) and not library and not any(newest.endswith(test) for test in tests)
