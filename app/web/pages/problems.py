"""`/problems`: what only an operator can change: of a connection, and what kept agents from working, each counted."""

from starlette.requests import Request
from starlette.responses import Response

from app.store.environment_problems import EnvironmentProblems
from app.store.repositories import Repositories
from app.store.troubles import Troubles
from app.web.access import Viewer
from app.web.pages.missing import missing
from app.web.pages.parts.rendering import Templates


class ProblemsPage:
    """For operators: others could change nothing about it."""

    def __init__(
        self,
        *,
        problems: EnvironmentProblems,
        repositories: Repositories,
        troubles: Troubles,
        templates: Templates,
    ) -> None:
        self._problems = problems
        self._repositories = repositories
        self._troubles = troubles
        self._templates = templates

    async def show(self, _: Request, viewer: Viewer) -> Response:
        if viewer.role != "operator":
            return missing(self._templates)
        names = {(repo.connection, repo.repo_id): repo.full_name for repo in await self._repositories.all()}
        found = await self._problems.open(viewer.repos)
        return self._templates.page(
            "problems.html",
            troubles=await self._troubles.all(),
            problems=[(one, names.get((one.connection, one.repo_id), one.repo_id)) for one in found],
        )
