"""The address of a pull request as people copy it from their browser, taken apart without trusting any of it."""

import re
from collections.abc import Iterable
from typing import Literal
from urllib.parse import urlsplit

from app.connection_settings import LOOPBACK
from app.domain.errors import UserError
from app.domain.model import Frozen

GITHUB = "https://github.com"
GITLAB = "https://gitlab.com"
_WISH = "use https://HOST/OWNER/REPO/pull/N, or https://HOST/GROUP/PROJECT/-/merge_requests/N"
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_HOST = re.compile(r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*|\[?::1\]?")
# Pages of a pull request have one word more: /files, /commits, /checks.
_PATH = re.compile(
    r"/(?P<owner>[A-Za-z0-9_-]{1,100})/(?P<name>[A-Za-z0-9._-]{1,100})/pull/(?P<number>[1-9]\d{0,8})(?:/.*)?"
)
# Groups nest; before them may stand the path that a GitLab of one's own lives below.
_MERGE = re.compile(
    r"/(?P<path>[A-Za-z0-9_.-]{1,255}(?:/[A-Za-z0-9_.-]{1,255}){1,22})/-/merge_requests/(?P<number>[1-9]\d{0,8})(?:/.*)?"
)


class PullRequestAddress(Frozen):
    """Which pull request, on which site."""

    kind: Literal["github", "gitlab"] = "github"
    web_url: str
    full_name: str
    number: int

    @property
    def host(self) -> str:
        """As programs name it: with its port where it is not the usual one."""
        return urlsplit(self.web_url).netloc

    @property
    def api_url(self) -> str:
        if self.kind == "gitlab":
            return f"{self.web_url}/api/v4"
        if self.web_url == GITHUB:
            return "https://api.github.com"
        if self.host.endswith(".ghe.com"):
            return f"https://api.{self.host}"
        return f"{self.web_url}/api/v3"

    def below(self, sites: Iterable[str]) -> "PullRequestAddress":
        """The same, where one of these sites has a path: an address alone does not tell it from a group."""
        full = f"{self.web_url}/{self.full_name}"
        for site in sites:
            if self.kind == "gitlab" and full.startswith(f"{site}/") and "/" in full.removeprefix(f"{site}/"):
                return self.model_copy(update={"web_url": site, "full_name": full.removeprefix(f"{site}/")})
        return self


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
        raise UserError(
            "Leave user names, passwords and tokens out of addresses; set GITHUB_TOKEN or GITLAB_TOKEN instead."
        )
    if parts.scheme not in {"https", "http"} or _HOST.fullmatch(host) is None:
        raise UserError(f"{shown!r} is not the address of a pull request; {_WISH}.")
    if parts.scheme == "http" and host not in LOOPBACK:
        raise UserError(f"{shown!r} is plain http, which anybody on the way can read; {_WISH}.")
    site = _origin(parts.scheme, host, port)
    if (merge := _MERGE.fullmatch(parts.path)) and not {".", ".."} & set(merge["path"].split("/")):
        return PullRequestAddress(kind="gitlab", web_url=site, full_name=merge["path"], number=int(merge["number"]))
    found = _PATH.fullmatch(parts.path)
    if found is None or found["name"] in {".", ".."}:
        raise UserError(f"{shown!r} is not the address of a pull request; {_WISH}.")
    return PullRequestAddress(web_url=site, full_name=f"{found['owner']}/{found['name']}", number=int(found["number"]))


def _origin(scheme: str, host: str, port: int | None) -> str:
    host = "github.com" if host == "www.github.com" else host
    usual = port is None or port == {"https": 443, "http": 80}[scheme]
    host = f"[{host}]" if ":" in host else host
    return f"{scheme}://{host}" if usual else f"{scheme}://{host}:{port}"
