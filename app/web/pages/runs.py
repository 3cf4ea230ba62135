"""`/`: every run, newest first, filled in while they happen."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from app.domain.outcomes import Outcome
from app.store.ids import is_id
from app.store.repositories import Repositories
from app.store.run_rows import RunFilter
from app.store.runs import Runs
from app.store.troubles import Troubles
from app.web.access import Repos, Viewer
from app.web.live import Live, Update
from app.web.pages.parts.choosing import Choice, repositories_of
from app.web.pages.parts.lists import Found, Listed, find, listed
from app.web.pages.parts.rendering import Templates
from app.web.pages.parts.words import BADGES, RUNNING, line

# How soon does an open list show what happened?
REFRESH_SECONDS = 1.0
_RUNNING = "running"


# A waiting run is one that still runs.
_OUTCOMES = (
    Choice(_RUNNING, RUNNING.word),
    *(Choice(one.value, badge.word) for one, badge in BADGES.items() if one is not Outcome.WAITING),
)
# Whether something that a run saw is still open.
_OPEN = (Choice("some", "some open"), Choice("none", "none open"))
# The longest wrong word that is said back.
_SAID_BACK = 60


class Asked(NamedTuple):
    """What the address asks for, in its own words."""

    repo: str = ""
    outcome: str = ""
    open: str = ""
    before: str = ""

    @classmethod
    def of(cls, request: Request) -> "Asked":
        return cls(*(request.query_params.get(name, "") for name in cls._fields))

    def address(self, path: str, *, before: str = "") -> str:
        words = urlencode({**self._asdict(), "before": before})
        return f"{path}?{words}"

    def wrong(self, repositories: Sequence[Choice]) -> Iterator[str]:
        """What means nothing here, and what would."""
        if self.repo and self.repo not in (one.value for one in repositories):
            yield f"`repo={_cut(self.repo)}` is no repository that you may see here; choose one above."
        for name, given, choices in (("outcome", self.outcome, _OUTCOMES), ("open", self.open, _OPEN)):
            if given and given not in (one.value for one in choices):
                known = ", ".join(one.value for one in choices)
                yield f"`{name}={_cut(given)}` cannot be asked for; use {known}."
        if self.before and not is_id(self.before):
            yield f"`before={_cut(self.before)}` is no run; go on with Older below the list."

    def which(self) -> RunFilter:
        """Only for words that are not wrong."""
        outcome = None if not self.outcome else "running" if self.outcome == _RUNNING else Outcome(self.outcome)
        return RunFilter(outcome=outcome, has_open=self.open == "some" if self.open else None)


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
        repositories = await repositories_of(self._repositories, viewer)
        wrong = tuple(asked.wrong(repositories))
        found = Found((), "") if wrong else await self._find(asked, viewer)
        # A rare outcome is looked for far back, which is too dear to do every second.
        is_live = not (asked.before or asked.outcome or asked.open or wrong)
        return self._templates.page(
            "runs.html",
            status=400 if wrong else 200,
            wrong=wrong,
            runs=self._listed(found),
            asked=asked,
            repositories=repositories,
            outcomes=_OUTCOMES,
            openness=_OPEN,
            older=asked.address("/", before=found.older) if found.older else "",
            newest=asked.address("/") if asked.before and not wrong else "",
            live=asked.address("/live/runs") if is_live else "",
            troubles=await self._troubles.all() if viewer.role == "operator" else [],
        )

    async def watch(self, request: Request, viewer: Viewer) -> Response:
        """The rows again, whenever something in them changed."""
        return self._live.answer(self._updates(Asked(repo=Asked.of(request).repo), viewer))

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
        return await find(self._runs, _narrowed(asked.repo, viewer), asked.which(), before=asked.before)

    def _listed(self, found: Found) -> list[Listed]:
        now = self._clock()
        return [listed(row, now) for row in found.runs]


def _narrowed(repo: str, viewer: Viewer) -> Repos | None:
    """The viewer's repositories, or the one that was chosen if it is among them."""
    if not repo:
        return viewer.repos
    connection, _, repo_id = repo.partition("/")
    return [(connection, repo_id)] if viewer.may_see(connection, repo_id) else []


def _cut(given: str) -> str:
    """A wrong word as it is said back: on one line, without what nobody sees, and without a mark of code."""
    told = line(given).replace("`", "'")
    return told if len(told) <= _SAID_BACK else f"{told[:_SAID_BACK]}…"
