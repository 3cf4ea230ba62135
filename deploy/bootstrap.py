"""Makes Corrigent's environment in this clone and runs a command in it; needs Python 3.11 and nothing else.

    python3 deploy/bootstrap.py demo     installs what is missing, then runs `corrigent demo`
    python3 deploy/bootstrap.py test     the same with the development tools, then runs the tests

`test`, `check`, `lint`, `types`, `format` and `bench` are development tasks; any other word goes to `corrigent`.
`--no-system` as the first word: never install programs with the system's package manager.

This file uses the standard library only, and has to be readable by Python 3.8 so that it can say what is missing.
"""

from __future__ import annotations

import configparser
import hashlib
import importlib
import importlib.util
import os
import platform
import re
import shlex
import shutil
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = ROOT / ".venv"
PROGRAMS = ENVIRONMENT / "bin"
PYTHON = PROGRAMS / "python"
STAMP = ENVIRONMENT / "installed"
# pip, uv and setuptools, by hash: what the installing itself needs.
TOOLS_LOCK = ROOT / "deploy" / "bootstrap.lock"
# What there is to download when nothing is cached, measured on Linux x86-64.
MEGABYTES = {"requirements.lock": 150, "requirements-dev.lock": 300}
DEVELOPMENT = ("test", "check", "lint", "types", "format", "bench")
MINIMUM = (3, 11)
NEWER = ("python3.14", "python3.13", "python3.12", "python3.11")

# How each system installs programs; the first one found is used.
PACKAGE_MANAGERS: dict[str, tuple[str, dict[str, str]]] = {
    "apt-get": ("apt-get install -y --no-install-recommends", {"bwrap": "bubblewrap", "venv": "python3-venv"}),
    "dnf": ("dnf install -y", {"bwrap": "bubblewrap", "venv": "python3-pip"}),
    "apk": ("apk add", {"bwrap": "bubblewrap", "venv": "py3-pip"}),
    "pacman": ("pacman -S --noconfirm", {"bwrap": "bubblewrap", "venv": "python-pip"}),
    "zypper": ("zypper --non-interactive install", {"bwrap": "bubblewrap", "venv": "python3-pip"}),
    "brew": ("brew install", {}),
}


class Stop(Exception):
    """Nothing more can be done; the text tells the next step."""


def main(words: list[str]) -> int:
    may_install_programs = words[:1] != ["--no-system"]
    words = words if may_install_programs else words[1:]
    if not words:
        say((__doc__ or "").partition("\n\n")[2].rstrip())
        return 2
    try:
        require_python()
        require_programs(may_install_programs)
        locks = [ROOT / "requirements.lock"]
        if words[0] in DEVELOPMENT:
            # It holds everything the other one does, in the same versions.
            locks.append(ROOT / "requirements-dev.lock")
        if not is_installed(locks[-1]):
            install(locks, may_install_programs)
    except Stop as stop:
        say(str(stop))
        return 2
    return run(words)


