"""The App's private key, and the short-lived words it signs (RS256 JSON Web Tokens)."""

import base64
import json
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from app.domain.errors import UserError


class AppKey:
    """Reads the key once: that takes fifty times as long as signing with it."""

    def __init__(self, pem: str) -> None:
        try:
            key = load_pem_private_key(pem.encode(), password=None)
        except (ValueError, TypeError) as error:
            raise UserError("The App's private key is not in PEM form; download a new one from its page.") from error
        if not isinstance(key, RSAPrivateKey):
            raise UserError("The App's private key is not an RSA key; download a new one from its page.")
        self._key = key

    def sign(self, app_id: int, start: datetime, end: datetime) -> str:
        """A token that says "I am this App", from start to end."""
        claims = {"iss": str(app_id), "iat": int(start.timestamp()), "exp": int(end.timestamp())}
        words = ".".join(_encoded(json.dumps(part).encode()) for part in ({"alg": "RS256", "typ": "JWT"}, claims))
        return f"{words}.{_encoded(self._key.sign(words.encode(), PKCS1v15(), SHA256()))}"


def _encoded(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()
