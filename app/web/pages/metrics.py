"""`/metrics`: figures for Prometheus, for who has the token, or without one for this machine only."""

import hmac
from ipaddress import ip_address

from pydantic import SecretStr
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from app.metrics import CONTENT_TYPE, Metrics
from app.store.deliveries import Deliveries
from app.web.access import LOOPBACK_NAMES, host_of

# A proxy on this machine speaks for somebody who may be anywhere.
_FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip")


class MetricsPage:
    """`deliveries` is None where there is no database."""

    def __init__(self, *, metrics: Metrics, deliveries: Deliveries | None, token: SecretStr | None) -> None:
        self._metrics = metrics
        self._deliveries = deliveries
        self._token = token

    async def show(self, request: Request) -> Response:
        if self._token is not None:
            if not _has_token(request, self._token):
                return PlainTextResponse("Send the metrics token.", 401, headers={"WWW-Authenticate": "Bearer"})
        elif not _is_from_here(request):
            return PlainTextResponse(
                "Figures are for this machine only; set metrics_token to read them from afar.", 403
            )
        if self._deliveries is not None:
            self._metrics.backlog(*await self._deliveries.backlog())
        return Response(self._metrics.render(), headers={"Content-Type": CONTENT_TYPE})


def _has_token(request: Request, token: SecretStr) -> bool:
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    return scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), token.get_secret_value().encode())


def _is_from_here(request: Request) -> bool:
    """From this machine, under its own name: a page in a browser here may ask in another's name."""
    if request.client is None or any(name in request.headers for name in _FORWARDED):
        return False
    return ip_address(request.client.host).is_loopback and host_of(request) in LOOPBACK_NAMES
