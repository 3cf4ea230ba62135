"""The rules of the house that a machine can check; each exists because it was broken somewhere once."""

import ast
import gc
import re
import shutil
import subprocess
import sys
import tomllib
from collections import defaultdict
from collections.abc import Generator, Iterator, Mapping, Sequence
from functools import cache
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from typing import TypeVar

import pytest

from tests.harness.order import LONGEST

Node = TypeVar("Node", bound=ast.AST)

ROOT = Path(__file__).parent.parent
PRODUCT = ("app/", "workflows/", "reviewers/", "autofix/", "deploy/")

TOP_LEVEL = {
    *("app", "workflows", "reviewers", "autofix", "deploy", "tests", "pyproject.toml", "README.md"),
    *("requirements.lock", "requirements-dev.lock", "LICENSE", "SECURITY.md", "CHANGELOG.md"),
}
# Who may catch everything and not raise it again, and why; each logs the trace.
CATCH_EVERYTHING = {
    "app/web/hooks.py": "the door never answers 5xx to a forge for a fault of ours",
}
# Who may start programs, and which.
START_PROGRAMS = {
    "app/checkouts/git.py": "git, on mirrors and local work",
    "app/forges/fake/git.py": "git, behind the fake forge",
    "reviewers/linters/run.py": "the linters",
    "app/demo/product.py": "the product itself, to be killed before everybody's eyes",
    "app/reviewing/gh_token.py": "gh, for the token a person already has",
    "app/sandboxes/bubblewrap_start.py": "bubblewrap, and the commands that prepare its folders",
    "app/sandboxes/inside/commands.py": "what an agent runs, inside a sandbox",
    "app/sandboxes/inside/supervisor.py": "itself, for each transfer of files, inside a sandbox",
    "app/temporal_server.py": "the embedded Temporal server",
    "app/temporal_child.py": "becomes that server, or watches over it",
    "deploy/bootstrap.py": "makes the environment, before there is anything of ours",
}
# Functions that are one long literal: a table's columns, a payload's fields.
PLAIN_DATA = ("app/store/migrations/", "app/forges/fake/shapes/")
# The probe looks at its own, inside a sandbox.
READ_ENVIRONMENT = {"app/settings.py", "app/sandboxes/probe_attacks.py", "deploy/bootstrap.py"}
PRINT = {"app/cli.py"}
# What starting the command line may load besides the standard library and our own nouns.
CLI_MAY_LOAD = {"app", "typer", "annotated_doc", "shellingham", "click", "typing_extensions", "colorama"}

# Written in pieces, so that this file does not contain them.
HOSTS = ("pypi" + ".org", "pythonhosted" + ".org", "npmjs" + ".org", "npmjs" + ".com", "deb.debian" + ".org")
MACHINE_PATHS = (
    *("/wo" + f"rk/{name}" for name in ("main", "shared", ".library")),
    "/opt/" + "pypi",
    "/opt/" + "wheels",
    "/ro" + "ot/.",
)
PROMISES_TO_ONESELF = ("# TO" + "DO:", "TO" + "DO(", "FIX" + "ME", "XX" + "X:")


