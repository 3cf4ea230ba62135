"""The page on this machine from which an App is made: it sends the browser to GitHub and takes the code it brings."""

import asyncio
import hmac
import html
import json
import re
import secrets
from collections.abc import Awaitable, Callable
from importlib.resources import files
from string import Template
from urllib.parse import parse_qs, urlsplit

from pydantic import JsonValue
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from app.domain.errors import ForgeRefused, ForgeUnavailable, Gone, RateLimited, UserError
from app.domain.names import NAME
from app.web.main import HEADERS

PAGE = "/setup"
CREATED = "/setup/created"

_CODE = re.compile(r"[A-Za-z0-9_-]{8,200}")


class MakingPage:
    """`made` is done once an App came back; until then a mistake is told on the page, and the page can be used again.

    `exchange` turns a code into an App and keeps it; what it returns is where the browser goes to install it.
    """

    def __init__(
        self,
        *,
        creation_url: Callable[[str], str],
        manifest: Callable[[str], JsonValue],
        exchange: Callable[[str], Awaitable[str]],
        rights: str,
    ) -> None:
        self.state = secrets.token_urlsafe(24)
        self.made: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._creation_url = creation_url(self.state)
        self._manifest = manifest
        self._exchange = exchange
        self._rights = rights
        self._turn = asyncio.Lock()

    def app(self) -> Starlette:
        # By other names than its own a stranger's page could reach this one in the same browser.
        own_names = Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])
        routes = [Route(PAGE, self._form), Route(CREATED, self._created)]
        return Starlette(routes=routes, middleware=[own_names])

    async def take(self, text: str) -> str:
        """A code, or the whole address it came in; UserError when it is of no use."""
        code, state = _code_in(text)
        if state and not hmac.compare_digest(state, self.state):
            raise UserError("This address comes from another setup. Open the page again and press Create.")
        async with self._turn:
            # Loading the page again, or going back to it, brings the same code.
            if not self.made.done():
                self.made.set_result(await self._exchanged(code))
        return self.made.result()

    async def _exchanged(self, code: str) -> str:
        try:
            return await self._exchange(code)
        except Gone:
            raise UserError(
                "GitHub does not know this code: each works once, for one hour. Open the page again and press Create."
            ) from None
        except (ForgeRefused, ForgeUnavailable, RateLimited) as error:
            raise UserError(f"GitHub did not hand over the App: {error}. Load this page again.") from None

    async def _form(self, request: Request) -> Response:
        if self.made.done():
            return RedirectResponse(self.made.result(), 303)
        # The address as this browser has it: a port may have been forwarded from another machine.
        manifest = self._manifest(str(request.base_url).rstrip("/") + CREATED)
        body = (
            f"<p>GitHub shows the App next; its name may be changed there. It may do this and no more:</p>"
            f"<p>{html.escape(self._rights)}</p>"
            f'<form method="post" action="{html.escape(self._creation_url)}">'
            f'<input type="hidden" name="manifest" value="{html.escape(json.dumps(manifest))}">'
            f"<button autofocus>Create</button></form>"
            f"<p>Then choose one repository to begin with.</p>"
        )
        return self._page(f"{NAME}: make the App", body)

    async def _created(self, request: Request) -> Response:
        if request.query_params.get("state") is None:
            return self._page("Not from this setup", f'<p><a href="{PAGE}">Begin here.</a></p>', 400)
        try:
            return RedirectResponse(await self.take(str(request.url)), 303)
        except UserError as error:
            body = f'<p>{html.escape(str(error))}</p><p><a href="{PAGE}">To the page</a></p>'
            return self._page("The App is not here yet", body, 400)

    def _page(self, title: str, body: str, status: int = 200) -> HTMLResponse:
        nonce = secrets.token_urlsafe(12)
        target = urlsplit(self._creation_url)
        policy = (
            f"default-src 'none'; style-src 'nonce-{nonce}'; frame-ancestors 'none'; base-uri 'none'; "
            # A browser holds a form to this also where the answers lead: to a company's own sign-in, and back to us.
            f"form-action 'self' https: {target.scheme}://{target.netloc}"
        )
        template = Template(files("app.setup").joinpath("page.html").read_text(encoding="utf-8"))
        text = template.substitute(title=html.escape(title), body=body, nonce=nonce)
        return HTMLResponse(text, status, headers={**HEADERS, "Content-Security-Policy": policy})


def _code_in(text: str) -> tuple[str, str]:
    """Code and state; a code that is typed alone has no state, and whoever sits at the terminal means it."""
    text = text.strip()
    query = parse_qs(urlsplit(text).query) if "://" in text else {"code": [text]}
    code, state = query.get("code", [""])[0], query.get("state", [""])[0]
    if not _CODE.fullmatch(code) or ("://" in text and not state):
        raise UserError("There is no code in this. Paste the whole address that the browser shows after Create.")
    return code, state