def say(text: str) -> None:
    """To standard error: what the command prints may be read by a machine."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def require_python() -> None:
    """Go on with a newer Python where this one is too old and another is there."""
    if sys.platform == "win32":
        raise Stop("Corrigent needs Linux or macOS. On Windows run it in WSL.")
    if sys.version_info >= MINIMUM:
        return
    for name in NEWER:
        found = shutil.which(name)
        if found:
            become([found, str(ROOT / "deploy" / "bootstrap.py"), *sys.argv[1:]])
    raise Stop(
        "Corrigent needs Python 3.11 or newer; this is {}.{}. Install it (Debian, Ubuntu: apt-get install python3.11; "
        "macOS: brew install python@3.12), then run this again with it.".format(*sys.version_info[:2])
    )


def require_programs(may_install: bool) -> None:
    """git always; bubblewrap, the sandbox, on Linux: without it Corrigent says what it leaves out."""
    missing = [program for program in ("git", "bwrap") if not shutil.which(program)]
    if sys.platform != "linux":
        missing = [program for program in missing if program != "bwrap"]
    if not missing:
        return
    install_programs(missing, may_install)
    if not shutil.which("git"):
        raise Stop("Corrigent needs git. Install it, then run this again.")


def install_programs(missing: list[str], may_install: bool) -> bool:
    """As root, saying so first; otherwise say the one command that does it. True when something was installed."""
    manager = next((name for name in PACKAGE_MANAGERS if shutil.which(name)), None)
    if manager is None:
        say("Not found: {}. Install them with your system's package manager.".format(", ".join(missing)))
        return False
    command, names = PACKAGE_MANAGERS[manager]
    packages = [names.get(program, program) for program in missing]
    command = "{} {}".format(command, " ".join(packages))
    if manager == "brew" or os.geteuid() != 0 or not may_install:
        sudo = "" if manager == "brew" or os.geteuid() == 0 else "sudo "
        say("Not found: {}. To install: {}{}".format(", ".join(packages), sudo, command))
        return False
    say("Installing {} with {} (--no-system as the first word declines)".format(", ".join(packages), manager))
    if manager == "apt-get":
        subprocess.run([str(shutil.which(manager)), "update", "-q"], check=False, stdout=subprocess.DEVNULL)
    environment = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    if subprocess.run(shlex.split(command), check=False, stdout=subprocess.DEVNULL, env=environment).returncode:
        say("That did not work; going on without.")
        return False
    return True


def is_installed(lock: Path) -> bool:
    try:
        return stamp_line(lock) in STAMP.read_text().splitlines() and PYTHON.exists()
    except FileNotFoundError:
        return False


def stamp_line(lock: Path) -> str:
    """What an installation depends on: the lock, the tools, where the clone is (scripts name it), which Python."""
    parts = (lock.read_bytes(), TOOLS_LOCK.read_bytes(), str(ROOT).encode(), sys.version.encode())
    return "{} {}".format(lock.name, hashlib.sha256(b"\0".join(parts)).hexdigest())


def install(locks: list[Path], may_install: bool) -> None:
    started = time.monotonic()
    system = platform.python_version(), platform.machine()
    say("Python {} on {} · environment {}".format(*system, ENVIRONMENT))
    make_environment(may_install)
    packages = len(re.findall(r"^[A-Za-z0-9]", locks[-1].read_text(), re.MULTILINE))
    say(f"Installing {packages} packages, {MEGABYTES[locks[-1].name]} MB, first time only and when they change")
    indexes = index_options()
    uv_install(["--require-hashes", "-r", str(locks[-1])], indexes)
    # Compat: one line in a .pth file instead of an import hook, which every start would pay for.
    editable = ["--no-deps", "--no-build-isolation", "--config-settings", "editable_mode=compat", "-e", str(ROOT)]
    uv_install(editable, indexes)
    STAMP.write_text("".join(stamp_line(lock) + "\n" for lock in locks))
    size = sum(file.stat().st_size for file in ENVIRONMENT.rglob("*") if file.is_file() and not file.is_symlink())
    say(f"Ready after {time.monotonic() - started:.0f} s · {size / 1e6:.0f} MB in {ENVIRONMENT}")


def make_environment(may_install: bool) -> None:
    """A virtual environment with pip, uv and setuptools in it; one that works already is kept."""
    if (PROGRAMS / "uv").exists() and works(PYTHON, "import setuptools, pip"):
        return
    if not can_get_pip():
        install_programs(["venv"], may_install)
    say("Making the environment: pip, uv and setuptools, 20 MB")
    if not works(PYTHON, "import sys"):
        # Its own pip would take 10 s to install, only to be replaced by the locked one.
        command = [*python(sys.executable), "-m", "venv", "--clear", "--without-pip", str(ENVIRONMENT)]
        must(command, "No environment was made.")
    options = [
        "install",
        "-qq",
        "--no-compile",
        "--disable-pip-version-check",
        "--require-hashes",
        "-r",
        str(TOOLS_LOCK),
    ]
    with tempfile.TemporaryDirectory() as folder:
        bundled = bundled_pip()
        if not bundled and works(sys.executable, "import pip"):
            pip = [*python(sys.executable), "-m", "pip", "--python", str(PYTHON)]
        else:
            pip = [*python(PYTHON), str((bundled or download_pip(Path(folder))) / "pip")]
        must([*pip, *options], "pip could not install uv.")


def can_get_pip() -> bool:
    return bool(bundled_pip() or works(sys.executable, "import pip") or configured_places())


def bundled_pip() -> Path | None:
    """The pip that Python brings along for new environments; Debian keeps it in a package of its own."""
    importlib.invalidate_caches()
    found = importlib.util.find_spec("ensurepip")
    if found is None or found.origin is None:
        return None
    folders = (Path(found.origin).parent / "_bundled", Path("/usr/share/python-wheels"))
    return next((wheel for folder in folders for wheel in sorted(folder.glob("pip-*.whl"))), None)


def python(program: str | Path) -> list[str]:
    """Isolated: neither the folder it is started in nor PYTHON* variables choose what is imported."""
    return [str(program), "-I"]


def works(program: str | Path, code: str) -> bool:
    if not Path(program).exists():
        return False
    return subprocess.run([*python(program), "-c", code], check=False, stderr=subprocess.DEVNULL).returncode == 0


def must(command: list[str], otherwise: str) -> None:
    if subprocess.run(command, check=False, cwd=str(ROOT)).returncode:
        raise Stop(f"{otherwise} The lines above say why. The command was: {shlex.join(command)}")


def uv_install(arguments: list[str], indexes: list[str]) -> None:
    # Best match over all indexes is safe here: a package is taken by its hash, whoever serves it.
    fixed = ["pip", "install", "--python", str(PYTHON), "--index-strategy", "unsafe-best-match"]
    quiet = [] if sys.stderr.isatty() else ["--quiet"]
    must([str(PROGRAMS / "uv"), *fixed, *quiet, *indexes, *arguments], "The packages could not be installed.")


def index_options() -> list[str]:
    """pip's configuration, which uv does not read, as options of uv."""
    listed = subprocess.run([*python(PYTHON), "-m", "pip", "config", "list"], check=False, stdout=subprocess.PIPE)
    # Lines like `global.index-url='https://…'` and `:env:.index-url='https://…'`, weakest first but for the order here.
    lines = sorted(
        re.findall(r"^(global|install|:env:)\.([a-z-]+)='(.*)'$", listed.stdout.decode(), re.MULTILINE), key=rank
    )
    told = {name: value for _, name, value in lines}
    if "cert" in told:
        os.environ.setdefault("SSL_CERT_FILE", told["cert"])
    options = ["--default-index", told["index-url"]] if "index-url" in told else []
    for name, option in (
        ("extra-index-url", "--index"),
        ("find-links", "--find-links"),
        ("trusted-host", "--allow-insecure-host"),
    ):
        for value in told.get(name, "").replace("\\n", " ").split():
            options += [option, value]
    return options


