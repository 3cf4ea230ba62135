"""A token for each sandbox: who comes through the gateway with a certificate still needs that of the very one."""

import hashlib
import hmac
import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from app.sandboxes.base import SandboxRef

_FILE = "gateway.key"


def tokens_of(folder: Path) -> Callable[[SandboxRef], str]:
    """They come from a key that lies beside the sandboxes, not with the certificates: a gateway that starts again, or
    has other certificates by then, knows those it gave before."""
    key = _key(folder)

    def token(ref: SandboxRef) -> str:
        words = f"{ref.backend}\0{ref.sandbox_id}\0{ref.generation}".encode()
        return hmac.new(key, words, hashlib.sha256).hexdigest()

    return token


def _key(folder: Path) -> bytes:
    """The one that is there, or a new one; of two processes that make it at once, one makes it for both."""
    path = folder / _FILE
    if not path.exists():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        new = folder / f"{_FILE}.{os.getpid()}"
        with open(os.open(new, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "wb") as file:
            file.write(secrets.token_bytes(32))
        with suppress(FileExistsError):
            path.hardlink_to(new)
        new.unlink()
    return path.read_bytes()
