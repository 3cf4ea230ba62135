"""Who is believed at a gateway: certificates of one authority of the operator's, and a token for each sandbox."""

import hashlib
import hmac
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from app.domain.errors import UserError
from app.sandboxes.base import SandboxRef

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

    def token_of(self) -> Callable[[SandboxRef], str]:
        """A gateway's tokens. They come from its key, so that one that starts again knows those it gave before."""
        key = hmac.digest(self._read(KEY), b"tokens of sandboxes", hashlib.sha256)

        def token(ref: SandboxRef) -> str:
            words = f"{ref.backend}\0{ref.sandbox_id}\0{ref.generation}".encode()
            return hmac.new(key, words, hashlib.sha256).hexdigest()

        return token

    def _with_papers(self, context: ssl.SSLContext) -> ssl.SSLContext:
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        self._read(KEY)
        try:
            context.load_verify_locations(self.folder / AUTHORITY)
            context.load_cert_chain(self.folder / CERTIFICATE, self.folder / KEY)
        except (OSError, ssl.SSLError) as error:
            raise UserError(f"{self.folder} holds no certificates that can be used ({error}); {_MAKE}.") from None
        return context

    def _read(self, name: str) -> bytes:
        path = self.folder / name
        try:
            if path.stat().st_mode & 0o077:
                raise UserError(f"{path} is a key that others may read. Run: chmod 600 '{path}'")
            return path.read_bytes()
        except OSError as error:
            raise UserError(f"{path} cannot be read ({error.strerror}); {_MAKE}.") from None
