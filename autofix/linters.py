"""The linters that a repository has configured itself and that its sandbox has: which, and how they are asked."""

import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from app.sandboxes.base import WORK, Room

# Answering with one's version is quick; a program that does not is as good as none.
_ANSWERS_WITHIN = timedelta(minutes=1)
_LARGEST_FILE = 2_000_000
# path:line[:column[:end line:end column]]: text, as nearly all of them write it.
_PLACE = r"^(?P<path>[^\s:][^:\n]*):\d+(?::\d+)*: "
_PYTHON = frozenset({"py", "pyi"})
_SCRIPTS = frozenset({"js", "mjs", "cjs", "jsx", "ts", "mts", "cts", "tsx", "vue", "svelte"})


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What one linter is known by, and what its answer means."""

    # Root files, and what in them says that it is used; an empty text is a file that is there.
    configured: Mapping[str, str]
    # Tried in this order.
    programs: Sequence[str]
    # Behind the program; the paths of files follow where it is asked by file.
    words: str
    # Whose change it has anything to say of.
    suffixes: frozenset[str]
    by_file: bool
    # Which exit codes say neither that it broke nor that it was called wrongly?
    looked: Callable[[int], bool]
    message: re.Pattern[str]
    # A line after which there may be more to find than it says.
    cut_short: re.Pattern[str] | None = None
    version: str = "--version"
    # What it needs behind its words where the configuration does not say what to look at.
    everything: str = ""
    says_what: re.Pattern[str] | None = None
    # A line that names the file for the messages under it, where they do not name it.
    heading: re.Pattern[str] | None = None


@dataclass(frozen=True)
class Linter:
    """One that can be asked here."""

    name: str
    kind: Kind
    command: str

    def asked(self, paths: Sequence[str]) -> str:
        """The command for a change of those files; empty when it has nothing to say of them."""
        own = [path for path in paths if path.rpartition(".")[2] in self.kind.suffixes]
        if not own:
            return ""
        return (
            " ".join([self.command, *(shlex.quote(f"./{path}") for path in own)]) if self.kind.by_file else self.command
        )


def detect(telling: Mapping[str, str]) -> tuple[str, ...]:
    """Names of those that the root files configure."""
    return tuple(name for name, kind in KINDS.items() if any(_tells(telling, *row) for row in kind.configured.items()))


async def find(room: Room, configured_checks: Sequence[str], *, folder: str = WORK) -> tuple[Linter, ...]:
    """None where the repository has said itself what its checks are: then they are those."""
    if configured_checks:
        return ()
    files = await room.read([f"{folder}/{name}" for name in _TELLING_FILES], max_bytes=_LARGEST_FILE)
    telling = {path.rpartition("/")[2]: content.decode("utf-8", "replace") for path, content in files.items()}
    names = detect(telling)
    if not names:
        return ()
    script = "\n".join(_first_that_answers(number, KINDS[name]) for number, name in enumerate(names))
    ran = await room.run(("/bin/sh", "-c", script), cwd=folder, within=_ANSWERS_WITHIN)
    answered = set(ran.output.decode("utf-8", "replace").splitlines())
    return tuple(
        _linter(name, program, telling)
        for number, name in enumerate(names)
        for at, program in enumerate(KINDS[name].programs)
        if f"{number} {at}" in answered
    )


def _tells(telling: Mapping[str, str], name: str, section: str) -> bool:
    return name in telling and re.search(section, telling[name], re.MULTILINE) is not None


def _first_that_answers(number: int, kind: Kind) -> str:
    """Shell that prints the linter's number and that of its program."""
    tries = (
        f"if {program} {kind.version} >/dev/null 2>&1 </dev/null; then echo {number} {at}"
        for at, program in enumerate(kind.programs)
    )
    return "; el".join(tries) + "; fi"


def _linter(name: str, program: str, telling: Mapping[str, str]) -> Linter:
    kind = KINDS[name]
    is_said = kind.says_what is not None and any(kind.says_what.search(text) for text in telling.values())
    words = kind.words if is_said or not kind.everything else f"{kind.words} {kind.everything}"
    return Linter(name, kind, f"{program} {words}")


def _of_python(name: str) -> tuple[str, ...]:
    return (f".venv/bin/{name}", f"venv/bin/{name}", name, f"python3 -m {name}")


