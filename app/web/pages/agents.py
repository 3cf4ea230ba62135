"""`/agents`: every agent, newest first, filled in while they work."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from datetime import datetime
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from app.store.agent_rows import AgentRow
from app.store.agents import Agents
from app.web.access import Viewer
from app.web.live import Live, Update
from app.web.pages.parts.agents import ListedAgent, listed_agent
from app.web.pages.parts.rendering import Templates

PAGE = 50
# How soon does an open list show what happened?
_REFRESH_SECONDS = 1.0


class AgentsPage:
    def __init__(self, *, agents: Agents, templates: Templates, live: Live, clock: Callable[[], datetime]) -> None:
        self._agents = agents
        self._templates = templates
        self._live = live
        self._clock = clock

    async def show(self, request: Request, viewer: Viewer) -> Response:
        before = request.query_params.get("before", "")
        rows = await self._agents.page(repos=viewer.repos, limit=PAGE + 1, before=before or None)
        older = urlencode({"before": rows[PAGE - 1].agent.agent_id}) if len(rows) > PAGE else ""
        return self._templates.page(
            "agents.html",
            agents=self._listed(rows[:PAGE]),
            older=f"/agents?{older}" if older else "",
            newest="/agents" if before else "",
            live="" if before else "/live/agents",
        )

    async def watch(self, _: Request, viewer: Viewer) -> Response:
        """The rows again, whenever something in them changed."""
        return self._live.answer(self._updates(viewer))

    async def _updates(self, viewer: Viewer) -> AsyncGenerator[Update | None]:
        sent: Sequence[AgentRow] | None = None
        async for rows in self._live.beaten(self._changes(viewer)):
            # Times go on even when nothing happens, and a beat is the occasion to say so.
            sent = sent if rows is None else rows
            if sent is not None:
                yield Update("rows", self._templates.piece("_agent_rows.html", agents=self._listed(sent)))

    async def _changes(self, viewer: Viewer) -> AsyncGenerator[Sequence[AgentRow]]:
        last: Sequence[AgentRow] | None = None
        while True:
            rows = await self._agents.page(repos=viewer.repos, limit=PAGE)
            if rows != last:
                yield rows
            last = rows
            await asyncio.sleep(_REFRESH_SECONDS)

    def _listed(self, rows: Sequence[AgentRow]) -> list[ListedAgent]:
        now = self._clock()
        return [listed_agent(row, now) for row in rows]
