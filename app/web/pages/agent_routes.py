"""The pages of agents: the list, one agent, its files, its stop, and what kept agents from working."""

from collections.abc import Callable
from datetime import datetime

from starlette.routing import BaseRoute, Route

from app.web.access import Guard
from app.web.live import Live
from app.web.pages.agent import AgentPage
from app.web.pages.agent_files import AgentFiles
from app.web.pages.agent_stop import AgentStop
from app.web.pages.agents import AgentsPage
from app.web.pages.parts.buttons import Buttons
from app.web.pages.parts.rendering import Templates
from app.web.pages.problems import ProblemsPage
from app.wiring import Store


def agent_routes(
    store: Store,
    *,
    guard: Guard,
    templates: Templates,
    live: Live,
    buttons: Buttons,
    clock: Callable[[], datetime],
) -> list[BaseRoute]:
    agents = AgentsPage(agents=store.agents, templates=templates, live=live, clock=clock)
    agent = AgentPage(
        agents=store.agents,
        findings=store.findings,
        streams=store.streams,
        blobs=store.blobs,
        templates=templates,
        buttons=buttons,
        live=live,
        clock=clock,
    )
    files = AgentFiles(agents=store.agents, blobs=store.blobs, templates=templates)
    stop = AgentStop(agents=store.agents, buttons=buttons, templates=templates)
    problems = ProblemsPage(
        problems=store.environment_problems,
        repositories=store.repositories,
        troubles=store.troubles,
        audit=store.audit,
        buttons=buttons,
        templates=templates,
        clock=clock,
    )
    one = "/agents/{agent_id}"
    return [
        Route("/agents", guard.page(agents.show)),
        Route("/live/agents", guard.page(agents.watch)),
        Route("/problems", guard.page(problems.show)),
        Route("/problems/{problem_id}/solved", guard.page(problems.solve), methods=["POST"]),
        Route(one, guard.page(agent.show)),
        Route(f"{one}/stop", guard.page(stop.press), methods=["POST"]),
        Route(f"/live{one}", guard.page(agent.watch)),
        Route(f"{one}/messages/{{number:int}}", guard.page(files.message)),
        Route(f"{one}/calls/{{number:int}}/{{place:int}}", guard.page(files.arguments)),
        Route(f"{one}/pictures/{{number:int}}", guard.page(files.picture)),
        Route(f"{one}/patch", guard.page(files.patch)),
        Route(f"{one}/evidence/{{number:int}}", guard.page(files.evidence)),
    ]
