"""What the locks install can be imported: every distribution of the running lock, and every package of ours."""

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# Run in a process of its own: importing everything would leave traces in the others' tests. What is not ours comes
# first, so that a package is not found missing by one of our modules.
PROGRAM = """
import importlib, importlib.metadata as metadata, json, sys, warnings
warnings.simplefilter("ignore")
wanted, modules, failures = set(json.loads(sys.argv[1])), json.loads(sys.argv[2]), {}
normal = lambda name: name.lower().replace("_", "-").replace(".", "-")
for package, owners in sorted(metadata.packages_distributions().items()):
    if not wanted & {normal(owner) for owner in owners} or not package.isidentifier() or package.startswith("_"):
        continue
    try:
        importlib.import_module(package)
    except ImportError as error:
        failures[package] = str(error)
installed = {normal(found.name) for found in metadata.distributions()}
ours = [importlib.import_module(name).__name__ for name in modules]
sys.stdout.write("\\n" + json.dumps({"failures": failures, "missing": sorted(wanted - installed), "ours": ours}))
"""

OURS = ("app", "workflows", "reviewers", "autofix")


def pins(lock: str) -> dict[str, str]:
    """Name and version of what is installed on this system; lines with a marker are for some systems only."""
    return dict(re.findall(r"^([a-z0-9][a-z0-9-]*)==(\S+)(?: \\)?$", (ROOT / lock).read_text(), re.MULTILINE))


def our_modules() -> list[str]:
    return [
        str(path.relative_to(ROOT).with_suffix("")).replace("/", ".").removesuffix(".__init__")
        for folder in OURS
        for path in sorted((ROOT / folder).rglob("*.py"))
        if "migrations/versions" not in str(path) and "migrations/env.py" not in str(path)
    ]


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, object]:
    """What became of importing all that is locked and all that is ours, in one process and from anywhere."""
    command = [
        sys.executable,
        "-I",
        "-c",
        PROGRAM,
        json.dumps(list(pins("requirements.lock"))),
        json.dumps(our_modules()),
    ]
    anywhere = tmp_path_factory.mktemp("anywhere")
    ran = subprocess.run(command, cwd=anywhere, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout.splitlines()[-1])


def test_every_locked_package_can_be_imported(imported: Mapping[str, object]) -> None:
    assert (imported["failures"], imported["missing"]) == ({}, [])
    assert len(pins("requirements.lock")) > 50


def test_every_module_of_ours_can_be_imported_from_anywhere(imported: Mapping[str, object]) -> None:
    assert imported["ours"] == our_modules()
    assert len(our_modules()) > 30


def test_the_development_lock_holds_the_running_one_in_the_same_versions() -> None:
    running, development = pins("requirements.lock"), pins("requirements-dev.lock")
    assert {name: development.get(name) for name in running} == running


def test_every_line_of_the_locks_has_a_hash_and_names_no_host() -> None:
    for lock in ("requirements.lock", "requirements-dev.lock", "deploy/bootstrap.lock"):
        text = (ROOT / lock).read_text()
        entries = re.split(r"\n(?=[a-z0-9])", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).strip())
        assert [entry.splitlines()[0] for entry in entries if "--hash=sha256:" not in entry] == []
        assert "://" not in text


def test_every_direct_dependency_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    names = {re.split(r"[\[<>=~; ]", line, maxsplit=1)[0].lower() for line in project["dependencies"]}
    locked = set(re.findall(r"^([a-z0-9][a-z0-9-]*)==", (ROOT / "requirements.lock").read_text(), re.MULTILINE))
    assert sorted(names - locked) == []
