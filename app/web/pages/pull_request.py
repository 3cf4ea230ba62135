"""`/pulls/{connection}/{repo_id}/{number}`: a pull request's runs and agents, and its findings with their life."""

from collections.abc import Callable
from datetime import datetime

from starlette.requests import Request
from starlette.responses import Response

from app.domain.findings import TrackedFinding
from app.domain.pull_request import PullRequestRef
from app.store.agents import Agents
from app.store.blobs import Blobs
from app.store.findings import Findings
from app.store.pull_requests import PullRequests
from app.store.repositories import Repositories
from app.store.runs import Runs
from app.web.access import Viewer
from app.web.pages.missing import missing
from app.web.pages.parts.agents import listed_agent
from app.web.pages.parts.lists import listed, of_pull_request
from app.web.pages.parts.lives import life, mended_at
from app.web.pages.parts.rendering import Templates

_STATES = ("open", "mended", "dismissed", "withdrawn")


class PullRequestPage:
    def __init__(
        self,
        *,
        runs: Runs,
        agents: Agents,
        findings: Findings,
        pull_requests: PullRequests,
        repositories: Repositories,
        blobs: Blobs,
        templates: Templates,
        clock: Callable[[], datetime],
    ) -> None:
        self._runs = runs
        self._agents = agents
        self._findings = findings
        self._pull_requests = pull_requests
        self._repositories = repositories
        self._blobs = blobs
        self._templates = templates
        self._clock = clock

    async def show(self, request: Request, viewer: Viewer) -> Response:
        ref = PullRequestRef.model_validate(request.path_params)
        state = await self._pull_requests.get(ref) if viewer.may_see(ref.connection, ref.repo_id) else None
        if state is None:
            return missing(self._templates)
        rows = await of_pull_request(self._runs, ref, viewer)
        repo = await self._repositories.get(ref.connection, ref.repo_id)
        found = sorted(await self._findings.of(ref), key=_by_state_and_severity)
        mended = await mended_at(self._blobs, rows, found)
        now = self._clock()
        return self._templates.page(
            "pull_request.html",
            pull_request=state,
            # A repository that left our care has no name any more, only what its runs remember.
            repository=repo.full_name if repo is not None else (rows[0].full_name if rows else ref.repo_id),
            runs=[listed(row, now) for row in rows],
            agents=[listed_agent(row, now) for row in await self._agents.rows_of(ref)],
            findings=[(one, life(one, mended.get(one.finding_id, ""))) for one in found],
            counts=[(name, number) for name in _STATES if (number := sum(one.state == name for one in found))],
        )


def _by_state_and_severity(one: TrackedFinding) -> tuple[int, int, int]:
    return _STATES.index(one.state), -one.finding.severity.rank, one.number
