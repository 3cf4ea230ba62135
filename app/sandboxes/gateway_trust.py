"""Whose certificate is believed at a gateway: one authority's, the operator's. Renewed ones are taken while it runs."""

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import structlog

from app.domain.errors import UserError

log = structlog.get_logger()

# What lies in the folder of each machine, as `corrigent setup gateway` makes them.
AUTHORITY, CERTIFICATE, KEY = "authority.pem", "certificate.pem", "key.pem"
_MAKE = "make certificates with `corrigent setup gateway` and copy this machine's folder here"


@dataclass(frozen=True)
class Papers:
    """A machine's own certificate and key, and the authority that it believes."""

    folder: Path

    def serving(self) -> ssl.SSLContext:
        """For a gateway: whoever has no certificate of the authority's for asking is turned away."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.verify_mode = ssl.CERT_REQUIRED
        return self._with_papers(context)

    def asking(self) -> ssl.SSLContext:
        """For those who work in sandboxes: the gateway must be the machine that it is asked for as."""
        return self._with_papers(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))

    def state(self) -> tuple[tuple[int, int, int] | None, ...]:
        """Another one after each change of a file."""
        return tuple(_state(self.folder / name) for name in (AUTHORITY, CERTIFICATE, KEY))

    def _with_papers(self, context: ssl.SSLContext) -> ssl.SSLContext:
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        self._see_key()
        try:
            context.load_verify_locations(self.folder / AUTHORITY)
            context.load_cert_chain(self.folder / CERTIFICATE, self.folder / KEY)
        except (OSError, ssl.SSLError) as error:
            raise UserError(f"{self.folder} holds no certificates that can be used ({error}); {_MAKE}.") from None
        return context

    def _see_key(self) -> None:
        path = self.folder / KEY
        try:
            if path.stat().st_mode & 0o077:
                raise UserError(f"{path} is a key that others may read. Run: chmod 600 '{path}'")
        except OSError as error:
            raise UserError(f"{path} cannot be read ({error.strerror}); {_MAKE}.") from None


class Renewed:
    """What `make` makes of the papers as they are now; of the last that could be used, while a copy is half done."""

    def __init__(self, papers: Papers, make: Callable[[], ssl.SSLContext]) -> None:
        """`make` is asked when there is the first need of it; its UserError then is raised."""
        self._papers = papers
        self._make = make
        self._made: ssl.SSLContext | None = None
        self._of: object = None

    def __call__(self) -> ssl.SSLContext:
        # Looked at before they are read: what changes in between is read once more.
        state = self._papers.state()
        if self._made is None or state != self._of:
            self._made = self._anew(self._made)
            self._of = state
        return self._made

    def _anew(self, last: ssl.SSLContext | None) -> ssl.SSLContext:
        try:
            return self._make()
        except UserError as error:
            if last is None:
                raise
            log.warning("gateway.papers_not_taken", reason=str(error))
            return last


def serving_renewed(papers: Papers) -> ssl.SSLContext:
    """For a gateway that goes on while its papers are renewed: each connection begins with those of its moment."""
    renewed = Renewed(papers, papers.serving)
    first = renewed()

    def choose(connection: ssl.SSLObject, _name: str | None, _first: ssl.SSLContext) -> None:
        connection.context = renewed()

    first.sni_callback = choose
    return first


def _state(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
