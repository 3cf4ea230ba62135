"""Whether a patch leaves the tests that are there as strict as they were: they may be added to, and nothing else."""

import re
from collections.abc import Collection

from autofix.patches import FilePatch, ParsedPatch
from autofix.verify_files import Parts

_IMPORT = re.compile(r"\s*(?:from\s+\S+\s+)?(?:import|require|use|include|#include|source|\.)\b|.*\brequire\(")
_COMMENT = re.compile(r"\s*(?:#(?!\[|include)|//|--|\*|/\*|$)")
_WORD = re.compile(r"\w+")
# Words that take tests out of the run, or end it early, in any of the languages.
_SWITCHED_OFF = re.compile(
    r"@(?:pytest\.mark\.|unittest\.)?(?:skip|xfail)|\bskipTest\b|\bpytest\.(?:skip|xfail|importorskip|exit)\b|SkipTest"
    r"|\.(?:skip|only|todo|failing|fixme)\b|\b(?:xit|xtest|xdescribe|fit|fdescribe)\s*\(|\bskip\s*:\s*true|\btodo\s*:\s*true"
    r"|\bt\.Skip|#\[ignore|@(?:Ignore|Disabled)\b|\bos\._exit\b|\bsys\.exit\b|\bprocess\.exit\b|^\s*exit\s+0\b"
    r"|\bpytest_(?:runtest|collection|pyfunc|sessionfinish|report|assertrepr)\w*|\bdef pytest_\w+|^\s*pytest_\w+\s*="
    r"|\bhook(?:impl|wrapper)\b|autouse\s*=\s*True|collect_ignore"
)
# A test in the product's own file: Rust's, and Python's doctests.
_INLINE_TEST = re.compile(
    r"\s*#\[(?:cfg\(test\)|test|tokio::test)\]|\s*(?:>>>|\.\.\.) |\s*(?:debug_)?assert(?:_eq|_ne)?!\("
)
_READS_FILES = re.compile(
    r"\bopen\(|read_text|read_bytes|readFile|getsource|ast\.parse|\bgrep\b|\bsed\b|\bawk\b|\bcat\b|\bcmp\b|\bdiff\b|fopen"
    r"|read_to_string|include_str!|ReadFile"
)
# As commands, and not as words of a test.
_LOOKS_AT_FILES = re.compile(r"\b(?:wc|head|tail|stat|ls|find|md5sum|sha\d*sum|cksum|git)\b|\btest\s+-|\[\s+-")
# Asks what the code has, not what it does: a name that only the fix brings would turn such a test green.
_ASKS_FOR_NAMES = re.compile(
    r"\bhasattr\(|\bgetattr\([^()]*,[^()]*,|\bdir\(|\bvars\(|__dict__|\binspect\.|\bco_\w+|\btypeof\s+\w+\s*[!=]==?\s*.undefined"
    r"|\bcommand -v\b|\btype -t\b|__(?:doc|code|globals|annotations|defaults|version)__|\w\.__file__"
    r"|\.toString\(\)\.(?:includes|match|length|indexOf|search)"
)
# The product has no business to know whether a test is looking, or to stand in the place of what runs the tests.
_KNOWS_OF_TESTS = re.compile(
    r"PYTEST_|\bpytest\b|\bunittest\b|NODE_TEST_CONTEXT|JEST_WORKER_ID|\bVITEST\b|testing\.Testing\(|\bcfg!?\(test\)"
    r"|sys\._getframe|inspect\.stack|traceback\.extract_stack|\bgettrace\(|sys\.modules|new Error\(\)\.stack"
)
_STANDS_IN = re.compile(
    r"(?:^|/)(?:_?pytest|unittest|doctest|nose|assert|test|jest|vitest|mocha)(?:\.[cm]?[jt]s|\.py|/.*)"
)


def objection(patch: ParsedPatch, parts: Parts) -> str:
    """What it does to tests that it must not, a phrase that reads after "the fix"; empty when nothing."""
    if parts.setup:
        return f"changes how the tests run ({parts.setup[0].path})"
    each = (_old_test, parts.old_tests), (_any_test, parts.tests), (_product, parts.product)
    said = (look(file) for look, files in each for file in files)
    return next((words for words in said if words), "") or _reads_the_code(patch, parts)


def _old_test(file: FilePatch) -> str:
    if file.status == "deleted":
        return f"deletes {file.old_path}"
    if file.status == "renamed":
        return f"moves {file.old_path}"
    line = changed_line(file)
    return f"changes a line of an existing test ({file.path}:{line})" if line else ""


def _any_test(file: FilePatch) -> str:
    line = next((number for number, text in file.added if _SWITCHED_OFF.search(text)), None)
    return f"switches tests off ({file.path}:{line})" if line else ""


def _product(file: FilePatch) -> str:
    if any(_INLINE_TEST.match(text) for _, text in file.removed):
        return f"removes a test that stands in {file.path}"
    if file.status == "added" and _STANDS_IN.fullmatch(file.path):
        return f"adds a file in the place of what runs the tests ({file.path})"
    line = next((number for number, text in file.added if _KNOWS_OF_TESTS.search(text)), None)
    return f"asks whether a test is looking ({file.path}:{line})" if line else ""


def changed_line(file: FilePatch) -> int | None:
    """A line of the old file that is gone, comments aside; an import may grow. None when all still stand."""
    added = [set(_WORD.findall(text)) for _, text in file.added]
    kept = {text for _, text in file.added}
    for number, text in file.removed:
        grown = _IMPORT.match(text) and any(set(_WORD.findall(text)) <= words for words in added)
        # The last line of a file is "changed" when it only gets its line end.
        if not (_COMMENT.match(text) or grown or (text in kept and number == _last_line(file))):
            return number
    return None


def _last_line(file: FilePatch) -> int | None:
    """The number of the old file's last line, where the patch shows that it had no end."""
    if not file.hunks or not any(
        line.kind == "removed" and not line.text.endswith("\n") for line in file.hunks[-1].lines
    ):
        return None
    return max((number for number, _ in file.removed), default=None)


def _reads_the_code(patch: ParsedPatch, parts: Parts) -> str:
    """A test that looks for the fix's text proves nothing about what the code does."""
    names = _file_names(patch, parts)
    for file in (*parts.new_tests, *parts.old_tests):
        for number, text in file.added:
            if _READS_FILES.search(text) and any(name in text for name in names):
                return f"has a test that reads the code instead of running it ({file.path}:{number})"
            if _ASKS_FOR_NAMES.search(text):
                return f"has a test that asks what the code has instead of what it does ({file.path}:{number})"
    return ""


def reads_the_code(command: str, patch: ParsedPatch, parts: Parts) -> bool:
    """Whether a command looks for the fix's text rather than run it."""
    looks = _READS_FILES.search(command) or _LOOKS_AT_FILES.search(command)
    return looks is not None and any(name in command for name in _file_names(patch, parts))


def _file_names(patch: ParsedPatch, parts: Parts) -> Collection[str]:
    tests = {file.path for file in parts.tests}
    return {path.rpartition("/")[2] for path in patch.paths - tests}
