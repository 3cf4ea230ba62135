"""One connection to GitHub: sends a call, learns what its answer says about limits, raises what it means."""

import asyncio
import ssl
import time
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
from githubkit import GitHub, UnauthAuthStrategy
from githubkit.cache import MemCacheStrategy
from githubkit.exception import GitHubException
from githubkit.response import Response
from githubkit.throttling import BaseThrottler
from pydantic import JsonValue
from typing_extensions import override

from app.domain.errors import ForgeRefused, Unanswered, UserError
from app.domain.names import NAME
from app.forges.answering import no_answer
from app.forges.base import Account, Limits
from app.forges.github.answers import Answer, notice, refusal
from app.forges.github.routes import Route
from app.forges.registry import Connection, Observe
from app.forges.trust import trust

# The version our models and the recorded description are of; github.com serves it until at least March 2028.
API_VERSION = "2022-11-28"
# How long may one exchange take in all? GitHub itself gives up after 10 seconds; a page of 100 files is large.
DEADLINE_SECONDS = 45
_TIMEOUT = httpx.Timeout(20, connect=10, pool=30)
# GitHub allows 100 requests at once for an App; our own limit is where the connections end.
# Few are kept: each request looks at all of them, which with 20 cost as much as the request itself.
_POOL = httpx.Limits(max_connections=80, max_keepalive_connections=8, keepalive_expiry=20)
_REDIRECTS = frozenset({301, 302, 307, 308})
_MOST_REDIRECTS = 3

Params = Mapping[str, str | int]


@dataclass(frozen=True)
class Grant:
    """The right to send one call: whose limits it spends, and the header that proves it (empty: nobody's)."""

    account: Account
    header: str = field(default="", repr=False)


class GitHubClient:
    """Safe to use from any task of one event loop. Sends nothing twice by itself."""

    def __init__(
        self,
        connection: Connection,
        limits: Limits,
        *,
        observe: Observe | None = None,
    ) -> None:
        self.connection = connection
        self._limits = limits
        self._observe = observe
        self._host = httpx.URL(connection.api_url)
        self._github = _PlainGitHub(connection)

    async def send(
        self, grant: Grant, route: Route, *, params: Params | None = None, json: JsonValue = None, **parts: str | int
    ) -> Answer:
        """The answer to one call, redirects within the host followed; every other outcome is an error of ours."""
        url = graphql_url(self._host) if route.template == "/graphql" else route.path(**parts)
        answer = await self._send_once(grant, route, url, params, json)
        redirects = 0
        while answer.status in _REDIRECTS:
            redirects += 1
            if redirects > _MOST_REDIRECTS:
                raise ForgeRefused(answer.status, "redirected too often")
            # A redirect's address is complete: what was asked is in it.
            answer = await self._send_once(grant, route, self._within_host(answer), None, json)
        return answer

    async def close(self) -> None:
        await self._github.close()

    async def _send_once(self, grant: Grant, route: Route, url: str, params: Params | None, json: JsonValue) -> Answer:
        await self._limits.admit(grant.account, points=route.points, creates_content=route.creates_content)
        answer = await self._exchange(grant, route, url, params, json)
        error = refusal(answer, datetime.now(UTC))
        if learnt := notice(answer, error):
            await self._limits.learn(grant.account, learnt)
        if error:
            raise error
        return answer

    async def _exchange(self, grant: Grant, route: Route, url: str, params: Params | None, json: JsonValue) -> Answer:
        headers = {"X-GitHub-Api-Version": API_VERSION}
        if grant.header:
            headers["Authorization"] = grant.header
        started, status = time.monotonic(), 0
        try:
            async with asyncio.timeout(DEADLINE_SECONDS):
                got = await self._github.arequest(route.method, url, params=params, json=json, headers=headers)
            status = got.status_code
        except TimeoutError as error:
            raise Unanswered(f"{route}: no answer in {DEADLINE_SECONDS} s") from error
        except GitHubException as error:
            cause: Exception = getattr(error, "exc", error)
            raise self._failure(route, cause) from error
        finally:
            if self._observe:
                self._observe(route.method, route.template, status, time.monotonic() - started)
        return Answer(route, status, got.headers, got.raw_response.content)

    def _failure(self, route: Route, cause: Exception) -> Exception:
        """What it means that no answer came; githubkit wraps whatever went wrong, bugs included."""
        if not isinstance(cause, httpx.HTTPError):
            return cause
        if _untrusted(cause):
            return UserError(
                f"{self._host.host!r} shows a certificate that is not trusted here; "
                "name its authority's file as `ca_file` of this connection."
            )
        return no_answer(cause, str(route))

    def _within_host(self, answer: Answer) -> str:
        """Where a redirect leads, if that is still the host the token belongs to."""
        target = self._host.join(answer.headers.get("location", ""))
        if (target.scheme, target.host, target.port) != (self._host.scheme, self._host.host, self._host.port):
            raise ForgeRefused(answer.status, f"redirected to another host, {target.host!r}")
        return str(target)


class _PlainGitHub(GitHub[UnauthAuthStrategy]):
    """githubkit without what is unsafe here: one pool for all tasks, and every answer comes back as it is.

    Its own client lives in a ContextVar and is missing in tasks with another context (40 ms for a new one per call);
    its checks raise ValueError for a `retry-after` that is a date, and miss two forms of the secondary limit.
    """

    def __init__(self, connection: Connection) -> None:
        super().__init__(
            UnauthAuthStrategy(),
            base_url=connection.api_url,
            user_agent=NAME,
            timeout=_TIMEOUT,
            follow_redirects=False,
            trust_env=False,
            async_transport=httpx.AsyncHTTPTransport(
                verify=trust(connection.ca_file), proxy=connection.proxy or None, limits=_POOL
            ),
            cache_strategy=MemCacheStrategy(),
            http_cache=False,
            throttler=_NoThrottle(),
            auto_retry=False,
            rest_api_validate_body=False,
        )
        self._shared: httpx.AsyncClient | None = None

    @override
    @asynccontextmanager
    async def get_async_client(self) -> AsyncGenerator[httpx.AsyncClient, None]:
        if self._shared is None:
            self._shared = await self._create_async_client()
        yield self._shared

    async def close(self) -> None:
        if self._shared is not None:
            await self._shared.aclose()

    @override
    def _check_is_error(self, response: httpx.Response) -> bool:
        return False

    @override
    def _check_rate_limit(self, response: "Response[Any, Any]") -> None:
        return None


class _NoThrottle(BaseThrottler):
    """The limiter has been asked before; the pool bounds how many run at once."""

    @override
    @contextmanager
    def acquire(self, request: httpx.Request) -> Generator[None, Any, Any]:
        yield

    @override
    @asynccontextmanager
    async def async_acquire(self, request: httpx.Request) -> AsyncGenerator[None, Any]:
        yield


def graphql_url(api_url: httpx.URL) -> str:
    """GraphQL lives beside REST: /graphql on github.com, /api/graphql where REST is /api/v3."""
    path = api_url.path.rstrip("/")
    return str(api_url.copy_with(path=(path.removesuffix("/v3") if path.endswith("/api/v3") else path) + "/graphql"))


def _untrusted(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False
