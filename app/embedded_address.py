"""Where the embedded Temporal server of a running `corrigent up` answers, for commands beside it."""

import fcntl
import re
from pathlib import Path

from app.settings import Settings
from app.temporal_server import HOST

_PORT = re.compile(r"(?:^|\0)--port\0(\d{1,5})\0")


def temporal_address(settings: Settings) -> str | None:
    """The configured server's, or that of the embedded one; None when none runs, or none can be found."""
    if settings.temporal_address:
        return settings.temporal_address
    process = embedded_process(settings.home)
    if process is None:
        return None
    port = str(settings.temporal_port or "") or _port_of(process)
    return f"{HOST}:{port}" if port else None


def embedded_process(home: Path) -> int | None:
    """The server's process: whoever holds the lock of this home."""
    try:
        with (home / "temporal.lock").open("rb") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                holder = lock.read(20).decode()
                return int(holder) if holder.isdigit() else None
    except OSError:
        return None
    return None


def _port_of(process: int) -> str:
    """From its arguments, which Linux shows; elsewhere `temporal_port` has to be set."""
    try:
        arguments = Path(f"/proc/{process}/cmdline").read_bytes().decode(errors="replace")
    except OSError:
        return ""
    found = _PORT.search(arguments)
    return found[1] if found else ""
