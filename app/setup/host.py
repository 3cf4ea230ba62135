"""Which GitHub is meant: where its pages and its API are, and the key its connection gets."""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from app.domain.errors import UserError
from app.settings import LOOPBACK

_LONGEST_KEY = 39


@dataclass(frozen=True)
class Host:
    """github.com, a company's own domain of it (acme.ghe.com), or a GitHub Enterprise Server."""

    web_url: str
    api_url: str

    @property
    def name(self) -> str:
        return urlsplit(self.web_url).netloc

    @property
    def key(self) -> str:
        """The short name of a connection to it: "github", "ghes-acme-com"."""
        if self.web_url == "https://github.com":
            return "github"
        name = urlsplit(self.web_url).hostname or ""
        return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:_LONGEST_KEY].strip("-")


def host_named(text: str) -> Host:
    """A host as people type it, with or without https://; UserError when it is none."""
    parts = urlsplit(text if "://" in text else f"https://{text}")
    plain = parts.scheme == "http" and parts.hostname in LOOPBACK
    if not parts.hostname or parts.path.strip("/") or parts.query or "@" in parts.netloc:
        raise UserError(f"{text!r} is not a host; use --host github.com or --host github.example.com.")
    if parts.scheme != "https" and not plain:
        raise UserError(f"{text!r} is not reached over https; plain http is for this machine only.")
    web_url = f"{parts.scheme}://{parts.netloc.lower()}"
    return Host(web_url=web_url, api_url=_api_url(web_url))


def _api_url(web_url: str) -> str:
    scheme, _, name = web_url.partition("://")
    if name == "github.com" or name.endswith(".ghe.com"):
        return f"{scheme}://api.{name}"
    return f"{web_url}/api/v3"
