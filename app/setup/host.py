"""Which GitHub or GitLab is meant: where its pages and its API are, and the key its connection gets."""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from app.connection_settings import LOOPBACK
from app.domain.errors import UserError

_LONGEST_KEY = 39
_PATH = re.compile(r"(?:/[A-Za-z0-9_][A-Za-z0-9_.-]*){0,4}")
_KEYS = {"https://github.com": "github", "https://gitlab.com": "gitlab"}


@dataclass(frozen=True)
class Host:
    """A public site, a company's own domain of it (acme.ghe.com), or a server of one's own."""

    web_url: str
    api_url: str

    @property
    def name(self) -> str:
        """As people type it, without https://."""
        return self.web_url.partition("://")[2]

    @property
    def key(self) -> str:
        """The short name of a connection to it: "github", "ghes-acme-com"."""
        if self.web_url in _KEYS:
            return _KEYS[self.web_url]
        name = urlsplit(self.web_url).hostname or ""
        return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:_LONGEST_KEY].strip("-")


def host_named(text: str) -> Host:
    """A GitHub as people type it, with or without https://; UserError when it is none."""
    wish = "use --host github.com or --host github.example.com"
    web_url, path = _address(text, wish)
    if path:
        raise UserError(f"{text!r} is not a host; {wish}.")
    return Host(web_url=web_url, api_url=_api_url(web_url))


def gitlab_named(text: str) -> Host:
    """A GitLab as people type it; one of one's own may live below a path."""
    web_url, path = _address(text, "use --host gitlab.com or --host gitlab.example.com")
    if not _PATH.fullmatch(path):
        raise UserError(f"{text!r} has a path that no GitLab lives below; use --host git.example.com/gitlab.")
    web_url += path
    return Host(web_url=web_url, api_url=f"{web_url}/api/v4")


def _address(text: str, wish: str) -> tuple[str, str]:
    """Scheme with host, and the path; everything else that an address may have is refused."""
    parts = urlsplit(text if "://" in text else f"https://{text}")
    plain = parts.scheme == "http" and parts.hostname in LOOPBACK
    if not parts.hostname or parts.query or parts.fragment or "@" in parts.netloc or not text.isascii():
        raise UserError(f"{text!r} is not a host; {wish}.")
    if parts.scheme != "https" and not plain:
        raise UserError(f"{text!r} is not reached over https; plain http is for this machine only.")
    return f"{parts.scheme}://{parts.netloc.lower()}", parts.path.rstrip("/")


def _api_url(web_url: str) -> str:
    scheme, _, name = web_url.partition("://")
    if name == "github.com" or name.endswith(".ghe.com"):
        return f"{scheme}://api.{name}"
    return f"{web_url}/api/v3"
