"""ruff on Python files: only rules about what the code does, none about how it looks."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from pydantic import BaseModel, TypeAdapter

from app.domain.edits import Edit
from app.domain.findings import Category, Severity
from reviewers.linters.base import Hit, Linter, as_title, has_suffix
from reviewers.linters.run import Output

SELECTED = (
    "F502,F503,F504,F505,F506,F507,F508,F509,F521,F522,F523,F524,F525,F601,F602,F631,F632,F633,F634,F701,F702,F704,"
    "F706,F707,F811,F821,F822,F823,F901,E9,B002,B003,B005,B006,B012,B015,B016,B017,B020,B021,B022,B023,B025,B026,"
    "B029,B030,B031,B032,B033,B035,B039,ASYNC,PLE,PLW0120,PLW0127,PLW0128,PLW0129,PLW0131,PLW0133,PLW0177,"
    "PLW0211,PLW0245,PLW0711,PLW1501,PLW1507,PLW1508,PLW1509,PLW2101,PLR0124,RUF006,RUF008,RUF009,RUF016,RUF018,"
    "RUF024,RUF026,RUF030,RUF032,RUF034,RUF040,S301,S302,S306,S307,S323,S324,S501,S502,S503,S504,S505,S506,S507,"
    "S508,S509,S602,S604,S605,S608,S609,S611,S612,S701,S702,LOG,T10,SIM222,SIM223"
)


class _Row(NamedTuple):
    """What we say about rules that start with `prefix`; the longest prefix that fits wins."""

    prefix: str
    severity: Severity
    category: Category
    body: str
    stands_alone: bool = False
    # Empty: the tool's own message, which names the thing.
    title: str = ""


_HIGH, _MEDIUM, _LOW = Severity.HIGH, Severity.MEDIUM, Severity.LOW
_WRONG, _UNSAFE = Category.CORRECTNESS, Category.SECURITY

_TABLE = (
    _Row("", _MEDIUM, _WRONG, "The code very likely does not do what it says."),
    _Row("invalid-syntax", _HIGH, _WRONG, "Python cannot parse the file, so importing it fails.", True),
    _Row("E999", _HIGH, _WRONG, "Python cannot parse the file, so importing it fails.", True),
    _Row("F50", _HIGH, _WRONG, "Formatting raises or prints the wrong thing when this line runs.", True),
    _Row("F504", _MEDIUM, _WRONG, "A value is passed and never printed: the text is probably missing a part."),
    _Row("F52", _HIGH, _WRONG, "`str.format` raises or leaves a value out when this line runs.", True),
    _Row("F522", _MEDIUM, _WRONG, "A value is passed and never printed: the text is probably missing a part."),
    _Row("F523", _MEDIUM, _WRONG, "A value is passed and never printed: the text is probably missing a part."),
    _Row("F60", _MEDIUM, _WRONG, "The later value silently replaces the earlier one."),
    _Row("F631", _HIGH, _WRONG, "A tuple with something in it is always true, so the assertion never fails.", True),
    _Row("F632", _MEDIUM, _WRONG, "`is` compares identity, which for literals depends on the interpreter's caching."),
    _Row("F634", _HIGH, _WRONG, "A tuple with something in it is always true, so the branch is always taken.", True),
    _Row("F7", _HIGH, _WRONG, "Python refuses to compile this, so importing the file fails.", True),
    _Row("F811", _MEDIUM, _WRONG, "The earlier definition is replaced and can never be reached."),
    _Row("F82", _HIGH, _WRONG, "When this line runs it raises `NameError`.", True),
    _Row(
        "F822",
        _MEDIUM,
        _WRONG,
        "`from module import *` raises `AttributeError` for a name in `__all__` that does not exist.",
    ),
    _Row("F901", _HIGH, _WRONG, "`NotImplemented` is not an exception: raising it gives a `TypeError`.", True),
    _Row(
        "B006",
        _MEDIUM,
        _WRONG,
        "The default is made once: what one call puts in is still there in the next.",
        title="Mutable default argument is shared between calls",
    ),
    _Row("B012", _MEDIUM, _WRONG, "Leaving from `finally` swallows the exception that was on its way."),
    _Row("B017", _LOW, Category.TESTS, "Any exception passes the test, also one from a typing error in it."),
    _Row("B023", _HIGH, _WRONG, "The function sees the variable's last value, not the one of its own iteration.", True),
    _Row("B025", _MEDIUM, _WRONG, "The second handler can never run."),
    _Row("ASYNC", _MEDIUM, Category.CONCURRENCY, "While this runs, the event loop serves nothing else."),
    _Row("ASYNC109", _LOW, Category.CONCURRENCY, "A caller's own timeout does the same and composes."),
    _Row("ASYNC110", _LOW, Category.CONCURRENCY, "Polling wastes time between polls; an event wakes at once."),
    _Row("LOG", _LOW, Category.MAINTAINABILITY, "The log record will not say what was meant."),
    _Row("PLW1508", _MEDIUM, _WRONG, "`os.getenv` returns text when the variable is set, and this when it is not."),
    _Row(
        "PLW1509", _MEDIUM, Category.CONCURRENCY, "Code between fork and exec can deadlock in a program with threads."
    ),
    _Row(
        "RUF006",
        _MEDIUM,
        Category.CONCURRENCY,
        "The event loop keeps only a weak reference: the task may be collected before it is done.",
        title="Task is started and no reference to it is kept",
    ),
    _Row("RUF008", _MEDIUM, _WRONG, "All instances share the one object.", title="Mutable class default is shared"),
    _Row("RUF009", _MEDIUM, _WRONG, "The call runs once, when the class is made, not for each instance."),
    _Row("S", _MEDIUM, _UNSAFE, "With input that an attacker can influence, this is a way in."),
    _Row("S301", _MEDIUM, _UNSAFE, "Loading a pickle runs whatever code its author put in."),
    _Row("S307", _MEDIUM, _UNSAFE, "`eval` runs any code that reaches it; `ast.literal_eval` reads plain values."),
    _Row("S324", _LOW, _UNSAFE, "Collisions can be made; say `usedforsecurity=False` where that does not matter."),
    _Row("S50", _MEDIUM, _UNSAFE, "Whoever sits between the two machines can read and change what is sent."),
    _Row("S506", _MEDIUM, _UNSAFE, "This loader makes any Python object the text asks for; `safe_load` does not."),
    _Row("S60", _HIGH, _UNSAFE, "A shell interprets the text: whoever controls a part of it runs commands.", True),
    _Row(
        "S604",
        _MEDIUM,
        _UNSAFE,
        "If this reaches a shell, whoever controls a part of the text runs commands.",
        title="A function is called with `shell=True`",
    ),
    _Row(
        "S602",
        _HIGH,
        _UNSAFE,
        "A shell interprets the text: whoever controls a part of it runs commands.",
        True,
        title="A program is started through the shell",
    ),
    _Row(
        "S605",
        _HIGH,
        _UNSAFE,
        "A shell interprets the text: whoever controls a part of it runs commands.",
        True,
        title="A program is started through the shell",
    ),
    _Row(
        "S608",
        _MEDIUM,
        _UNSAFE,
        "Values put into SQL as text are SQL: pass them as parameters.",
        title="SQL is built from text that may come from elsewhere",
    ),
    _Row("S611", _MEDIUM, _UNSAFE, "Values put into SQL as text are SQL: pass them as parameters."),
    _Row("S70", _MEDIUM, _UNSAFE, "Text from users becomes markup and script in the page."),
    _Row("SIM22", _MEDIUM, _WRONG, "The condition has one result whatever the values are."),
    _Row(
        "T10",
        _MEDIUM,
        Category.MAINTAINABILITY,
        "The program stops here and waits for someone at a terminal.",
        title="A debugger call was left in",
    ),
)
_BY_LENGTH = sorted(_TABLE, key=lambda row: len(row.prefix), reverse=True)
# The shell gets a text without any part from elsewhere; ruff says so itself.
_HARMLESS_SHELL = re.compile(r"seems safe", re.IGNORECASE)
# Built into Python 2: code for both names them where Python 3 does not come, which ruff cannot see.
_IN_PYTHON_2 = re.compile(r"`(StandardError|basestring|buffer|execfile|long|raw_input|unichr|unicode|xrange)`")


class _Location(BaseModel):
    row: int


class _Point(_Location):
    column: int


class _Edit(BaseModel):
    content: str
    location: _Point
    end_location: _Point


class _Fix(BaseModel):
    applicability: str
    edits: list[_Edit]


class _Diagnostic(BaseModel):
    code: str | None
    message: str
    filename: str
    location: _Location
    end_location: _Location
    fix: _Fix | None = None


_DIAGNOSTICS = TypeAdapter(list[_Diagnostic])


# Not UTF-8, which may be good Python with a coding line: a file ruff cannot read, not a mistake in it.
_CANNOT_READ = "E902"


def _parse(output: Output) -> list[Hit]:
    diagnostics = _DIAGNOSTICS.validate_json(output.stdout)
    return [_hit(diagnostic) for diagnostic in diagnostics if diagnostic.code != _CANNOT_READ]


def _unread(output: Output, _: Sequence[str]) -> dict[str, str]:
    diagnostics = _DIAGNOSTICS.validate_json(output.stdout)
    return {one.filename: f"ruff: {one.message}" for one in diagnostics if one.code == _CANNOT_READ}


def _hit(diagnostic: _Diagnostic) -> Hit:
    rule = diagnostic.code or "invalid-syntax"
    row = next(row for row in _BY_LENGTH if rule.startswith(row.prefix))
    harmless = rule.startswith("S60") and _HARMLESS_SHELL.search(diagnostic.message) is not None
    harmless = harmless or (rule == "F821" and _IN_PYTHON_2.search(diagnostic.message) is not None)
    return Hit(
        rule=rule,
        path=diagnostic.filename,
        start_line=diagnostic.location.row,
        end_line=max(diagnostic.location.row, diagnostic.end_location.row),
        title=row.title or as_title(diagnostic.message),
        body=row.body,
        severity=_LOW if harmless else row.severity,
        category=row.category,
        stands_alone=row.stands_alone and not harmless,
        edits=_edits(diagnostic.fix) if diagnostic.fix else (),
    )


def _edits(fix: _Fix) -> tuple[Edit, ...]:
    """None of a fix that ruff itself does not call safe."""
    if fix.applicability != "safe":
        return ()
    return tuple(
        Edit((one.location.row, one.location.column), (one.end_location.row, one.end_location.column), one.content)
        for one in fix.edits
    )


RUFF = Linter(
    name="ruff",
    program="ruff",
    package="ruff",
    reads=has_suffix(".py", ".pyi"),
    # The newest syntax: which Python a project runs on is not known, and old versions would be syntax errors.
    arguments=lambda _home, _files: (
        "check", "--isolated", "--no-cache", "--exit-zero", "--target-version", "py314",
        "--select", SELECTED, "--output-format", "json",
    ),
    parse=_parse,
    once_per_file=frozenset({"invalid-syntax", "E999"}),
    unread=_unread,
)  # fmt: skip
