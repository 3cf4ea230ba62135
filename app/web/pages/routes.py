"""Every page, one line each, and who stands before it."""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any

from pydantic import SecretStr
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from typing_extensions import override

from app.domain.phrases import Voice
from app.metrics import Metrics
from app.web.access import Access, Guard, Viewer
from app.web.body import BodyReader
from app.web.live import Live
from app.web.pages.agent_routes import agent_routes
from app.web.pages.enter import EnterPage, stranger
from app.web.pages.learning_routes import learning_routes
from app.web.pages.metrics import MetricsPage
from app.web.pages.missing import foreign_name, missing
from app.web.pages.parts.buttons import Buttons
from app.web.pages.parts.rendering import STATIC, Templates
from app.web.pages.pull_request import PullRequestPage
from app.web.pages.run import RunPage
from app.web.pages.run_buttons import RunButtons
from app.web.pages.runs import RunsPage
from app.wiring import Store


def dashboard(
    store: Store,
    *,
    templates: Templates,
    access: Access,
    live: Live,
    # How we speak on each connection, and what we can do there.
    voices: Mapping[str, Voice],
    metrics: Metrics,
    metrics_token: SecretStr | None,
    # Says that there is something in the inbox.
    wake: Callable[[], None],
    clock: Callable[[], datetime],
) -> list[BaseRoute]:
    """For create_app; the last route answers for every path that is nobody's."""
    guard = Guard(access, stranger=partial(stranger, templates), foreign_name=partial(foreign_name, templates))
    enter = EnterPage(access=access, templates=templates, reader=BodyReader())
    figures = MetricsPage(metrics=metrics, deliveries=store.deliveries, token=metrics_token)

    async def nothing(_request: Request, _viewer: Viewer) -> Response:
        return missing(templates)

    buttons = Buttons(deliveries=store.deliveries, access=access, wake=wake, clock=clock)
    return [
        *_review_routes(store, guard=guard, templates=templates, live=live, clock=clock),
        *_run_routes(store, guard=guard, buttons=buttons, voices=voices, templates=templates, live=live, clock=clock),
        *learning_routes(store, guard=guard, buttons=buttons, templates=templates, clock=clock),
        *agent_routes(store, guard=guard, buttons=buttons, templates=templates, live=live, clock=clock),
        Route("/enter", guard.door(enter.show), methods=["GET"]),
        Route("/enter", guard.door(enter.submit), methods=["POST"]),
        Route("/metrics", figures.show),
        Mount("/static", _Assets(directory=STATIC)),
        Route("/{path:path}", guard.page(nothing)),
    ]


def _review_routes(
    store: Store, *, guard: Guard, templates: Templates, live: Live, clock: Callable[[], datetime]
) -> list[BaseRoute]:
    runs = RunsPage(
        runs=store.runs,
        repositories=store.repositories,
        troubles=store.troubles,
        templates=templates,
        live=live,
        clock=clock,
    )
    pull_request = PullRequestPage(
        runs=store.runs,
        agents=store.agents,
        findings=store.findings,
        pull_requests=store.pull_requests,
        repositories=store.repositories,
        blobs=store.blobs,
        templates=templates,
        clock=clock,
    )
    return [
        Route("/", guard.page(runs.show)),
        Route("/live/runs", guard.page(runs.watch)),
        Route("/pulls/{connection}/{repo_id}/{number:int}", guard.page(pull_request.show)),
    ]


def _run_routes(
    store: Store,
    *,
    guard: Guard,
    buttons: Buttons,
    voices: Mapping[str, Voice],
    templates: Templates,
    live: Live,
    clock: Callable[[], datetime],
) -> list[BaseRoute]:
    pressed = RunButtons(
        runs=store.runs, pull_requests=store.pull_requests, buttons=buttons, voices=voices, templates=templates
    )
    run = RunPage(
        runs=store.runs,
        agents=store.agents,
        findings=store.findings,
        votes=store.votes,
        streams=store.streams,
        blobs=store.blobs,
        templates=templates,
        live=live,
        buttons=pressed,
        uploads=store.uploads,
        clock=clock,
    )
    return [
        Route("/runs/{run_id}", guard.page(run.show)),
        Route("/runs/{run_id}/again", guard.page(pressed.review_again), methods=["POST"]),
        Route("/runs/{run_id}/fix", guard.page(pressed.fix_all), methods=["POST"]),
        Route("/live/runs/{run_id}", guard.page(run.watch)),
    ]


class _Assets(StaticFiles):
    """May be kept by browsers: their addresses change with their content."""

    @override
    def file_response(self, *args: Any, **kwargs: Any) -> Response:  # Any: handed on as starlette calls it
        response = super().file_response(*args, **kwargs)
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response
