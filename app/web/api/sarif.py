"""`POST /api/v1/repositories/{connection}/{repository}/commits/{sha}/sarif`: results of a repository's own CI."""

import asyncio
import hmac
import re
from collections.abc import Callable
from datetime import datetime

import structlog
from pydantic import SecretStr
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from app.domain.errors import UserError
from app.domain.pull_request import Repo
from app.domain.sarif_upload import LARGEST, read_upload
from app.store.repositories import Repositories
from app.store.uploads import MOST_TOOLS, Uploads
from app.web.body import BodyReader, TooLarge, TooSlow

log = structlog.get_logger()

_SHA = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
# Where the body was not read to its end, the connection is of no more use.
_UNREAD = {"connection": "close"}


class SarifDoor:
    """The token stands in `Authorization` only; without one configured the door is closed."""

    def __init__(
        self,
        *,
        uploads: Uploads,
        repositories: Repositories,
        token: SecretStr | None,
        clock: Callable[[], datetime],
        reader: BodyReader | None = None,
    ) -> None:
        self.uploads = uploads
        self.repositories = repositories
        self.token = token
        self.clock = clock
        self.reader = reader or BodyReader()
        # One file at a time: reading the largest takes memory.
        self.turn = asyncio.Semaphore(1)

    @property
    def route(self) -> Route:
        path = "/api/v1/repositories/{connection}/{repository:path}/commits/{sha}/sarif"
        return Route(path, self.receive, methods=["POST"])

    async def receive(self, request: Request) -> Response:
        # An empty secret is a closed door, never an open one.
        if self.token is None or not self.token.get_secret_value():
            return _told(403, "Uploads are closed; the operator opens them with the setting sarif_token.", _UNREAD)
        if not _has_token(request, self.token):
            headers = {"WWW-Authenticate": "Bearer", **_UNREAD}
            return _told(401, "Send the token of uploads as `Authorization: Bearer …`.", headers)
        sha = request.path_params["sha"]
        if _SHA.fullmatch(sha) is None:
            return _told(400, "The commit must be named by its whole hash, in small letters.", _UNREAD)
        repo = await self._repo(request.path_params["connection"], request.path_params["repository"])
        if repo is None:
            return _told(404, "No such repository is under our care.", _UNREAD)
        try:
            body = await self.reader.read(request)
        except TooLarge:
            return _told(413, f"The file is over {LARGEST // 1_000_000} MB.", _UNREAD)
        except TooSlow:
            return _told(408, "The file took over 10 seconds.", _UNREAD)
        except ClientDisconnect:
            return Response(status_code=400)
        return await self._keep(repo, sha, body)

    async def _keep(self, repo: Repo, sha: str, body: bytes) -> Response:
        if len(body) > LARGEST:
            return _told(413, f"The file is over {LARGEST // 1_000_000} MB.")
        try:
            async with self.turn:
                uploads = (await asyncio.to_thread(read_upload, body))[:MOST_TOOLS]
        except UserError as error:
            return _told(400, str(error))
        await self.uploads.keep(repo.connection, repo.repo_id, sha, uploads, self.clock())
        log.info("sarif.kept", repository=repo.full_name, tools=len(uploads))
        tools = [{"tool": one.tool, "kept": len(one.results), "left_out": one.left_out} for one in uploads]
        return JSONResponse({"tools": tools}, 202)

    async def _repo(self, connection: str, named: str) -> Repo | None:
        """By its number at the forge, or by its name."""
        found = await self.repositories.get(connection, named)
        if found is not None:
            return found
        ours = await self.repositories.all(connection)
        return next((repo for repo in ours if repo.full_name.lower() == named.lower()), None)


def _has_token(request: Request, token: SecretStr) -> bool:
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    return scheme.lower() == "bearer" and hmac.compare_digest(
        given.strip().encode("utf-8", "replace"), token.get_secret_value().encode()
    )


def _told(status: int, message: str, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"message": message}, status, headers)
