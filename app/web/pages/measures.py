"""`/measures`: what became of findings, for a repository and a window."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from app.domain.measure_summary import Rate, summarise
from app.store.measures import Measures
from app.store.repositories import Repositories
from app.web.access import Viewer
from app.web.pages.missing import missing
from app.web.pages.parts.choosing import Choice, repositories_of
from app.web.pages.parts.rendering import Templates

_DAYS = ("7", "30", "90", "365")
_USUAL = "30"
# The width of a bar that is full.
BAR = 240


class Bar(NamedTuple):
    """A rate as it is drawn and written."""

    name: str
    width: int
    share: str
    of: str


class MeasuresPage:
    def __init__(
        self,
        *,
        measures: Measures,
        repositories: Repositories,
        templates: Templates,
        clock: Callable[[], datetime],
    ) -> None:
        self._measures = measures
        self._repositories = repositories
        self._templates = templates
        self._clock = clock

    async def show(self, request: Request, viewer: Viewer) -> Response:
        """A window that is none is taken for the usual one; a repository that the viewer may not see is not there."""
        choices = await repositories_of(self._repositories, viewer)
        repo, days = request.query_params.get("repo", ""), request.query_params.get("last", _USUAL)
        days = days if days in _DAYS else _USUAL
        chosen = repo if repo in {one.value for one in choices} else ""
        if repo and not chosen:
            return missing(self._templates)
        connection, _, repo_id = chosen.partition("/")
        repos = [(connection, repo_id)] if chosen else viewer.repos
        since = self._clock() - timedelta(days=int(days))
        told = summarise(await self._measures.since(since, repos), await self._measures.escapes_since(since, repos))
        return self._templates.page(
            "measures.html",
            told=told,
            acted_on=[_bar(told.acted_on, "acted on"), _bar(told.control)],
            groups=[
                ("By severity", list(map(_bar, told.by_severity))),
                ("By category", list(map(_bar, told.by_category))),
            ],
            names={one.value: one.label for one in choices},
            repositories=choices,
            windows=[Choice(one, f"{one} days") for one in _DAYS],
            repo=chosen,
            last=days,
        )


def _bar(rate: Rate, name: str = "") -> Bar:
    share = rate.share
    written = "–" if share is None else f"{share:.0%}"
    return Bar(name or rate.name, round(BAR * (share or 0)), written, f"{rate.part} of {rate.of}")
