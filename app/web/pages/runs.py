"""`/`: every run, newest first, filled in while they happen."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from datetime import datetime
from typing import NamedTuple
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from app.domain.outcomes import Outcome
from app.store.repositories import Repositories
from app.store.run_rows import RunRow
from app.store.runs import Runs
from app.store.troubles import Troubles
from app.web.access import Repos, Viewer
from app.web.live import Live, Update
from app.web.pages.parts.lists import Found, Listed, find, listed
from app.web.pages.parts.rendering import Templates
from app.web.pages.parts.words import BADGES, RUNNING, line

# How soon does an open list show what happened?
REFRESH_SECONDS = 1.0
_RUNNING = "running"


class Choice(NamedTuple):
    """An option of a filter."""

    value: str
    label: str


# A waiting run is one that still runs.
_OUTCOMES = (
    Choice(_RUNNING, RUNNING.word),
    *(Choice(one.value, badge.word) for one, badge in BADGES.items() if one is not Outcome.WAITING),
)


class Asked(NamedTuple):
    """What the address asks for; words that mean nothing are left out."""

    repo: str = ""
    outcome: str = ""
    before: str = ""

    @classmethod
    def of(cls, request: Request) -> "Asked":
        given = request.query_params
        outcome = given.get("outcome", "")
        known = outcome in {_RUNNING, *Outcome}
        return cls(given.get("repo", ""), outcome if known else "", given.get("before", ""))

    def address(self, path: str, *, before: str = "") -> str:
        words = urlencode({**self._asdict(), "before": before})
        return f"{path}?{words}"

    def wants(self, row: RunRow) -> bool:
        return self.outcome == (row.run.outcome or _RUNNING)


class RunsPage:
    def __init__(
        self,
        *,
        runs: Runs,
        repositories: Repositories,
        troubles: Troubles,
        templates: Templates,
        live: Live,
        clock: Callable[[], datetime],
    ) -> None:
        self._runs = runs
        self._repositories = repositories
        self._troubles = troubles
        self._templates = templates
        self._live = live
        self._clock = clock

    async def show(self, request: Request, viewer: Viewer) -> Response:
        asked = Asked.of(request)
        repositories = await self._choices(viewer)
        found = await self._find(asked, viewer)
        # A rare outcome is looked for far back, which is too dear to do every second.
        is_live = not asked.before and not asked.outcome
        return self._templates.page(
            "runs.html",
            runs=self._listed(found),
            asked=asked,
            repositories=repositories,
            outcomes=_OUTCOMES,
            older=asked.address("/", before=found.older) if found.older else "",
            newest=asked.address("/") if asked.before else "",
            live=asked.address("/live/runs") if is_live else "",
            troubles=await self._troubles.all() if viewer.role == "operator" else [],
        )

    async def watch(self, request: Request, viewer: Viewer) -> Response:
        """The rows again, whenever something in them changed."""
        return self._live.answer(self._updates(Asked.of(request)._replace(before="", outcome=""), viewer))

    async def _updates(self, asked: Asked, viewer: Viewer) -> AsyncGenerator[Update | None]:
        sent: Found | None = None
        async for found in self._live.beaten(self._changes(asked, viewer)):
            # Times go on even when nothing happens, and a beat is the occasion to say so.
            sent = found or sent
            if sent is not None:
                yield Update("rows", self._templates.piece("_rows.html", runs=self._listed(sent)))

    async def _changes(self, asked: Asked, viewer: Viewer) -> AsyncGenerator[Found]:
        last: Found | None = None
        while True:
            found = await self._find(asked, viewer)
            if found != last:
                yield found
            last = found
            await asyncio.sleep(REFRESH_SECONDS)

    async def _find(self, asked: Asked, viewer: Viewer) -> Found:
        repos = _narrowed(asked.repo, viewer)
        wanted = asked.wants if asked.outcome else None
        return await find(self._runs, repos, before=asked.before, wanted=wanted)

    async def _choices(self, viewer: Viewer) -> list[Choice]:
        return [
            Choice(f"{repo.connection}/{repo.repo_id}", line(repo.full_name))
            for repo in await self._repositories.all()
            if viewer.may_see(repo.connection, repo.repo_id)
        ]

    def _listed(self, found: Found) -> list[Listed]:
        now = self._clock()
        return [listed(row, now) for row in found.runs]


def _narrowed(repo: str, viewer: Viewer) -> Repos | None:
    """The viewer's repositories, or the one that was chosen if it is among them."""
    if not repo:
        return viewer.repos
    connection, _, repo_id = repo.partition("/")
    return [(connection, repo_id)] if viewer.may_see(connection, repo_id) else []
