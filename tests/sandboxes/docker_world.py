"""A Docker or Podman of our own and an image made of this machine's programs: no registry, no network, nothing shared."""

import asyncio
import io
import os
import shutil
import subprocess
import tarfile
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx

from app.sandboxes.docker_api import DockerApi, DockerError, Engine

# Podman imports under this tag, whatever is asked for.
IMAGE = "corrigent-test:latest"
PYTHON = "/usr/bin/python3"
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_PROGRAMS = (
    *("sh", "cat", "ls", "mkdir", "rm", "ln", "touch", "head", "dd", "id", "env", "sleep", "true", "tr", "stat", "yes"),
    *("mkfifo", "setsid", "truncate"),
)
# Of the standard library, what no test needs and what is most of its size.
_LEFT_OUT = {
    *("test", "idlelib", "tkinter", "ensurepip", "lib2to3", "dist-packages", "pydoc_data", "distutils", "unittest"),
    *("xml", "xmlrpc", "multiprocessing", "sqlite3", "curses", "dbm", "wsgiref", "turtle", "_pydecimal"),
    *("_sqlite3", "_dbm", "_curses", "_curses_panel", "readline", "_decimal", "_tkinter"),
}


class CannotStart(Exception):
    """No daemon or image can be had here; the text says what is lacking."""


@contextmanager
def daemon(engine: Engine, folder: Path) -> Generator[Path]:
    """Its socket; everything it keeps lies in `folder`, and it is ended by its process alone."""
    if os.geteuid() != 0:
        raise CannotStart(f"{engine} needs root to be started")
    socket, log = folder / "engine.sock", folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            _command(engine, folder, socket),
            stdout=output,
            stderr=subprocess.STDOUT,
            env={"PATH": _PATH, "HOME": str(folder)},
            cwd=folder,
        )
    try:
        _await_answer(process, socket, log)
        yield socket
    finally:
        process.terminate()
        process.wait(60)


def _command(engine: Engine, folder: Path, socket: Path) -> Sequence[str]:
    """Both keep to `folder`, and neither touches the machine's network."""
    if engine == "docker":
        return [
            *(_program("dockerd", "docker.io"), "--host", f"unix://{socket}", "--pidfile", str(folder / "pid")),
            *("--data-root", str(folder / "data"), "--exec-root", str(folder / "run")),
            *("--bridge=none", "--iptables=false", "--ip-masq=false", "--default-ulimit", "nofile=16384:16384"),
        ]
    return [
        *(_program("podman", "podman"), "--root", str(folder / "data"), "--runroot", str(folder / "run")),
        # crun, its default, does not start where control groups of both versions are mounted.
        *("--runtime", _program("runc", "runc"), "--storage-driver", "overlay", "--cgroup-manager", "cgroupfs"),
        *("--events-backend", "file", "system", "service", "--time", "0", f"unix://{socket}"),
    ]


def _program(name: str, package: str) -> str:
    found = shutil.which(name, path=_PATH)
    if found is None:
        raise CannotStart(f"{name} is not installed (package {package})")
    return found


def _await_answer(process: subprocess.Popen[bytes], socket: Path, log: Path) -> None:
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        try:
            asyncio.run(DockerApi(socket).version())
        except DockerError:
            time.sleep(0.1)
        else:
            return
    lines = log.read_text(errors="replace").splitlines()
    raise CannotStart(f"the daemon does not start here: {lines[-1][:300] if lines else 'it says nothing'}")


def make_image(socket: Path, name: str = IMAGE, *, content: bytes | None = None, change: str = "") -> None:
    """Import a tar as an image: this machine's Python and a few programs, unless it is given."""
    repository, _, tag = name.partition(":")
    query = {"fromSrc": "-", "repo": repository, "tag": tag, **({"changes": change} if change else {})}
    transport = httpx.HTTPTransport(uds=str(socket))
    with httpx.Client(transport=transport, base_url="http://docker", timeout=120) as client:
        answer = client.post("/images/create", params=query, content=_root() if content is None else content)
    if not answer.is_success or "errorDetail" in answer.text:
        raise CannotStart(f"the image cannot be imported: {answer.text[:300]}")


def almost_nothing() -> bytes:
    """A tar with one folder, for images that are never run."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        _add_folder(tar, "tmp")
    return archive.getvalue()


def _root() -> bytes:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for folder in ("tmp", "work", "proc", "sys", "dev", "run", "etc", "home", "root", "opt"):
            _add_folder(tar, folder)
        for link in ("bin", "sbin", "lib", "lib64"):
            _add_link(tar, link)
        _add_text(tar, "etc/passwd", "root:x:0:0::/root:/bin/sh\n")
        for path in _files():
            tar.add(Path(path).resolve(), path.lstrip("/"), recursive=False)
        library = _standard_library()
        tar.add(library, library.lstrip("/"), filter=_wanted)
    return archive.getvalue()


def _files() -> list[str]:
    """Programs and the libraries they are linked with, each by the name it is called by."""
    programs = [PYTHON, *(f"/usr/bin/{name}" for name in _PROGRAMS)]
    there = [path for path in programs if Path(path).is_file()]
    if PYTHON not in there:
        raise CannotStart(f"{PYTHON} is not there to make an image of")
    modules = [path for path in Path(_standard_library(), "lib-dynload").glob("*.so") if _is_wanted(path)]
    linked = subprocess.run(
        ["/usr/bin/ldd", *there, *map(str, modules)], capture_output=True, text=True, check=True
    ).stdout.split()
    libraries = {_below_usr(word) for word in linked if word.startswith("/") and not word.endswith(":")}
    return sorted({*there, *libraries})


def _below_usr(path: str) -> str:
    return path if path.startswith("/usr/") else f"/usr{path}"


def _standard_library() -> str:
    command = [
        PYTHON,
        "-I",
        "-c",
        "import sys, sysconfig; print(sysconfig.get_path('stdlib')); sys.exit(sys.version_info < (3, 11))",
    ]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    if found.returncode:
        raise CannotStart(f"{PYTHON} is older than 3.11")
    return found.stdout.strip()


def _wanted(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    return entry if _is_wanted(Path(entry.name)) else None


def _is_wanted(path: Path) -> bool:
    """`config-…` holds the whole interpreter once more, to be linked; `….opt-1.pyc` is never read."""
    names = {part.partition(".")[0] for part in path.parts}
    left_out = names & _LEFT_OUT or ".opt-" in path.name or path.name.startswith("_codecs_")
    return not left_out and not any(part.startswith("config-") for part in path.parts)


def _add_folder(tar: tarfile.TarFile, name: str) -> None:
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode = tarfile.DIRTYPE, 0o755
    tar.addfile(entry)


def _add_link(tar: tarfile.TarFile, name: str) -> None:
    _add_folder(tar, f"usr/{name}")
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = tarfile.SYMTYPE, f"usr/{name}"
    tar.addfile(entry)


def _add_text(tar: tarfile.TarFile, name: str, text: str) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(text)
    tar.addfile(entry, io.BytesIO(text.encode()))
