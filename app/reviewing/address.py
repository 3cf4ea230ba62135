"""The address of a pull request as people copy it from their browser, taken apart without trusting any of it."""

import re
from urllib.parse import urlsplit

from app.domain.errors import UserError
from app.domain.model import Frozen
from app.settings import LOOPBACK

GITHUB = "https://github.com"
_WISH = "use https://HOST/OWNER/REPO/pull/N"
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_HOST = re.compile(r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*|\[?::1\]?")
# Pages of a pull request have one word more: /files, /commits, /checks.
_PATH = re.compile(
    r"/(?P<owner>[A-Za-z0-9_-]{1,100})/(?P<name>[A-Za-z0-9._-]{1,100})/pull/(?P<number>[1-9]\d{0,8})(?:/.*)?"
)


class PullRequestAddress(Frozen):
    """Which pull request, on which site."""

    web_url: str
    full_name: str
    number: int

    @property
    def host(self) -> str:
        """As programs name it: with its port where it is not the usual one."""
        return urlsplit(self.web_url).netloc

    @property
    def api_url(self) -> str:
        if self.web_url == GITHUB:
            return "https://api.github.com"
        if self.host.endswith(".ghe.com"):
            return f"https://api.{self.host}"
        return f"{self.web_url}/api/v3"


def is_address(text: str) -> bool:
    """Whether it is meant as one; everything else is a folder."""
    return _SCHEME.match(text) is not None


def parse_address(text: str) -> PullRequestAddress:
    """UserError names what is wrong and what to write. What stands before an @ is never repeated: it may be a token."""
    shown = text if len(text) <= 200 else f"{text[:200]}…"
    if not text.isascii() or not text.isprintable() or " " in text or "\\" in text:
        raise UserError(f"{shown!r} holds characters that no address of a pull request has; {_WISH}.")
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise UserError(f"That is not an address; {_WISH}.") from None
    if "@" in parts.netloc:
        raise UserError("Leave user names, passwords and tokens out of addresses; set GITHUB_TOKEN instead.")
    if parts.scheme not in {"https", "http"} or _HOST.fullmatch(host) is None:
        raise UserError(f"{shown!r} is not the address of a pull request; {_WISH}.")
    if parts.scheme == "http" and host not in LOOPBACK:
        raise UserError(f"{shown!r} is plain http, which anybody on the way can read; {_WISH}.")
    if "/-/merge_requests/" in parts.path:
        raise UserError(f"{shown!r} is a merge request of GitLab; this version reads pull requests of GitHub.")
    found = _PATH.fullmatch(parts.path)
    if found is None or found["name"] in {".", ".."}:
        raise UserError(f"{shown!r} is not the address of a pull request; {_WISH}.")
    return PullRequestAddress(
        web_url=_origin(parts.scheme, host, port),
        full_name=f"{found['owner']}/{found['name']}",
        number=int(found["number"]),
    )


def _origin(scheme: str, host: str, port: int | None) -> str:
    host = "github.com" if host == "www.github.com" else host
    usual = port is None or port == {"https": 443, "http": 80}[scheme]
    host = f"[{host}]" if ":" in host else host
    return f"{scheme}://{host}" if usual else f"{scheme}://{host}:{port}"
