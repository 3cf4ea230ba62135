"""`POST /agents/{agent_id}/stop`: the button that ends an agent's work, on the same way as the command."""

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.domain.events import StopPressed
from app.domain.pull_request import OPERATOR
from app.store.agents import Agents
from app.web.access import Viewer
from app.web.pages.missing import missing, refused
from app.web.pages.parts.buttons import Buttons
from app.web.pages.parts.rendering import Templates


class AgentStop:
    def __init__(self, *, agents: Agents, buttons: Buttons, templates: Templates) -> None:
        self._agents = agents
        self._buttons = buttons
        self._templates = templates

    async def press(self, request: Request, viewer: Viewer) -> Response:
        row = await self._agents.row(request.path_params["agent_id"], viewer.repos)
        if row is None:
            return missing(self._templates)
        press = await self._buttons.pressed(request, viewer)
        if press is None:
            return refused(self._templates, title="Not stopped", only="Only an operator stops an agent here")
        pressed = StopPressed(ref=row.agent.ref, agent_id=row.agent.agent_id, by=OPERATOR)
        await self._buttons.put(pressed, press=press)
        return RedirectResponse(f"/agents/{row.agent.agent_id}?stop=asked", 303)