def rank(line: tuple[str, str, str]) -> int:
    return ("global", "install", ":env:").index(line[0])


def configured_places() -> list[str]:
    """Where pip would look, from its configuration, when there is no pip to ask: indexes, then folders of wheels."""
    parser = configparser.RawConfigParser()
    home = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    own = os.environ.get("PIP_CONFIG_FILE")
    files = ["/etc/pip.conf", "/etc/xdg/pip/pip.conf", Path.home() / ".pip" / "pip.conf", home / "pip" / "pip.conf"]
    # pip takes the null device as "no files at all".
    parser.read([] if own == os.devnull else [*files, own or os.devnull])
    places: list[str] = []
    for name in ("index-url", "extra-index-url", "find-links"):
        given = os.environ.get("PIP_" + name.replace("-", "_").upper()) or parser.get("global", name, fallback="")
        places += [place if name == "find-links" else place.rstrip("/") + "/pip/" for place in given.split()]
    return places


def download_pip(folder: Path) -> Path:
    """The pinned pip wheel, from wherever pip is configured to look; its hash has to be the locked one."""
    version, hashes = re.findall(r"^pip==(\S+)((?:\s*\\\s*--hash=\S+)+)", TOOLS_LOCK.read_text(), re.MULTILINE)[0]
    name = f"pip-{version}-py3-none-any.whl"
    for place in configured_places():
        base = place if "://" in place else Path(place).expanduser().resolve().as_uri() + "/"
        try:
            address = link_to(name, base) if not base.startswith("file:") else find_in_folder(name, base)
            content = fetch(address)
        except (OSError, LookupError) as reason:
            say(f"No {name} at {place}: {reason}")
            continue
        if "sha256:" + hashlib.sha256(content).hexdigest() not in hashes:
            raise Stop(f"{name} from {place} has the wrong hash; nothing was installed.")
        (folder / name).write_bytes(content)
        return folder / name
    raise Stop("pip was found nowhere. Install it (Debian, Ubuntu: apt-get install python3-venv), then run this again.")


def link_to(name: str, page: str) -> str:
    for address in re.findall(r"""href=["']([^"']+)["']""", fetch(page).decode("utf-8", "replace")):
        if urllib.parse.urlsplit(address).path.endswith("/" + name):
            return urllib.parse.urljoin(page, address.replace("&amp;", "&"))
    raise LookupError("it is not listed")


def find_in_folder(name: str, folder: str) -> str:
    here = Path(urllib.request.url2pathname(urllib.parse.urlsplit(folder).path))
    if (here / name).exists():
        return (here / name).as_uri()
    if (here / "index.html").exists():
        return link_to(name, here.as_uri() + "/index.html")
    raise LookupError("it is not there")


def fetch(address: str) -> bytes:
    certificates = os.environ.get("PIP_CERT") or os.environ.get("SSL_CERT_FILE")
    context = ssl.create_default_context(cafile=certificates)
    # The operator's own configuration chose the address, file: included; the content is checked by hash.
    with urllib.request.urlopen(address, timeout=60, context=context) as answer:  # noqa: S310
        return answer.read()


def run(words: list[str]) -> NoReturn:
    """Become the command: its exit code, its signals, its terminal."""
    if words[0] in DEVELOPMENT:
        become([*python(PYTHON), str(PROGRAMS / "poe"), "-C", str(ROOT), *words])
    become([*python(PYTHON), str(PROGRAMS / "corrigent"), *words])


def become(command: list[str]) -> NoReturn:
    os.execv(command[0], command)  # noqa: S606 - a path of ours, and no shell is wanted


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
