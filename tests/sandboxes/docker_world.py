"""A Docker daemon of our own and an image made of this machine's programs: no registry, no network, nothing shared."""

import asyncio
import io
import shutil
import subprocess
import sys
import tarfile
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx

from app.sandboxes.docker_api import DockerApi, DockerError

# Podman imports under this tag, whatever is asked for.
IMAGE = "corrigent-test:latest"
PYTHON = "/usr/bin/python3"
_PROGRAMS = (
    *("sh", "bash", "cat", "ls", "mkdir", "rm", "cp", "mv", "ln", "touch", "head", "tail", "dd", "id", "env", "sleep"),
    *(
        "true",
        "false",
        "seq",
        "wc",
        "sort",
        "tr",
        "tar",
        "grep",
        "sed",
        "find",
        "chmod",
        "df",
        "ps",
        "kill",
        "yes",
        "su",
        "stat",
        "mkfifo",
        "setsid",
        "truncate",
    ),
)
# Of the standard library, what no test needs and what is half its size.
_LEFT_OUT = {"test", "idlelib", "tkinter", "ensurepip", "lib2to3", "dist-packages", "pydoc_data", "distutils"}


class CannotStart(Exception):
    """No daemon or image can be had here; the text says what is lacking."""


@contextmanager
def daemon(folder: Path) -> Generator[Path]:
    """Its socket; everything it keeps lies in `folder`, and it is ended by its process alone."""
    program = shutil.which("dockerd", path="/usr/sbin:/usr/bin:/usr/local/bin")
    if program is None:
        raise CannotStart("dockerd is not installed (apt-get install docker.io)")
    socket, log = folder / "docker.sock", folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [
                *(program, "--host", f"unix://{socket}", "--pidfile", str(folder / "pid")),
                *("--data-root", str(folder / "data"), "--exec-root", str(folder / "run")),
                *("--bridge=none", "--iptables=false", "--ip-masq=false", "--default-ulimit", "nofile=16384:16384"),
            ],
            stdout=output,
            stderr=subprocess.STDOUT,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
        )
    try:
        _await_answer(process, socket, log)
        yield socket
    finally:
        process.terminate()
        process.wait(60)


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
    raise CannotStart(f"dockerd does not start here: {lines[-1][:300] if lines else 'it says nothing'}")


def make_image(socket: Path, name: str = IMAGE, *, changes: Sequence[str] = ()) -> None:
    """Import this machine's Python and basic programs as an image."""
    repository, _, tag = name.partition(":")
    query = {"fromSrc": "-", "repo": repository, "tag": tag, "changes": [*changes]}
    transport = httpx.HTTPTransport(uds=str(socket))
    with httpx.Client(transport=transport, base_url="http://docker", timeout=120) as client:
        answer = client.post("/images/create", params=query, content=_root())
    if not answer.is_success or "errorDetail" in answer.text:
        raise CannotStart(f"the image cannot be imported: {answer.text[:300]}")


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
    modules = Path(_standard_library(), "lib-dynload").glob("_*.so")
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
    parts = {*Path(entry.name).parts}
    # `config-…` holds the whole interpreter once more, to be linked; `.opt-…` is never read.
    left_out = parts & _LEFT_OUT or any(part.startswith("config-") or ".opt-" in part for part in parts)
    return None if left_out else entry


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


if __name__ == "__main__":
    make_image(Path(sys.argv[1]))
