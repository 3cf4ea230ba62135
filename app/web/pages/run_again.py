"""`POST /runs/{run_id}/again`: the button that has a pull request reviewed anew, as the one of its check does."""

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.domain.events import ReviewAsked
from app.store.pull_requests import PullRequests
from app.store.run_rows import RunRow
from app.store.runs import Runs
from app.web.access import Viewer
from app.web.pages.missing import missing, refused
from app.web.pages.parts.buttons import Buttons, presser
from app.web.pages.parts.rendering import Templates


class RunAgain:
    """Everything is read anew, at the newest head; offered on the newest run of an open pull request once it ended."""

    def __init__(self, *, runs: Runs, pull_requests: PullRequests, buttons: Buttons, templates: Templates) -> None:
        self._runs = runs
        self._pull_requests = pull_requests
        self._buttons = buttons
        self._templates = templates

    async def press(self, request: Request, viewer: Viewer) -> Response:
        row = await self._runs.row(request.path_params["run_id"], viewer.repos)
        if row is None:
            return missing(self._templates)
        press = await self._buttons.pressed(request, viewer)
        if press is None:
            return refused(self._templates, title="Not reviewed again", only="Only an operator asks for a review here")
        asked = ReviewAsked(ref=row.run.ref, by=presser(viewer), run_id=row.run.run_id)
        await self._buttons.put(asked, press=press)
        return RedirectResponse(f"/runs/{row.run.run_id}?again=asked", 303)

    async def form(self, request: Request, row: RunRow, viewer: Viewer) -> dict[str, str] | None:
        """The button's hidden fields; None where there is none to press."""
        if row.run.outcome is None or not self._buttons.may_press(viewer):
            return None
        state = await self._pull_requests.get(row.run.ref)
        newest = await self._runs.latest(row.run.ref)
        if state is None or state.state != "open" or newest is None or newest.run_id != row.run.run_id:
            return None
        return self._buttons.form(request)
