"""One connection to GitLab: sends a call, learns what its answer says about limits, raises what it means."""

import asyncio
import base64
import ssl
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import urlsplit

import httpx
from pydantic import JsonValue, SecretStr

from app.domain.errors import ForgeRefused, Unanswered, UserError
from app.domain.names import NAME
from app.forges.answering import Unauthorized, no_answer
from app.forges.base import Account, GitAccess, Limits, TokenShelf
from app.forges.gitlab.answers import Answer, notice, refusal
from app.forges.gitlab.routes import Route
from app.forges.registry import Connection, Observe
from app.forges.trust import trust

# How long may one exchange take in all? GitLab itself gives up after 60 seconds; a page of 100 files is large.
DEADLINE_SECONDS = 65
_TIMEOUT = httpx.Timeout(30, connect=10, pool=30)
_POOL = httpx.Limits(max_connections=20, max_keepalive_connections=10, keepalive_expiry=20)
_REDIRECTS = frozenset({301, 302, 307, 308})
_MOST_REDIRECTS = 3

Params = Mapping[str, str | int]


class GitLabClient:
    """Safe to use from any task of one event loop. Sends nothing twice by itself, and nothing to another origin."""

    def __init__(
        self,
        connection: Connection,
        limits: Limits,
        *,
        observe: Observe | None = None,
        shelf: TokenShelf | None = None,
    ) -> None:
        self.connection = connection
        self._limits = limits
        self._observe = observe
        # Without one the connection's token is the only one there ever was.
        self._shelf = shelf
        self._token = connection.token
        self._is_looked_up = shelf is None
        self._account = Account(connection=connection.key, installation_id="")
        self._api = httpx.URL(_checked(connection.api_url))
        self._http = httpx.AsyncClient(
            headers={"User-Agent": NAME, "Accept": "application/json"},
            timeout=_TIMEOUT,
            follow_redirects=False,
            trust_env=False,
            transport=httpx.AsyncHTTPTransport(
                verify=trust(connection.ca_file), proxy=connection.proxy or None, limits=_POOL
            ),
        )

    @property
    def token(self) -> str:
        return self._token.get_secret_value()

    def use(self, token: SecretStr) -> None:
        """From now on this token, which must be stored before: nobody else knows it."""
        self._token = token

    async def refresh(self) -> None:
        """From now on the token that counts: any process may have changed it since."""
        self._is_looked_up = True
        if self._shelf is not None:
            self._token = await self._shelf.token()

    async def send(
        self, route: Route, *, params: Params | None = None, json: JsonValue = None, **parts: str | int
    ) -> Answer:
        """The answer to one call; a read that is redirected within the API's address is followed."""
        url = self._api.copy_with(raw_path=self._api.raw_path.rstrip(b"/") + route.path(**parts).encode())
        if params:
            url = url.copy_merge_params(dict(params))
        answer = await self._send_once(route, url, json)
        redirects = 0
        while answer.status in _REDIRECTS:
            redirects += 1
            if redirects > _MOST_REDIRECTS or route.method != "GET":
                raise ForgeRefused(answer.status, "redirected; is `web_url` the address that GitLab has?")
            answer = await self._send_once(route, self._within_api(answer, url), None)
        return answer

    async def git_access(self, full_name: str) -> GitAccess:
        """How git reaches a project; with a token any user name will do."""
        await self.refresh()
        secret = base64.b64encode(f"oauth2:{self.token}".encode()).decode()
        return GitAccess(
            url=f"{self.connection.web_url.rstrip('/')}/{full_name}.git",
            header=f"Authorization: Basic {secret}" if self.token else "",
            ca_file=self.connection.ca_file,
            proxy=self.connection.proxy,
        )

    async def close(self) -> None:
        await self._http.aclose()

    async def _send_once(self, route: Route, url: httpx.URL, json: JsonValue) -> Answer:
        """Sent once more with another token when the first is no longer taken: a 401 is sure that nothing was done."""
        if not self._is_looked_up:
            await self.refresh()
        used = self.token
        try:
            return await self._try(route, url, json)
        except Unauthorized:
            await self.refresh()
            if self.token == used:
                raise
        return await self._try(route, url, json)

    async def _try(self, route: Route, url: httpx.URL, json: JsonValue) -> Answer:
        await self._limits.admit(self._account, points=1, creates_content=route.creates_content)
        answer = await self._exchange(route, url, json)
        error = refusal(answer, datetime.now(UTC))
        if learnt := notice(answer, error):
            await self._limits.learn(self._account, learnt)
        if error:
            raise error
        return answer

    async def _exchange(self, route: Route, url: httpx.URL, json: JsonValue) -> Answer:
        headers = {"PRIVATE-TOKEN": self.token} if self.token else {}
        started, status = time.monotonic(), 0
        try:
            async with asyncio.timeout(DEADLINE_SECONDS):
                got = await self._http.request(route.method, url, json=json, headers=headers)
            status = got.status_code
        except TimeoutError as error:
            raise Unanswered(f"{route}: no answer in {DEADLINE_SECONDS} s") from error
        except httpx.HTTPError as error:
            raise self._failure(route, error) from error
        finally:
            if self._observe:
                self._observe(route.method, route.template, status, time.monotonic() - started)
        return Answer(route, status, got.headers, got.content)

    def _failure(self, route: Route, error: httpx.HTTPError) -> Exception:
        if _untrusted(error):
            return UserError(
                f"{self._api.host!r} shows a certificate that is not trusted here; "
                "name its authority's file as `ca_file` of this connection."
            )
        return no_answer(error, str(route))

    def _within_api(self, answer: Answer, asked: httpx.URL) -> httpx.URL:
        """Where a redirect leads, if that is still below the address the token belongs to."""
        target = asked.join(answer.headers.get("location", ""))
        same_origin = (target.scheme, target.host, target.port) == (self._api.scheme, self._api.host, self._api.port)
        if not same_origin or target.userinfo or not target.path.startswith(self._api.path.rstrip("/") + "/"):
            raise ForgeRefused(answer.status, f"redirected to another place, at {target.host!r}")
        return target


def _checked(api_url: str) -> str:
    parts = urlsplit(api_url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.query or parts.fragment:
        raise UserError(f"{api_url!r} is not the address of GitLab's API; it looks like https://HOST/api/v4.")
    return api_url


def _untrusted(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False
