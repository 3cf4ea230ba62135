"""What is shown when a page could not be made: a sentence and an id, under which the log has the trace."""

from collections.abc import Callable
from datetime import datetime

import structlog
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from app.store.database import is_away
from app.store.ids import new_id
from app.web.pages.parts.rendering import Templates

log = structlog.get_logger()

_FAILED = "This page could not be made", "Something in Corrigent failed while it was made. Reload to try again."
_AWAY = (
    "The database does not answer",
    "Reload in a moment. What forges send meanwhile is refused, and fetched later.",
)


class Failure:
    """For errors that nobody expected: they are ours, and nothing of them is for the visitor's eyes."""

    def __init__(self, *, templates: Templates, clock: Callable[[], datetime]) -> None:
        self._templates = templates
        self._clock = clock

    async def show(self, request: Request, error: Exception) -> Response:
        failure_id = new_id(self._clock())
        log.error("page.failed", failure_id=failure_id, path=request.url.path, exc_info=error)
        away = isinstance(error, OSError) or is_away(error)
        status, (title, text) = (503, _AWAY) if away else (500, _FAILED)
        text = f"{text} The log has the reason under {failure_id}."
        if "text/html" not in request.headers.get("accept", ""):
            return PlainTextResponse(f"{title}. {text}\n", status)
        return self._templates.page("message.html", status=status, title=title, text=text)
