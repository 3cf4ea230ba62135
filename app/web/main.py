"""The web application: the door for deliveries, health, metrics, and the dashboard."""

from collections.abc import Awaitable, Callable, Mapping, Sequence

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.web.hooks import HookDoor
from app.web.pages.metrics import MetricsPage

# What every answer says to a browser: nothing of others is loaded, nothing is written into the page, nobody frames us.
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    # Pages hold excerpts of private code; a page that may be kept says so itself.
    "Cache-Control": "no-store",
}


# Names what is wrong; empty means that this process can do its work.
Healthy = Callable[[], Awaitable[Mapping[str, str]]]
# Answers for what raised an error that nobody expected.
Failed = Callable[[Request, Exception], Awaitable[Response]]


def create_app(
    *, door: HookDoor, healthy: Healthy, pages: Sequence[BaseRoute] = (), failed: Failed | None = None
) -> Starlette:
    return Starlette(
        routes=[
            Route("/hooks/{connection}", door.receive, methods=["POST"]),
            Route("/healthz", _health(healthy)),
            *pages,
        ],
        middleware=[
            Middleware(_WithHeaders),
            # In the place of Starlette's own, which answers and then raises again for the server to log a second time.
            *([] if failed is None else [Middleware(ExceptionMiddleware, handlers={Exception: failed})]),
        ],
    )


def create_figures_app(*, healthy: Healthy, figures: MetricsPage) -> Starlette:
    """Of a process without a door."""
    routes = [Route("/healthz", _health(healthy)), Route("/metrics", figures.show)]
    return Starlette(routes=routes, middleware=[Middleware(_WithHeaders)])


def _health(healthy: Healthy) -> Callable[[Request], Awaitable[Response]]:
    async def health(_: Request) -> Response:
        wrong = await healthy()
        return JSONResponse({"wrong": dict(wrong)} if wrong else {"ok": True}, 503 if wrong else 200)

    return health


class _WithHeaders:
    """Adds HEADERS to every answer that does not set them itself."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, send_with_headers)
