"""The door: every request passes script, sign-in and throttle, finds its endpoint, and is written down."""

import secrets
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace

from app.forges.fake.errors import Refusal
from app.forges.fake.exchange import Answer, AnswerCut, ConnectionCut, Request, Seen
from app.forges.fake.faults import Effect, Faults, Truncate, after, before, lag
from app.forges.fake.gitlab.access import READ_SCOPES, WRITE_SCOPES, Viewer, sign_in
from app.forges.fake.gitlab.acts.tokens import revoke_family
from app.forges.fake.gitlab.call import Call, Route
from app.forges.fake.gitlab.entities import Access, Project
from app.forges.fake.gitlab.errors import forbidden, not_found, unauthorized
from app.forges.fake.gitlab.git_http import GitDoor, as_git
from app.forges.fake.gitlab.limits import Throttled
from app.forges.fake.gitlab.rest.registry import ROUTES
from app.forges.fake.gitlab.state import GitLabState
from app.forges.fake.routes import find_route

_API = "/api/v4"
_REMEMBERED_REQUESTS = 200_000
_ROTATE = "/self/rotate"
# A token may always be looked at and replaced with these.
_SELF_SCOPES = {"/personal_access_tokens/self": (*READ_SCOPES, "self_rotate", "read_repository", "write_repository")}


class Server:
    """Answers requests; one of these stands behind each fake GitLab."""

    def __init__(self, gitlab: GitLabState) -> None:
        self.gitlab = gitlab
        self.faults = Faults()
        self.requests: deque[Seen] = deque(maxlen=_REMEMBERED_REQUESTS)
        # Told of every request and its answer: those who wait, and those who check.
        self.observers: list[Callable[[Request, Answer], None]] = []
        self._git = GitDoor(gitlab)

    async def answer(self, request: Request) -> Answer:
        """What this request is answered; ConnectionCut and AnswerCut when a script says so."""
        request = self._canonical(request)
        effects = self.faults.striking(request.method, request.path)
        viewer = Viewer()
        try:
            viewer = self._sign_in(request)
            answer = await self._weathered(request, viewer, effects)
        except Throttled as throttled:
            answer = Answer(429, content=b"Retry later\n", headers={"content-type": "text/plain", **throttled.headers})
        except Refusal as refused:
            answer = _refusal(refused)
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
        """The path as it would be at a GitLab without a prefix, its project by id."""
        path = request.path.removeprefix(self.gitlab.prefix)
        if path.startswith(f"{_API}/projects/"):
            name, slash, rest = path.removeprefix(f"{_API}/projects/").partition("/")
            found = self.gitlab.find_project(name.replace("%2F", "/").replace("%2f", "/"))
            if found is not None:
                path = f"{_API}/projects/{found[0].project_id}{slash}{rest}"
        return replace(request, path=path)

    def _sign_in(self, request: Request) -> Viewer:
        if as_git(request) is not None:
            return Viewer()
        try:
            return sign_in(self.gitlab, request)
        except Refusal:
            used = self.gitlab.tokens.get(request.headers.get("private-token", ""))
            if used is not None and used.revoked and request.path.endswith(_ROTATE):
                revoke_family(self.gitlab, used)
            raise

    async def _weathered(self, request: Request, viewer: Viewer, effects: Sequence[Effect]) -> Answer:
        await before(effects)
        git = as_git(request)
        answer = await (self._git.serve(request, git) if git is not None else self._dispatch(request, viewer, effects))
        after(effects)
        return answer

    async def _dispatch(self, request: Request, viewer: Viewer, effects: Sequence[Effect]) -> Answer:
        if not request.path.startswith(f"{_API}/"):
            raise not_found()
        path = request.path.removeprefix(_API)
        found = find_route(ROUTES, request.method, path)
        if found is None:
            raise not_found()
        route, params = found
        self.gitlab.limits.admit(viewer.account_key, notes=route.content)
        _check_scope(viewer, request.method, path)
        call = Call(self.gitlab, request, viewer, params, lag=lag(effects))
        if route.pattern[0] == "projects" and "id" in params:
            call.found_project = self._project(viewer, route, params["id"])
        return await route.handler(call)

    def _project(self, viewer: Viewer, route: Route, name: str) -> Project:
        found = self.gitlab.find_project(name)
        if found is None:
            raise not_found("Project") if viewer.user is not None else unauthorized()
        project = found[0]
        viewer.require(project, max((Access[need.upper()] for need in route.needs), default=Access.NONE))
        if route.method != "GET":
            viewer.acting_user()
            if project.archived and "access_tokens" not in route.pattern:
                raise forbidden()
        return project

    def _finished(self, request: Request, viewer: Viewer, answer: Answer) -> Answer:
        """Headers that every answer of the API has."""
        status, own_headers, content = answer.rendered()
        if as_git(request) is not None:
            return Answer(status, content=content, headers=own_headers)
        headers = {
            **self.gitlab.limits.headers(viewer.account_key),
            "x-request-id": secrets.token_hex(12).upper(),
            "x-gitlab-meta": '{"version":"1"}',
            **own_headers,
        }
        return Answer(status, content=content, headers=headers)


def _check_scope(viewer: Viewer, method: str, path: str) -> None:
    if path.endswith(_ROTATE):
        viewer.require_scope(("api", "self_rotate"))
    else:
        viewer.require_scope(_SELF_SCOPES.get(path, READ_SCOPES if method == "GET" else WRITE_SCOPES))


def _refusal(refused: Refusal) -> Answer:
    """JSON for what GitLab itself says; plain text for its throttle, a page for the server in front of it."""
    if refused.status == 429 and refused.errors:
        return Answer(429, {"message": {"error": refused.errors[0]}}, headers=refused.headers)
    if refused.status == 429:
        return Answer(429, content=b"Retry later\n", headers={"content-type": "text/plain", **refused.headers})
    if refused.status >= 500:
        page = f"<html><body><h1>{refused.status}</h1>Whoops, GitLab is taking too much time to respond.</body></html>"
        return Answer(refused.status, content=page.encode(), headers={"content-type": "text/html", **refused.headers})
    if type(refused) is Refusal:
        return Answer(refused.status, {"message": refused.message}, headers=refused.headers)
    return Answer(refused.status, refused.data, headers=refused.headers)
