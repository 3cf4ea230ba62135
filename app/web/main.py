"""The web application: the door for deliveries, health, metrics, and the dashboard."""

from collections.abc import Awaitable, Callable, Mapping, Sequence

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from app.web.hooks import HookDoor

# What every page says to the browser: nothing of others is loaded, nobody may frame us.
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
}


def create_app(
    *, door: HookDoor, healthy: Callable[[], Awaitable[Mapping[str, str]]], pages: Sequence[BaseRoute] = ()
) -> Starlette:
    """`healthy` names what is wrong; empty means that this process can do its work."""

    async def health(_: Request) -> Response:
        wrong = await healthy()
        return JSONResponse({"wrong": dict(wrong)} if wrong else {"ok": True}, 503 if wrong else 200)

    return Starlette(
        routes=[
            Route("/hooks/{connection}", door.receive, methods=["POST"]),
            Route("/healthz", health),
            *pages,
        ]
    )
