"""`POST /runs/{run_id}/again` and `/fix`: the buttons of a run's page, which do what those of its check do."""

from collections.abc import Mapping
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.domain.events import FixesAsked, ReviewAsked
from app.domain.phrases import Voice
from app.domain.pull_request import OPERATOR, PullRequestRef
from app.domain.repo_config import ConfigInForce
from app.store.pull_requests import PullRequests
from app.store.run_rows import RunRow
from app.store.runs import Runs
from app.web.access import Viewer
from app.web.pages.missing import missing, refused
from app.web.pages.parts.buttons import Buttons
from app.web.pages.parts.rendering import Templates


class Offered(NamedTuple):
    """Each button's hidden fields; None where there is none to press."""

    again: dict[str, str] | None = None
    fix: dict[str, str] | None = None
    # The one that was pressed just now, which is said in their place.
    asked: str = ""


class _Button(NamedTuple):
    asks: type[ReviewAsked | FixesAsked]
    # What is said where it may not be pressed.
    title: str
    only: str


_BUTTONS: Mapping[str, _Button] = {
    "again": _Button(ReviewAsked, "Not reviewed again", "Only an operator asks for a review here"),
    "fix": _Button(FixesAsked, "No fix asked for", "Only an operator asks for fixes here"),
}


class RunButtons:
    """Both are about the newest head, and offered on the newest run of an open pull request once it ended."""

    def __init__(
        self,
        *,
        runs: Runs,
        pull_requests: PullRequests,
        buttons: Buttons,
        voices: Mapping[str, Voice],
        templates: Templates,
    ) -> None:
        self._runs = runs
        self._pull_requests = pull_requests
        self._buttons = buttons
        self._voices = voices
        self._templates = templates

    async def review_again(self, request: Request, viewer: Viewer) -> Response:
        return await self._press(request, viewer, "again")

    async def fix_all(self, request: Request, viewer: Viewer) -> Response:
        return await self._press(request, viewer, "fix")

    async def offered(
        self, request: Request, row: RunRow, viewer: Viewer, *, config: ConfigInForce | None, finds: bool
    ) -> Offered:
        """`config` is what was in force in this run, as far as that is known; `finds`: it shows an open finding."""
        if row.run.outcome is None or not self._buttons.may_press(viewer):
            return Offered()
        state = await self._pull_requests.get(row.run.ref)
        newest = await self._runs.latest(row.run.ref)
        if state is None or state.state != "open" or newest is None or newest.run_id != row.run.run_id:
            return Offered()
        asked = request.query_params.get("asked", "")
        if asked in _BUTTONS:
            return Offered(asked=asked)
        mends = finds and self._mends(row.run.ref, config)
        return Offered(again=self._buttons.form(request), fix=self._buttons.form(request) if mends else None)

    def _mends(self, ref: PullRequestRef, config: ConfigInForce | None) -> bool:
        voice = self._voices.get(ref.connection)
        return voice is not None and voice.can_fix and not (config is not None and config.locks_fixes)

    async def _press(self, request: Request, viewer: Viewer, name: str) -> Response:
        row = await self._runs.row(request.path_params["run_id"], viewer.repos)
        if row is None:
            return missing(self._templates)
        button = _BUTTONS[name]
        press = await self._buttons.pressed(request, viewer)
        if press is None:
            return refused(self._templates, title=button.title, only=button.only)
        asked = button.asks(ref=row.run.ref, by=OPERATOR, run_id=row.run.run_id)
        await self._buttons.put(asked, press=press)
        return RedirectResponse(f"/runs/{row.run.run_id}?asked={name}", 303)
