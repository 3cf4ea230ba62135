"""The first command of the README: a clone becomes a working program, by hash, whatever the machine lacks."""

import ast
import functools
import http.server
import importlib.util
import os
import re
import resource
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Generator
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parent.parent
BOOTSTRAP = ROOT / "deploy" / "bootstrap.py"
PIP = re.findall(r"^pip==(\S+)", (ROOT / "deploy" / "bootstrap.lock").read_text(), re.MULTILINE)[0]
WHEEL = f"pip-{PIP}-py3-none-any.whl"


@pytest.fixture
def bootstrap() -> ModuleType:
    return load(BOOTSTRAP)


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("bootstrap", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def copy_of_the_tree(folder: Path) -> Path:
    """What a clone of this tree would hold, without the tests."""
    command = [str(shutil.which("git")), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in listed.rstrip("\0").split("\0"):
        if not name.startswith("tests/") and (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)
    return folder


def start(clone: Path, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(clone / "deploy" / "bootstrap.py"), *words]
    return subprocess.run(
        command, cwd=clone.parent, env={**os.environ, **environ}, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone in a folder with a space, made ready by the real thing."""
    folder = copy_of_the_tree(tmp_path_factory.mktemp("a clone") / "corrigent")
    first = start(folder, "--help")
    assert first.returncode == 0, first.stderr
    assert re.search(r"Installing \d+ packages, \d+ MB", first.stderr)
    assert re.search(r"Ready after \d+ s · \d+ MB", first.stderr)
    assert "corrigent" in first.stdout
    return folder


def test_a_second_start_installs_nothing_and_is_quick(clone: Path) -> None:
    modified = (clone / ".venv" / "installed").stat().st_mtime
    ran = start(clone)
    assert ran.returncode == 2
    assert "python3 deploy/bootstrap.py demo" in ran.stderr
    again = start(clone, "--help")
    assert (again.returncode, again.stderr) == (0, "")
    assert (clone / ".venv" / "installed").stat().st_mtime == modified
    # In processor time, since a busy machine makes everything late; pip alone would take twenty times an empty program.
    assert processor_time(lambda: start(clone)) < 10 * processor_time(empty_program)


def empty_program() -> None:
    subprocess.run([sys.executable, "-c", ""], check=True)


def processor_time(work: Callable[[], object]) -> float:
    """Seconds of the programs that the work starts, the quickest of three tries."""

    def seconds() -> float:
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime

    tries: list[float] = []
    for _ in range(3):
        before = seconds()
        work()
        tries.append(seconds() - before)
    return min(tries)


def test_the_exit_code_and_the_words_are_the_command_s(clone: Path) -> None:
    ran = start(clone, "no-such-command", "--flag")
    assert ran.returncode == 2
    assert "no-such-command" in ran.stderr


def test_a_changed_lock_is_noticed(clone: Path) -> None:
    there = load(clone / "deploy" / "bootstrap.py")
    lock = clone / "requirements.lock"
    assert there.is_installed(lock)
    before = lock.read_text()
    lock.write_text(before + "# changed\n")
    assert not there.is_installed(lock)
    lock.write_text(before)


@pytest.fixture(scope="module")
def wheels(clone: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheels")
    python = clone / ".venv" / "bin" / "python"
    command = [python, "-I", "-m", "pip", "-qq", "download", "--no-deps", f"pip=={PIP}", "-d", folder]
    subprocess.run(command, check=True)
    return folder


@pytest.fixture
def index(wheels: Path, tmp_path: Path) -> Generator[str]:
    """A package index with pip in it, as plain as they come."""
    (tmp_path / "simple" / "pip").mkdir(parents=True)
    shutil.copyfile(wheels / WHEEL, tmp_path / WHEEL)
    (tmp_path / "simple" / "pip" / "index.html").write_text(f'<a href="../../{WHEEL}#sha256=x&amp;y">{WHEEL}</a>')
    handler = functools.partial(QuietHandler, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/simple"
        server.shutdown()
        thread.join()


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name for it
        pass


def test_a_python_without_pip_gets_it_from_the_configured_index(clone: Path, index: str, tmp_path: Path) -> None:
    """As on Debian without python3-venv: no ensurepip, no pip; `venv` itself is there."""
    poor = tmp_path / "poor python"
    subprocess.run([sys.executable, "-I", "-m", "venv", "--without-pip", poor], check=True)
    packages = next(poor.glob("lib/python3*/site-packages"))
    (packages / "hide.pth").write_text("import sys; sys.modules['ensurepip'] = None\n")
    second = copy_of_the_tree(tmp_path / "second clone")
    program = (
        "import importlib.util, sys\n"
        "spec = importlib.util.spec_from_file_location('bootstrap', sys.argv[1])\n"
        "bootstrap = importlib.util.module_from_spec(spec); spec.loader.exec_module(bootstrap)\n"
        "assert not bootstrap.bundled_pip() and not bootstrap.works(sys.executable, 'import pip')\n"
        "bootstrap.make_environment(False)\n"
    )
    command = [str(poor / "bin" / "python"), "-I", "-c", program, str(second / "deploy" / "bootstrap.py")]
    environ = {**os.environ, "PIP_EXTRA_INDEX_URL": f"{os.environ.get('PIP_EXTRA_INDEX_URL', '')} {index}".strip()}
    ran = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert (second / ".venv" / "bin" / "uv").exists()


def test_a_wheel_with_another_hash_is_refused(
    bootstrap: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / WHEEL).write_bytes(b"not the pip we locked")
    configure_pip(monkeypatch, PIP_FIND_LINKS=str(tmp_path))
    with pytest.raises(bootstrap.Stop, match="has the wrong hash; nothing was installed"):
        bootstrap.download_pip(tmp_path)


def test_without_any_configured_place_the_next_step_is_named(
    bootstrap: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure_pip(monkeypatch)
    with pytest.raises(bootstrap.Stop, match="apt-get install python3-venv"):
        bootstrap.download_pip(tmp_path)


def configure_pip(monkeypatch: pytest.MonkeyPatch, **settings: str) -> None:
    for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"PIP_CONFIG_FILE": os.devnull, **settings}.items():
        monkeypatch.setenv(name, value)


def test_pip_s_configuration_becomes_uv_s_options(clone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pip.conf").write_text(
        "[global]\nindex-url = https://a.example/simple\nextra-index-url =\n  https://b.example/simple\n"
        "  https://c.example/simple\ntrusted-host = c.example\n[install]\nfind-links = /wheels\n"
    )
    configure_pip(monkeypatch, PIP_CONFIG_FILE=str(tmp_path / "pip.conf"), PIP_INDEX_URL="https://env.example/simple")
    monkeypatch.setenv("HOME", str(tmp_path))
    options = " ".join(load(clone / "deploy" / "bootstrap.py").index_options())
    assert "--default-index https://env.example/simple" in options
    assert "--index https://b.example/simple --index https://c.example/simple" in options
    assert "--find-links /wheels" in options
    assert "--allow-insecure-host c.example" in options


def programs(folder: Path, **scripts: str) -> str:
    for name, text in scripts.items():
        path = folder / name.replace("_", "-")
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
    return str(folder)


@pytest.mark.parametrize(
    ("user_id", "allowed", "told"),
    [
        (0, True, "Installing git, bubblewrap with apt-get (--no-system as the first word declines)"),
        (0, False, "Not found: git, bubblewrap. To install: apt-get install -y --no-install-recommends git bubblewrap"),
        (7, True, "To install: sudo apt-get install -y --no-install-recommends git bubblewrap"),
    ],
)
def test_missing_programs_are_installed_by_root_and_named_to_others(
    bootstrap: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    user_id: int,
    allowed: bool,
    told: str,
) -> None:
    monkeypatch.setenv("PATH", programs(tmp_path, apt_get=f'echo "$@" >> {tmp_path}/calls'))
    monkeypatch.setattr(os, "geteuid", lambda: user_id)
    installed = bootstrap.install_programs(["git", "bwrap"], allowed)
    assert installed is (user_id == 0 and allowed)
    assert told in capsys.readouterr().err
    calls = (tmp_path / "calls").read_text().splitlines() if installed else []
    assert calls == (["update -q", "install -y --no-install-recommends git bubblewrap"] if installed else [])


def test_without_git_it_stops_with_the_command(bootstrap: ModuleType, tmp_path: Path) -> None:
    ran = start(ROOT, "--no-system", "--help", PATH=programs(tmp_path, apt_get="exit 9"))
    assert ran.returncode == 2
    assert "apt-get install -y --no-install-recommends git bubblewrap" in ran.stderr
    assert ran.stderr.endswith("Corrigent needs git. Install it, then run this again.\n")


def test_it_can_be_read_by_an_old_python_and_tells_it_what_is_missing(
    bootstrap: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ast.parse(BOOTSTRAP.read_text(), feature_version=(3, 8))
    monkeypatch.setattr(sys, "version_info", (3, 8, 10, "final", 0))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(bootstrap.Stop, match=r"needs Python 3\.11 or newer; this is 3\.8\. Install it"):
        bootstrap.require_python()


def test_it_uses_the_standard_library_only(bootstrap: ModuleType) -> None:
    tree = ast.parse(BOOTSTRAP.read_text())
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in names} <= sys.stdlib_module_names
