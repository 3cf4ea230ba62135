"""What the locks install can be imported: every distribution of the running lock, and every package of ours."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent

# Run in a process of its own: importing everything would leave traces in the others' tests.
PROGRAM = """
import importlib, importlib.metadata as metadata, json, sys, warnings
warnings.simplefilter("ignore")
wanted, failures = set(json.loads(sys.argv[1])), {}
normal = lambda name: name.lower().replace("_", "-").replace(".", "-")
for package, owners in sorted(metadata.packages_distributions().items()):
    if not wanted & {normal(owner) for owner in owners} or not package.isidentifier() or package.startswith("_"):
        continue
    try:
        importlib.import_module(package)
    except ImportError as error:
        failures[package] = str(error)
installed = {normal(found.name) for found in metadata.distributions()}
sys.stdout.write(json.dumps({"failures": failures, "missing": sorted(wanted - installed)}))
"""

OURS = ("app", "workflows", "reviewers", "autofix")


def pins(lock: str) -> dict[str, str]:
    """Name and version of what is installed on this system; lines with a marker are for some systems only."""
    return dict(re.findall(r"^([a-z0-9][a-z0-9-]*)==(\S+)(?: \\)?$", (ROOT / lock).read_text(), re.MULTILINE))


def test_every_locked_package_can_be_imported() -> None:
    wanted = list(pins("requirements.lock"))
    command = [sys.executable, "-I", "-c", PROGRAM, json.dumps(wanted)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout.splitlines()[-1]) == {"failures": {}, "missing": []}
    assert len(wanted) > 50


def test_every_module_of_ours_can_be_imported_from_anywhere(tmp_path: Path) -> None:
    modules = [
        str(path.relative_to(ROOT).with_suffix("")).replace("/", ".").removesuffix(".__init__")
        for folder in OURS
        for path in sorted((ROOT / folder).rglob("*.py"))
        if "migrations/versions" not in str(path) and "migrations/env.py" not in str(path)
    ]
    program = "import importlib, sys; [importlib.import_module(name) for name in sys.argv[1:]]"
    command = [sys.executable, "-I", "-W", "ignore", "-c", program, *modules]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert len(modules) > 30


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
