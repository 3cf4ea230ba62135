"""Can the forge's address be reached at all, and do its clock and ours agree? Asked as nobody."""

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from socket import gaierror
from urllib.parse import urlsplit

import httpx

from app.domain.errors import UserError
from app.forges.registry import Connection
from app.forges.trust import trust

PATIENCE = httpx.Timeout(10)
SET_CLOCK = "set this machine's clock (timedatectl set-ntp true)"


async def clock_ahead(connection: Connection) -> timedelta:
    """How far our clock is ahead of the forge's. UserError says what stands between us and it."""
    transport = httpx.AsyncHTTPTransport(verify=trust(connection.ca_file), proxy=connection.proxy or None)
    async with httpx.AsyncClient(transport=transport, timeout=PATIENCE, trust_env=False) as http:
        try:
            answer = await http.get(connection.api_url)
        except httpx.HTTPError as error:
            raise UserError(_sentence(connection, error)) from None
    try:
        return datetime.now(UTC) - parsedate_to_datetime(answer.headers["date"])
    except (KeyError, ValueError):
        return timedelta()


def _sentence(connection: Connection, error: httpx.HTTPError) -> str:
    host = urlsplit(connection.api_url).netloc
    if connection.proxy:
        proxy = urlsplit(connection.proxy)
        host = f"{host} through the proxy {proxy.hostname}:{proxy.port}"
    causes = list(_causes(error))
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
        return f"{host} shows a certificate that is not trusted here: `ca_file` names its authority's file"
    if any(isinstance(cause, ssl.SSLError) for cause in causes):
        return f"{host} does not speak TLS as we do"
    if any(isinstance(cause, gaierror) for cause in causes):
        return f"{host}: there is no host of that name"
    if isinstance(error, httpx.TimeoutException):
        return f"{host} does not answer within {PATIENCE.connect:g} s"
    if isinstance(error, httpx.ProxyError):
        return f"{host}: refused by the proxy ({error})"
    return f"{host} cannot be reached: {error or type(error).__name__}"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def skew_told(skew: timedelta) -> str:
    """ "12 min behind", to be followed by whose clock."""
    seconds = abs(skew.total_seconds())
    amount = f"{seconds:.0f} s" if seconds < 600 else f"{seconds / 60:.0f} min"
    return f"{amount} {'ahead of' if skew > timedelta() else 'behind'}"
