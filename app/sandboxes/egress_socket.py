"""Unix sockets in folders of any depth: their own paths may have 107 characters, those of people's homes have more."""

import os
import socket
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

_BACKLOG = 64


def listen_at(path: Path, mode: int = 0o600) -> socket.socket:
    """Listening, and not blocking; what an earlier process left there is replaced."""
    path.unlink(missing_ok=True)
    listening = socket.socket(socket.AF_UNIX)
    try:
        with short_name(path) as short:
            listening.bind(short)
        path.chmod(mode)
        listening.listen(_BACKLOG)
        listening.setblocking(False)
    except OSError:
        listening.close()
        raise
    return listening


@contextmanager
def short_name(path: Path) -> Generator[str]:
    """Another name for it, short and good for as long as the folder is held open here."""
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
