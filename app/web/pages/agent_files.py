"""Files of an agent: the whole of what was said or printed, its pictures, its patch, the evidence of its proof."""

from starlette.requests import Request
from starlette.responses import Response

from app.domain.agents import Agent
from app.domain.conversation import Message
from app.domain.fixes import Fix
from app.store.agents import Agents
from app.store.blobs import Blobs
from app.store.conversations import Conversations
from app.web.access import Viewer
from app.web.pages.missing import missing
from app.web.pages.parts.downloads import download, picture, plain
from app.web.pages.parts.proofs import fix_of
from app.web.pages.parts.rendering import Templates
from app.web.pages.parts.talk import arguments_of, picture_of, text_of


class AgentFiles:
    """Only what hangs on an agent that the viewer may see; keys of blobs are never taken from an address."""

    def __init__(self, *, agents: Agents, blobs: Blobs, templates: Templates) -> None:
        self._agents = agents
        self._blobs = blobs
        self._templates = templates

    async def message(self, request: Request, viewer: Viewer) -> Response:
        text = text_of(await self._messages(request, viewer), _number(request, "number"))
        return missing(self._templates) if text is None else plain(text)

    async def arguments(self, request: Request, viewer: Viewer) -> Response:
        places = _number(request, "number"), _number(request, "place")
        text = arguments_of(await self._messages(request, viewer), *places)
        return missing(self._templates) if text is None else plain(text)

    async def picture(self, request: Request, viewer: Viewer) -> Response:
        messages = await self._messages(request, viewer)
        number = _number(request, "number")
        key = picture_of(messages[number]) if number < len(messages) else ""
        data = await self._kept(key) if key else None
        return (picture(data) if data is not None else None) or missing(self._templates)

    async def patch(self, request: Request, viewer: Viewer) -> Response:
        fix = await self._fix(request, viewer)
        data = await self._kept(fix.patch.patch_key) if fix is not None and fix.patch is not None else None
        return missing(self._templates) if data is None else download(data, f"{request.path_params['agent_id']}.patch")

    async def evidence(self, request: Request, viewer: Viewer) -> Response:
        fix, number = await self._fix(request, viewer), _number(request, "number")
        if fix is None or number >= len(fix.proof.evidence):
            return missing(self._templates)
        file = fix.proof.evidence[number]
        data = await self._kept(file.blob_key)
        return missing(self._templates) if data is None else download(data, file.name)

    async def _agent(self, request: Request, viewer: Viewer) -> Agent | None:
        row = await self._agents.row(request.path_params["agent_id"], viewer.repos)
        return None if row is None else row.agent

    async def _fix(self, request: Request, viewer: Viewer) -> Fix | None:
        agent = await self._agent(request, viewer)
        return None if agent is None else await fix_of(self._blobs, agent.fix_key)

    async def _messages(self, request: Request, viewer: Viewer) -> tuple[Message, ...]:
        agent = await self._agent(request, viewer)
        try:
            return (await Conversations(self._blobs).read(agent.conversation)).messages if agent is not None else ()
        except FileNotFoundError:
            return ()

    async def _kept(self, key: str) -> bytes | None:
        """None when its retention is over."""
        try:
            return await self._blobs.get(key)
        except FileNotFoundError:
            return None


def _number(request: Request, name: str) -> int:
    return int(request.path_params[name])
