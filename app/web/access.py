"""Who may look: a link that works once, the session it becomes, a fixed token, and the names we answer to."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Literal
from urllib.parse import quote, urlsplit

from pydantic import SecretStr
from starlette.requests import Request
from starlette.responses import Response

from app.domain.model import Frozen
from app.settings import Settings
from app.store.secrets import master_key

# How long may a printed link lie around?
CODE_LIFE = timedelta(minutes=10)
# How long does a browser stay signed in?
SESSION_LIFE = timedelta(days=7)
# Links that nobody used are forgotten, the oldest first.
CODES_KEPT = 20
LOOPBACK_NAMES = frozenset({"127.0.0.1", "::1", "localhost"})
_WILDCARDS = frozenset({"0.0.0.0", "::", ""})  # noqa: S104 - these are compared with, never bound

Repos = Sequence[tuple[str, str]]
Clock = Callable[[], datetime]


class Viewer(Frozen):
    """Somebody who is let in. A viewer sees the repositories the forge lets them read, an operator all."""

    role: Literal["operator", "viewer"]
    # (connection, repository id) each; None means all.
    repos: tuple[tuple[str, str], ...] | None = None

    def may_see(self, connection: str, repo_id: str) -> bool:
        return self.repos is None or (connection, repo_id) in self.repos


OPERATOR = Viewer(role="operator")
# A page: it is only called for somebody who is let in.
Page = Callable[[Request, Viewer], Awaitable[Response]]
# What is shown instead of it: for a stranger, and under a name that is not ours.
Refusal = Callable[[Request], Response]


class Hosts:
    """The names and addresses we answer to: somebody else's name that leads here is an attack on the browser."""

    def __init__(self, *, listen_host: str, public_url: str) -> None:
        given = {listen_host.lower(), (urlsplit(public_url).hostname or "").lower()}
        self._names = LOOPBACK_NAMES | (given - _WILDCARDS)
        # A name can be made to lead elsewhere, an address cannot.
        self._any_address = listen_host in _WILDCARDS

    def include(self, request: Request) -> bool:
        host = host_of(request)
        return host in self._names or (self._any_address and _is_address(host))


def host_of(request: Request) -> str:
    """The Host header without its port; empty when it cannot be read."""
    given = request.headers.get("host", "")
    try:
        return "" if "@" in given else (urlsplit(f"//{given}").hostname or "").lower()
    except ValueError:
        return ""


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


class Access:
    """For one process. Codes are kept in memory; sessions are signed values, so that a restart ends none."""

    def __init__(self, *, key: bytes, hosts: Hosts, token: SecretStr | None, secure: bool, clock: Clock) -> None:
        self.hosts = hosts
        self.token = token.get_secret_value().encode() if token else b""
        # A new token ends the sessions that the old one began.
        self._key = hmac.digest(key, b"session" + self.token, "sha256")
        self._secure = secure
        self._clock = clock
        # Hash of each unused code and the time it ends.
        self._codes: dict[bytes, datetime] = {}
        # Cookies know no ports: two installations on one machine must not sign each other out.
        self.cookie = f"corrigent_{hashlib.sha256(key).hexdigest()[:8]}"

    def new_code(self) -> str:
        code = secrets.token_urlsafe(32)
        self._codes[_hash(code)] = self._clock() + CODE_LIFE
        for oldest in list(self._codes)[:-CODES_KEPT]:
            del self._codes[oldest]
        return code

    def redeem(self, code: str) -> bool:
        """True once for each code that is not too old."""
        given = _hash(code)
        found = [kept for kept in self._codes if hmac.compare_digest(kept, given)]
        return any(self._codes.pop(kept) > self._clock() for kept in found)

    def accepts_token(self, token: str) -> bool:
        """Whether this is the operator's fixed token; never when there is none."""
        return bool(self.token) and hmac.compare_digest(_hash(token), hashlib.sha256(self.token).digest())

    def begin_session(self, request: Request, response: Response) -> None:
        until = int((self._clock() + SESSION_LIFE).timestamp())
        value = f"{secrets.token_urlsafe(32)}.{until}"
        response.set_cookie(
            self.cookie,
            f"{value}.{self._signature(value, host_of(request))}",
            max_age=int(SESSION_LIFE.total_seconds()),
            secure=self._secure,
            httponly=True,
            samesite="strict",
        )

    def viewer(self, request: Request) -> Viewer | None:
        """Who asks; None for a stranger."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and self.accepts_token(token.strip()):
            return OPERATOR
        return OPERATOR if self._is_session(request.cookies.get(self.cookie, ""), host_of(request)) else None

    def form_token(self, request: Request) -> str:
        """What a form of this session's pages carries: whoever makes a browser send a form does not know it.

        SameSite alone is not enough, since another port of this machine is the same site.
        """
        cookie = request.cookies.get(self.cookie, "")
        digest = hmac.digest(self._key, f"form|{host_of(request)}|{cookie}".encode(), "sha256")
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")

    def is_own_form(self, request: Request, given: str) -> bool:
        """Whether a form was sent by a page of this session; what names the operator's token needs no page."""
        if "authorization" in request.headers:
            return True
        return hmac.compare_digest(self.form_token(request).encode(), given.encode("utf-8", "replace"))

    def _is_session(self, cookie: str, host: str) -> bool:
        value, _, signature = cookie.rpartition(".")
        if not hmac.compare_digest(self._signature(value, host).encode(), signature.encode()):
            return False
        return int(value.rpartition(".")[2]) > self._clock().timestamp()

    def _signature(self, value: str, host: str) -> str:
        """Good under one name only: a cookie that was carried elsewhere opens nothing."""
        digest = hmac.digest(self._key, f"{host}|{value}".encode(), "sha256")
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")


class Guard:
    """Stands before every page."""

    def __init__(self, access: Access, *, stranger: Refusal, foreign_name: Refusal) -> None:
        self._access = access
        self._stranger = stranger
        self._foreign_name = foreign_name

    def page(self, page: Page) -> Callable[[Request], Awaitable[Response]]:
        async def guarded(request: Request) -> Response:
            if not self._access.hosts.include(request):
                return self._foreign_name(request)
            viewer = self._access.viewer(request)
            return self._stranger(request) if viewer is None else await page(request, viewer)

        return guarded

    def door(self, door: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
        """For what strangers may ask for, under a name of ours."""

        async def guarded(request: Request) -> Response:
            return await door(request) if self._access.hosts.include(request) else self._foreign_name(request)

        return guarded


def open_access(settings: Settings, clock: Clock) -> Access:
    """With the key in the home folder, which is made at the first start; without that file all sessions end."""
    return Access(
        key=master_key(settings.secrets_folder / "dashboard.key"),
        hosts=Hosts(listen_host=settings.listen_host, public_url=settings.public_url),
        token=settings.dashboard_token,
        secure=settings.public_url.startswith("https://"),
        clock=clock,
    )


def address_of(settings: Settings, port: int) -> str:
    """Where a browser finds the dashboard; a wildcard is no address to go to."""
    if settings.public_url:
        return settings.public_url
    host = "127.0.0.1" if settings.listen_host in _WILDCARDS else settings.listen_host
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def one_time_link(access: Access, address: str) -> str:
    """The dashboard's address with a code that lets one browser in, once, within ten minutes."""
    return f"{address.rstrip('/')}/enter?code={quote(access.new_code())}"


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "replace")).digest()
