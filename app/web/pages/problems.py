"""`/problems`: what only an operator can change: of a connection, and what kept agents from working, each counted."""

from collections.abc import Callable
from datetime import datetime

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.domain.pull_request import OPERATOR
from app.store.audit import Audit
from app.store.environment_problems import EnvironmentProblems
from app.store.repositories import Repositories
from app.store.troubles import Troubles
from app.web.access import Viewer
from app.web.pages.missing import missing, refused
from app.web.pages.parts.buttons import Buttons
from app.web.pages.parts.rendering import Templates


class ProblemsPage:
    """For operators: others could change nothing about it."""

    def __init__(
        self,
        *,
        problems: EnvironmentProblems,
        repositories: Repositories,
        troubles: Troubles,
        audit: Audit,
        buttons: Buttons,
        templates: Templates,
        clock: Callable[[], datetime],
    ) -> None:
        self._problems = problems
        self._repositories = repositories
        self._troubles = troubles
        self._audit = audit
        self._buttons = buttons
        self._templates = templates
        self._clock = clock

    async def show(self, request: Request, viewer: Viewer) -> Response:
        if viewer.role != "operator":
            return missing(self._templates)
        names = {(repo.connection, repo.repo_id): repo.full_name for repo in await self._repositories.all()}
        found = await self._problems.open(viewer.repos)
        return self._templates.page(
            "problems.html",
            troubles=await self._troubles.all(),
            problems=[(one, names.get((one.connection, one.repo_id), one.repo_id)) for one in found],
            form=self._buttons.form(request),
        )

    async def solve(self, request: Request, viewer: Viewer) -> Response:
        """`POST /problems/{problem_id}/solved`: it leaves the list, and comes back when it happens again."""
        if await self._buttons.pressed(request, viewer) is None:
            return refused(self._templates, title="Not solved", only="Only an operator marks a problem as solved")
        now = self._clock()
        solved = await self._problems.solve(request.path_params["problem_id"], now)
        if solved is not None:
            detail = {"problem_id": solved.problem_id, "repository": f"{solved.connection}/{solved.repo_id}"}
            told = {**detail, "text": solved.text[:200]}
            await self._audit.append("problem.solved", OPERATOR.login, None, told, now)
        return RedirectResponse("/problems", 303)
