"""Whose certificates a connection believes."""

import ssl
from functools import lru_cache
from pathlib import Path

import httpx

from app.domain.errors import UserError


@lru_cache(maxsize=8)
def trust(ca_file: str) -> ssl.SSLContext:
    """The given authorities alone, or else the public ones. Making one takes 30 ms: it is kept."""
    if not ca_file:
        return httpx.create_ssl_context(trust_env=False)
    if not Path(ca_file).is_file():
        raise UserError(f"There is no file {ca_file!r}; `ca_file` names the PEM file of the forge's authority.")
    try:
        return ssl.create_default_context(cafile=ca_file)
    except ssl.SSLError as error:
        raise UserError(f"{ca_file!r} holds no certificate in PEM form.") from error
