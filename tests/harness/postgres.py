"""A PostgreSQL server of our own in a temporary folder, with a fresh database for whoever asks."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

START_SECONDS = 30
# Nothing in these tests outlives the server, so nothing waits for the disk.
FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


@dataclass(frozen=True)
class PostgresServer:
    """Reached through a socket in its folder; no port is opened."""

    programs: Path
    folder: Path
    # PostgreSQL refuses to run as root.
    user: str | None
    process: subprocess.Popen[bytes]

    def url(self, database: str) -> str:
        return f"postgresql://postgres@/{database}?host={self.folder}"

    def create(self, *, template: str = "template0") -> str:
        """The address of a new database."""
        name = f"test_{uuid.uuid4().hex}"
        self.sql(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self.url(name)

    def sql(self, statement: str) -> None:
        run_as(
            self.user, [str(self.programs / "psql"), "-qX", "-h", str(self.folder), "-U", "postgres", "-c", statement]
        )


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    with postgres(FAST) as server:
        yield server


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> str:
    """The address of a fresh, empty database, as SQLAlchemy and our settings take it."""
    return postgres_server.create()


@contextmanager
def postgres(settings: tuple[str, ...] = ()) -> Generator[PostgresServer]:
    """A server with these settings; durable ones when there are none."""
    programs = _programs()
    user = "postgres" if os.geteuid() == 0 else None
    # Not under pytest's own folder, which only root may enter; and short, because it holds a socket.
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    if user is not None:
        shutil.chown(folder, user)
    data = folder / "data"
    run_as(
        user, [str(programs / "initdb"), "-D", str(data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"]
    )
    options = [f"unix_socket_directories={folder}", "listen_addresses=", *settings]
    command = [str(programs / "postgres"), "-D", str(data), *(word for option in options for word in ("-c", option))]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, user=user, cwd=folder, stdout=log, stderr=log)
    try:
        _wait(programs, folder, process)
        yield PostgresServer(programs=programs, folder=folder, user=user, process=process)
    finally:
        process.send_signal(signal.SIGQUIT)
        process.wait(START_SECONDS)
        shutil.rmtree(folder, ignore_errors=True)


def _programs() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    on_path = shutil.which("initdb")
    if not found and on_path is None:
        _lacking("initdb (the package postgresql)")
    if os.geteuid() == 0 and "postgres" not in {entry.pw_name for entry in pwd.getpwall()}:
        _lacking("a user named postgres, because PostgreSQL does not run as root")
    return found[-1].parent if found else Path(str(on_path)).parent


def _lacking(what: str) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(f"CI needs {what}")
    pytest.skip(f"needs {what}")


def run_as(user: str | None, command: list[str]) -> None:
    subprocess.run(command, user=user, cwd="/", check=True, capture_output=True)


def _wait(programs: Path, folder: Path, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    ask = [str(programs / "pg_isready"), "-q", "-h", str(folder), "-U", "postgres"]
    while subprocess.run(ask, check=False).returncode != 0:
        if process.poll() is not None or time.monotonic() > deadline:
            pytest.fail(f"PostgreSQL did not start: {(folder / 'log').read_text()[-2000:]}")
        time.sleep(0.05)
