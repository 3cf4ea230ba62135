"""`POST /agents/{agent_id}/stop`: the button that ends an agent's work, on the same way as the command."""

from collections.abc import Callable
from datetime import datetime

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.domain.events import StopPressed
from app.domain.pull_request import Person
from app.own_deliveries import put_stop
from app.store.agents import Agents
from app.store.deliveries import Deliveries
from app.store.ids import new_id
from app.web.access import Access, Viewer
from app.web.body import BodyReader
from app.web.pages.missing import missing
from app.web.pages.parts.forms import form_value
from app.web.pages.parts.rendering import Templates


class AgentStop:
    """Only writes a row: this process may have no way to the workflows."""

    def __init__(
        self,
        *,
        agents: Agents,
        deliveries: Deliveries,
        access: Access,
        templates: Templates,
        wake: Callable[[], None],
        clock: Callable[[], datetime],
    ) -> None:
        self._agents = agents
        self._deliveries = deliveries
        self._access = access
        self._templates = templates
        self._wake = wake
        self._clock = clock
        self._reader = BodyReader()

    async def press(self, request: Request, viewer: Viewer) -> Response:
        row = await self._agents.row(request.path_params["agent_id"], viewer.repos)
        if row is None:
            return missing(self._templates)
        given = await form_value(request, "form", self._reader)
        if viewer.role != "operator" or not self._access.is_own_form(request, given):
            return self._refusal()
        by = Person(user_id="", login=viewer.role)
        pressed = StopPressed(ref=row.agent.ref, agent_id=row.agent.agent_id, by=by)
        await put_stop(self._deliveries, pressed, delivery_id=new_id(self._clock()))
        self._wake()
        return RedirectResponse(f"/agents/{row.agent.agent_id}?stop=asked", 303)

    def _refusal(self) -> Response:
        return self._templates.page(
            "message.html",
            status=403,
            title="Not stopped",
            text="Only an operator stops an agent here, with the button on its page. Open it again and press there.",
        )
