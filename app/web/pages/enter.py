"""`/enter`: a printed link, or the operator's token, becomes a session."""

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from app.web.access import Access
from app.web.body import BodyReader
from app.web.pages.parts.forms import form_value
from app.web.pages.parts.rendering import Templates

_SPENT = "That link was used already, or is older than ten minutes."
_WRONG = "That is not the token."


class EnterPage:
    def __init__(self, *, access: Access, templates: Templates, reader: BodyReader) -> None:
        self._access = access
        self._templates = templates
        self._reader = reader

    async def show(self, request: Request) -> Response:
        code = request.query_params.get("code", "")
        if not code:
            return self._form()
        return self._let_in(request) if self._access.redeem(code) else self._form(_SPENT)

    async def submit(self, request: Request) -> Response:
        """The fixed token, typed: in a body, because addresses are written down everywhere."""
        token = await form_value(request, "token", self._reader)
        return self._let_in(request) if self._access.accepts_token(token) else self._form(_WRONG)

    def _let_in(self, request: Request) -> Response:
        # A page and not a redirect: a browser that was sent here by another site would not show the new cookie.
        answer = self._templates.page("onward.html", target="/")
        self._access.begin_session(request, answer)
        return answer

    def _form(self, wrong: str = "") -> Response:
        status = 403 if wrong else 200
        return self._templates.page("enter.html", status=status, wrong=wrong, with_token=bool(self._access.token))


def stranger(templates: Templates, request: Request) -> Response:
    """For somebody without a session."""
    if "authorization" in request.headers or "text/event-stream" in request.headers.get("accept", ""):
        return PlainTextResponse("Not signed in.", 401, headers={"WWW-Authenticate": "Bearer"})
    if request.headers.get("sec-fetch-site") == "cross-site" and request.headers.get("sec-fetch-mode") == "navigate":
        # Whoever follows a link from the forge has a session that browsers only show to our own pages' links.
        return templates.page("onward.html", target=_own_path(request))
    return RedirectResponse("/enter", 303)


def _own_path(request: Request) -> str:
    """The address that was asked for; two slashes at its beginning would name another host."""
    query = f"?{request.url.query}" if request.url.query else ""
    return f"/{request.url.path.lstrip('/')}{query}"