@cache
def tracked() -> tuple[str, ...]:
    """What a commit of this tree would hold; names of files that are gone but not yet committed are left out."""
    command = [str(shutil.which("git")), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return tuple(sorted({name for name in listed.split("\0") if name and (ROOT / name).is_file()}))


def python_files(*folders: str) -> list[str]:
    return [name for name in tracked() if name.endswith(".py") and name.startswith(folders or "")]


@pytest.fixture(scope="module", autouse=True)
def parsed_once() -> Generator[None]:
    """A million nodes that the collector would look through again and again; let go when the last rule has read them."""
    gc.disable()
    try:
        yield
    finally:
        for kept in (tree, nodes_of, text_of):
            kept.cache_clear()
        gc.enable()


@cache
def tree(name: str) -> ast.Module:
    return ast.parse(text_of(name), name, feature_version=(3, 11))


@cache
def nodes_of(name: str) -> Mapping[type[ast.AST], Sequence[ast.AST]]:
    found: defaultdict[type[ast.AST], list[ast.AST]] = defaultdict(list)
    for node in ast.walk(tree(name)):
        found[type(node)].append(node)
    return found


def nodes(kind: type[Node], *folders: str) -> Iterator[tuple[str, Node]]:
    for name in python_files(*(folders or PRODUCT)):
        yield from ((name, node) for node in nodes_of(name).get(kind, ()) if isinstance(node, kind))


def dotted(node: ast.AST) -> str:
    """`os.environ` for what is written so; what is not a plain name in front is left out: `.run` for `made().run`."""
    match node:
        case ast.Name():
            return node.id
        case ast.Attribute():
            return f"{dotted(node.value)}.{node.attr}"
        case _:
            return ""


def places(found: Iterator[tuple[str, Node]]) -> list[str]:
    return [f"{name}:{getattr(node, 'lineno', 0)}" for name, node in found]


@cache
def text_of(name: str) -> str:
    return (ROOT / name).read_text(errors="replace")


def test_only_the_agreed_entries_stand_at_the_top() -> None:
    top = {name.partition("/")[0] for name in tracked()}
    assert {name for name in top if not name.startswith(".")} <= TOP_LEVEL


def test_the_files_that_are_begun_first_are_there() -> None:
    assert set(LONGEST) <= set(python_files())


def test_every_file_is_python_3_11() -> None:
    for name in python_files():
        tree(name)


def test_the_first_line_of_every_module_is_a_sentence_that_says_what_it_is_for() -> None:
    def begins_well(name: str) -> bool:
        first = (ast.get_docstring(tree(name)) or "").partition("\n\n")[0]
        return first.endswith((".", ":", "?")) and 20 <= len(first) <= 240

    assert [name for name in python_files() if text_of(name) and not begins_well(name)] == []


def test_packages_are_empty() -> None:
    assert [name for name in python_files() if name.endswith("__init__.py") and text_of(name).strip()] == []


def test_no_file_is_longer_than_400_lines() -> None:
    assert [name for name in python_files() if text_of(name).count("\n") > 400] == []


def test_no_function_is_longer_than_40_lines() -> None:
    def lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
        # Signature and docstring explain; what has to be held in mind is the body.
        body = node.body[1:] if ast.get_docstring(node) else node.body
        return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0

    functions = chain(nodes(ast.FunctionDef), nodes(ast.AsyncFunctionDef))
    long = ((name, node) for name, node in functions if lines(node) > 40 and not name.startswith(PLAIN_DATA))
    assert places(long) == []


def test_class_names_say_what_things_are() -> None:
    vague = re.compile(r"(Manager|Helper|Util|Utils|Provider|Base)$")
    assert places((name, node) for name, node in nodes(ast.ClassDef) if vague.search(node.name)) == []


def test_everything_is_caught_in_the_listed_places_only() -> None:
    def catches_everything(node: ast.ExceptHandler) -> bool:
        if any(isinstance(inner, ast.Raise) and inner.exc is None for inner in ast.walk(node)):
            # It tidies up and lets it fly on.
            return False
        return node.type is None or "Exception" in re.findall(r"\w+", ast.unparse(node.type).replace("Base", ""))

    found = {name for name, node in nodes(ast.ExceptHandler) if catches_everything(node)}
    assert found == set(CATCH_EVERYTHING)


def test_nobody_catches_without_saying_what() -> None:
    handlers = nodes(ast.ExceptHandler, *PRODUCT, "tests/")
    assert places((name, node) for name, node in handlers if node.type is None) == []


def test_the_environment_is_read_in_one_place() -> None:
    reads = {"os.environ", "os.getenv", "os.environb", "os.getenvb"}
    found = {name for name, node in nodes(ast.Attribute) if dotted(node) in reads}
    found |= {
        name
        for name, node in nodes(ast.ImportFrom)
        if node.module == "os" and any(f"os.{alias.name}" in reads for alias in node.names)
    }
    assert found == READ_ENVIRONMENT


def test_programs_are_started_in_the_listed_places_only() -> None:
    starts = re.compile(
        r"^(subprocess\.(run|Popen|call|check_call|check_output|getoutput)|os\.(system|popen|fork|forkpty|exec\w*|spawn\w*|posix_spawn\w*)"
        r"|asyncio\.create_subprocess_(exec|shell)|pty\.\w+|multiprocessing\.\w+)$"
    )
    found = {name for name, node in nodes(ast.Attribute) if starts.match(dotted(node))}
    assert found == set(START_PROGRAMS)
    imported = [
        f"{name}: {node.module}"
        for name, node in nodes(ast.ImportFrom)
        if node.module in {"subprocess", "multiprocessing", "pty"}
    ]
    assert imported == []


def test_no_program_is_started_through_a_shell() -> None:
    def has_shell(node: ast.Call) -> bool:
        return any(word.arg == "shell" for word in node.keywords) or dotted(node.func).endswith("_shell")

    assert places((name, node) for name, node in nodes(ast.Call) if has_shell(node)) == []


def test_only_the_command_line_prints() -> None:
    calls = nodes(ast.Call)
    assert places((n, node) for n, node in calls if dotted(node.func) == "print" and n not in PRINT) == []


def test_certificates_are_always_checked() -> None:
    names = {"verify", "verify_ssl", "ssl", "check_hostname"}
    words = ((n, word) for n, word in nodes(ast.keyword) if word.arg in names and ast.unparse(word.value) == "False")
    assert places(words) == []
    loose = {"ssl.CERT_NONE", "ssl._create_unverified_context"}
    assert places((name, node) for name, node in nodes(ast.Attribute) if dotted(node) in loose) == []


def test_no_wait_loses_a_cancellation() -> None:
    """Before Python 3.12 `asyncio.wait_for` drops one that comes as its work ends: what is told to stop goes on."""
    calls = nodes(ast.Call)
    assert places((name, node) for name, node in calls if dotted(node.func) == "asyncio.wait_for") == []


def test_log_events_have_fixed_names() -> None:
    logs = re.compile(r"^(\w*_)?log\.(debug|info|warning|error|exception|critical)$")
    event = re.compile(r"'[a-z_]+(\.[a-z_]+)+'")

    def is_loose(node: ast.Call) -> bool:
        return bool(logs.match(dotted(node.func))) and not (node.args and event.fullmatch(ast.unparse(node.args[0])))

    assert places((name, node) for name, node in nodes(ast.Call) if is_loose(node)) == []


def test_an_ignored_type_has_its_reason_beside_it() -> None:
    ignored = re.compile(r"#\s*(type|pyright):\s*ignore(\[[\w, -]+\])?\s*(?P<reason>.*)$", re.MULTILINE)
    bare = [
        f"{name}: {match[0]}"
        for name in python_files()
        for match in ignored.finditer(text_of(name))
        if len(match["reason"].strip(" #-")) < 10
    ]
    assert bare == []


@pytest.mark.parametrize(
    ("words", "exempt"),
    [(HOSTS, "app/web/static/vendor/"), (MACHINE_PATHS, None), (PROMISES_TO_ONESELF, None)],
    ids=["hosts of package registries", "paths of one machine", "promises to oneself"],
)
def test_no_file_contains(words: tuple[str, ...], exempt: str | None) -> None:
    files = [name for name in tracked() if not (exempt and name.startswith(exempt))]
    assert [f"{name}: {word}" for name in files for word in words if word in text_of(name)] == []


def test_the_command_line_starts_light() -> None:
    program = (
        "import sys; before = set(sys.modules); import app.cli\n"
        "new = {name.partition('.')[0] for name in set(sys.modules) - before}\n"
        "sys.stdout.write(' '.join(sorted(n for n in new if n not in sys.stdlib_module_names)))"
    )
    ran = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, text=True, check=True)
    assert set(ran.stdout.split()) <= CLI_MAY_LOAD | {name for name in ran.stdout.split() if name.startswith("_")}