# Options say how to print and nothing else: what is found is the repository's own choice.
KINDS: Mapping[str, Kind] = {
    "mypy": Kind(
        configured={
            "mypy.ini": "", ".mypy.ini": "", "pyproject.toml": r"^\[{1,2}tool\.mypy\b", "setup.cfg": r"^\[mypy\b",
        },
        programs=_of_python("mypy"),
        words="--no-pretty --no-color-output --no-error-summary --show-error-codes",
        everything=".",
        says_what=re.compile(
            r"^\[(?:tool\.)?mypy\][^\n]*\n(?:(?!\[)[^\n]*\n)*?(?:files|packages|modules)\s*=", re.MULTILINE
        ),
        suffixes=_PYTHON,
        by_file=False,
        looked=lambda code: code in {0, 1},
        message=re.compile(_PLACE + r"error: (?P<text>.+)$"),
    ),
    "pylint": Kind(
        configured={
            ".pylintrc": "", "pylintrc": "", ".pylintrc.toml": "", "pylintrc.toml": "",
            "pyproject.toml": r"^\[tool\.pylint\b", "setup.cfg": r"^\[pylint\b", "tox.ini": r"^\[pylint\b",
        },
        programs=_of_python("pylint"),
        # Of two copies it is chance which one it names as the other's.
        words="--output-format=text --msg-template='{path}:{line}:{column}: {msg_id}: {msg} ({symbol})'"
        " --score=n --reports=n --persistent=n --disable=duplicate-code",
        suffixes=_PYTHON,
        by_file=True,
        # A sum of what it found; 1 in it is a file that it could not look at, and 32 is a wrong option.
        looked=lambda code: code < 32 and code % 2 == 0,
        message=re.compile(_PLACE + r"(?P<text>[A-Z]\d{4}: .+)$"),
        cut_short=re.compile(r": E0001: "),
    ),
    "flake8": Kind(
        configured={".flake8": "", "setup.cfg": r"^\[flake8\b", "tox.ini": r"^\[flake8\b"},
        programs=_of_python("flake8"),
        words="--format=default",
        suffixes=_PYTHON,
        by_file=True,
        looked=lambda code: code in {0, 1},
        message=re.compile(_PLACE + r"(?P<text>[A-Z]+\d+ .+)$"),
        cut_short=re.compile(r": E999 "),
    ),
    "eslint": Kind(
        configured={
            **{f"eslint.config.{suffix}": "" for suffix in ("js", "mjs", "cjs", "ts", "mts", "cts")},
            **{f".eslintrc{suffix}": "" for suffix in ("", ".js", ".cjs", ".yaml", ".yml", ".json")},
            "package.json": r"^\s*\"eslintConfig\"\s*:",
        },
        # Never npx, which would fetch one.
        programs=("node_modules/.bin/eslint",),
        words="--format stylish --no-color",
        suffixes=_SCRIPTS,
        by_file=True,
        looked=lambda code: code in {0, 1},
        # At 0:0 it says that it did not look.
        message=re.compile(r"^ +[1-9]\d*:\d+ +(?P<text>(?:error|warning) +\S.*)$"),
        heading=re.compile(r"^(?P<path>/.+)$"),
        cut_short=re.compile(r" error +Parsing error: "),
    ),
    "go vet": Kind(
        configured={"go.mod": ""},
        programs=("go",),
        version="version",
        words="vet ./...",
        suffixes=frozenset({"go"}),
        by_file=False,
        looked=lambda code: code in {0, 1, 2},
        message=re.compile(r"^(?:vet: )?(?P<path>[^\s:#][^:\n]*\.go):\d+(?::\d+)*: (?P<text>.+)$"),
        cut_short=re.compile(r"^vet: "),
    ),
    "cargo clippy": Kind(
        configured={"Cargo.toml": ""},
        programs=("cargo clippy",),
        words="--offline --message-format=short",
        suffixes=frozenset({"rs"}),
        by_file=False,
        looked=lambda code: code in {0, 101},
        message=re.compile(_PLACE + r"(?P<text>(?:warning|error)\b(?!: internal compiler error).+)$"),
        cut_short=re.compile(r"^error: could not compile"),
    ),
}  # fmt: skip

_TELLING_FILES = tuple(dict.fromkeys(name for kind in KINDS.values() for name in kind.configured))
