"""The door: every request passes script, sign-in and limits, finds its endpoint, and is written down."""

import hashlib
import re
import secrets
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace

from app.forges.fake.access import Viewer, sign_in
from app.forges.fake.errors import Refusal, forbidden, not_found
from app.forges.fake.exchange import Answer, AnswerCut, ConnectionCut, Request, Seen
from app.forges.fake.faults import Effect, Faults, Truncate, after, before, lag
from app.forges.fake.flavours import without_later_fields
from app.forges.fake.git_http import GitDoor, as_git
from app.forges.fake.graphql_api.door import answer_graphql
from app.forges.fake.http import Call, Route
from app.forges.fake.rest.registry import ROUTES
from app.forges.fake.routes import find_route
from app.forges.fake.state import FakeGitHub
from app.forges.fake.website import visit

_BY_ID = re.compile(r"^/repositories/(\d{1,18})(?=/|$)")
# What a request costs in points of the secondary limit.
_READ_POINTS, _WRITE_POINTS = 1, 5
_VERSIONS = ("2022-11-28", "2026-03-10")
_REMEMBERED_REQUESTS = 200_000


class Server:
    """Answers requests; one of these stands behind each fake."""

    def __init__(self, github: FakeGitHub) -> None:
        self.github = github
        self.faults = Faults()
        self.requests: deque[Seen] = deque(maxlen=_REMEMBERED_REQUESTS)
        # Told of every request and its answer: those who wait, and those who check.
        self.observers: list[Callable[[Request, Answer], None]] = []
        self._git = GitDoor(github)

    async def answer(self, request: Request) -> Answer:
        """What this request is answered; ConnectionCut and AnswerCut when a script says so."""
        request = self._canonical(request)
        effects = self.faults.striking(request.method, request.path)
        viewer = Viewer()
        try:
            self._check_version(request)
            viewer = self._sign_in(request)
            answer = await self._within_limits(request, viewer, effects)
        except Refusal as refused:
            answer = Answer(refused.status, refused.data, headers=refused.headers)
        except ConnectionCut:
            self._note(request, Answer(0), viewer)
            raise
        answer = self._finished(request, viewer, answer)
        self._note(request, answer, viewer)
        if any(isinstance(effect, Truncate) for effect in effects):
            raise AnswerCut(answer)
        return answer

    def _note(self, request: Request, answer: Answer, viewer: Viewer) -> None:
        """Write it down; status 0 is a connection that was cut."""
        self.requests.append(Seen(request.method, request.path, answer.status, viewer.account_key))
        for observe in self.observers:
            observe(request, answer)

    def _canonical(self, request: Request) -> Request:
        """The path as github.com has it, by owner and name."""
        path = request.path
        if self.github.flavour != "github.com":
            path = (
                path.replace("/api/graphql", "/graphql", 1) if path == "/api/graphql" else path.removeprefix("/api/v3")
            )
        by_id = _BY_ID.match(path)
        if by_id is not None:
            repo = self.github.repositories.get(int(by_id[1]))
            name = repo.full_name if repo is not None and not repo.deleted else "unknown/unknown"
            path = f"/repos/{name}{path[by_id.end() :]}"
        return replace(request, path=path)

    def _check_version(self, request: Request) -> None:
        """An unknown version is refused; older servers know of no versions."""
        wanted = request.headers.get("x-github-api-version")
        if wanted and self.github.flavour == "github.com" and wanted not in _VERSIONS:
            raise Refusal(400, f"API version {wanted} is not supported.")

    def _sign_in(self, request: Request) -> Viewer:
        if as_git(request) is not None:
            return Viewer()
        return sign_in(self.github, request.headers.get("authorization", ""))

    async def _within_limits(self, request: Request, viewer: Viewer, effects: Sequence[Effect]) -> Answer:
        git = as_git(request)
        # git has limits of its own, which nobody has written down.
        leave = self.github.limits.enter(viewer.account_key) if git is None else _nothing
        try:
            await before(effects)
            answer = await (self._dispatch(request, viewer, effects) if git is None else self._git.serve(request, git))
            after(effects)
        finally:
            leave()
        return answer

    async def _dispatch(self, request: Request, viewer: Viewer, effects: Sequence[Effect]) -> Answer:
        if request.path == "/graphql" and request.method == "POST":
            return await answer_graphql(self.github, request, viewer)
        found = find_route(ROUTES, request.method, request.path)
        if found is None:
            page = visit(self.github, request)
            if page is None:
                raise not_found()
            return page
        route, params = found
        self._admit(route, viewer)
        call = Call(self.github, request, viewer, params, lag=lag(effects))
        if route.pattern[0] == "repos":
            call.found_repo = self.github.find_repository(params["owner"], params["repo"])
            if call.found_repo is None:
                raise not_found()
            if viewer.app is None:
                viewer.require(call.found_repo, route.needs)
            elif route.needs:
                raise forbidden(*route.needs)
            if call.found_repo.archived and route.method != "GET":
                raise Refusal(403, "Repository was archived so is read-only.")
        return await route.handler(call)

    def _admit(self, route: Route, viewer: Viewer) -> None:
        if route.pattern == ("rate_limit",):
            return
        points = _READ_POINTS if route.method == "GET" else _WRITE_POINTS
        self.github.limits.admit(viewer.account_key, resource="core", points=points, content=route.content)

    def _finished(self, request: Request, viewer: Viewer, answer: Answer) -> Answer:
        """Headers that every answer has; a known ETag makes it a 304."""
        if self.github.flavour != "github.com" and answer.data is not None:
            answer = replace(answer, data=without_later_fields(answer.data))
        status, own_headers, content = answer.rendered()
        etag: dict[str, str] = {}
        if request.method == "GET" and status == 200 and as_git(request) is None:
            etag = {"etag": f'W/"{hashlib.sha256(content).hexdigest()}"'}
            if request.headers.get("if-none-match") == etag["etag"]:
                self.github.limits.refund(viewer.account_key)
                status, content = 304, b""
        resource = "graphql" if request.path == "/graphql" else "core"
        headers = {
            **self.github.limits.headers(viewer.account_key, resource),
            **etag,
            "x-github-request-id": secrets.token_hex(8).upper(),
            "x-github-media-type": "github.v3; format=json",
            **own_headers,
        }
        if self.github.flavour != "github.com":
            headers["x-github-enterprise-version"] = "3.5.0"
        return Answer(status, content=content, headers=headers)


def _nothing() -> None:
    return None