def test_versions_stay_inside_their_bounds() -> None:
    def parts(package: str) -> tuple[int, ...]:
        return tuple(int(part) for part in re.findall(r"\d+", version(package))[:3])

    assert parts("hishel") < (2,), "githubkit cannot be imported with 2.0"


# For each import contract a module that breaks it: a contract that catches nothing is worse than none.
PLANTED = {
    "Imports go down the floors": ("app/domain/planted.py", "import app.store.database"),
    "Every module of app stands on a floor": ("app/planted_floor.py", "import app.domain.names"),
    "Forges do not know each other": ("app/forges/fake/planted.py", "import app.forges.github.client"),
    "githubkit has one home": ("app/store/planted_githubkit.py", "import githubkit"),
    "SQLAlchemy has one home": ("app/llm/planted.py", "import sqlalchemy"),
    "Models are reached from reviewers and app.llm only": ("app/store/planted_models.py", "import pydantic_ai"),
    "Workflow code stays light": ("workflows/messages.py", "import httpx"),
}


def contracts(folder: Path) -> tuple[int, str]:
    # The program puts the folder it runs in first on its path: the copy is checked, not what is installed.
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return ran.returncode, ran.stdout + ran.stderr


def copied_code(folder: Path) -> Path:
    for name in (*python_files("app/", "workflows/", "reviewers/", "autofix/"), "pyproject.toml"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, folder / name)
    return folder


def test_the_import_contracts_hold(tmp_path: Path) -> None:
    status, output = contracts(copied_code(tmp_path))
    assert status == 0, output


def test_each_import_contract_catches_a_planted_violation(tmp_path: Path) -> None:
    folder = copied_code(tmp_path)
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    names = [contract["name"] for contract in settings["tool"]["importlinter"]["contracts"]]
    assert sorted(names) == sorted(PLANTED), "give every contract a violation here"
    for path, line in PLANTED.values():
        with (folder / path).open("a") as file:
            file.write(f"\n{line}\n")
    _, output = contracts(folder)
    assert [name for name in names if not re.search(rf"{re.escape(name)} .*BROKEN", output)] == []
