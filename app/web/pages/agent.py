"""`/agents/{agent_id}`: one agent: what it was asked, what it does just now, and its fix with the proof."""

from collections.abc import AsyncGenerator, Callable, Sequence
from datetime import datetime
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from app.domain.agents import Agent, AgentTask
from app.domain.findings import TrackedFinding
from app.store.agent_rows import AgentRow
from app.store.agents import ENDED, Agents, stream_of
from app.store.blobs import Blobs
from app.store.conversations import Conversations
from app.store.findings import Findings
from app.store.streams import END, REWIND, StreamEvent, Streams
from app.web.access import Viewer
from app.web.live import Live, Update
from app.web.pages.missing import missing
from app.web.pages.parts.agents import ListedAgent, listed_agent, words_of
from app.web.pages.parts.buttons import Buttons
from app.web.pages.parts.cuts import Cut, cut
from app.web.pages.parts.feed import Piece, piece, standing_pieces
from app.web.pages.parts.proofs import fix_of, shown_proof
from app.web.pages.parts.rendering import Templates
from app.web.pages.parts.talk import Talk, talk
from app.web.pages.parts.words import seq_of
from autofix.live import MARK

_EVENTS_READ = 2_000


class _Now(NamedTuple):
    """What an agent at work does since its last step; `seq` is the newest event in it."""

    pieces: tuple[Piece, ...] = ()
    seq: int = 0


class AgentPage:
    def __init__(
        self,
        *,
        agents: Agents,
        findings: Findings,
        streams: Streams,
        blobs: Blobs,
        templates: Templates,
        buttons: Buttons,
        live: Live,
        clock: Callable[[], datetime],
    ) -> None:
        self._agents = agents
        self._findings = findings
        self._streams = streams
        self._blobs = blobs
        self._templates = templates
        self._buttons = buttons
        self._live = live
        self._clock = clock

    async def show(self, request: Request, viewer: Viewer) -> Response:
        row = await self._row(request, viewer)
        if row is None:
            return missing(self._templates)
        agent = row.agent
        at_work = agent.state not in ENDED
        fix = await fix_of(self._blobs, agent.fix_key)
        return self._templates.page(
            "agent.html",
            row=row,
            listed=self._listed(row),
            at_work=at_work,
            stop_asked=request.query_params.get("stop") == "asked",
            form=self._buttons.form(request) if at_work and self._buttons.may_press(viewer) else None,
            prompts=await self._prompts(row),
            findings=await self._mended(agent),
            talk=await self._talk(agent),
            now=await self._now(agent) if at_work else _Now(),
            proof=await shown_proof(self._blobs, fix) if fix is not None else None,
        )

    async def watch(self, request: Request, viewer: Viewer) -> Response:
        row = await self._row(request, viewer)
        if row is None:
            return missing(self._templates)
        given = request.headers.get("last-event-id") or request.query_params.get("after", "")
        return self._live.answer(self._updates(row, viewer, seq_of(given)))

    async def _row(self, request: Request, viewer: Viewer) -> AgentRow | None:
        return await self._agents.row(request.path_params["agent_id"], viewer.repos)

    def _listed(self, row: AgentRow) -> ListedAgent:
        return listed_agent(row, self._clock())

    async def _prompts(self, row: AgentRow) -> tuple[Cut, ...]:
        """Words of the people who asked, oldest first."""
        key = row.agent.task_key
        try:
            words = (await self._blobs.get_model(key, AgentTask)).prompts if key else ()
        except FileNotFoundError:
            words = ()
        return tuple(cut(one) for one in words or (words_of(row),) if one)

    async def _mended(self, agent: Agent) -> list[TrackedFinding]:
        if not agent.numbers:
            return []
        return [one for one in await self._findings.of(agent.ref) if one.number in agent.numbers]

    async def _talk(self, agent: Agent) -> Talk | None:
        """None when its retention is over."""
        try:
            return talk((await Conversations(self._blobs).read(agent.conversation)).messages)
        except FileNotFoundError:
            return None

    async def _now(self, agent: Agent) -> _Now:
        """What is not in the conversation yet."""
        stream = stream_of(agent.agent_id)
        after = await self._streams.newest(stream, MARK)
        events = await self._streams.read(stream, after, limit=_EVENTS_READ)
        return _Now(standing_pieces(events), events[-1].seq if events else after)

    async def _updates(self, row: AgentRow, viewer: Viewer, after: int) -> AsyncGenerator[Update | None]:
        """Each event of the agent, and what counts up; a page that comes too late for the end is told of it."""
        agent_id = row.agent.agent_id
        stream = stream_of(agent_id)
        if row.agent.state in ENDED and not await self._streams.read(stream, after, limit=1):
            yield Update("end", "", after)
            return
        async for events in self._live.beaten(self._streams.follow(stream, after)):
            now = await self._agents.row(agent_id, viewer.repos)
            if now is None:
                return
            for update in self._pieces(events or ()):
                yield update
            after = events[-1].seq if events else after
            shown = self._templates.piece("_agent_progress.html", row=now, listed=self._listed(now))
            yield Update("progress", shown, after)
            if events and events[-1].kind == END:
                yield Update("end", "", after)

    def _pieces(self, events: Sequence[StreamEvent]) -> list[Update]:
        updates: list[Update] = []
        for event in events:
            if event.kind == REWIND:
                updates.append(Update("rewind", event.data))
            if (made := piece(event)) is not None:
                updates.append(Update("piece", self._templates.piece("_agent_piece.html", one=made), event.seq))
        return updates
