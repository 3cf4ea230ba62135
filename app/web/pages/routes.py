"""Every page, one line each, and who stands before it."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from pydantic import SecretStr
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from typing_extensions import override

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
from app.web.pages.run_again import RunAgain
from app.web.pages.runs import RunsPage
from app.wiring import Store


def dashboard(
    store: Store,
    *,
    templates: Templates,
    access: Access,
    live: Live,
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
        *_review_routes(store, guard=guard, buttons=buttons, templates=templates, live=live, clock=clock),
        *learning_routes(store, guard=guard, buttons=buttons, templates=templates, clock=clock),
        *agent_routes(store, guard=guard, buttons=buttons, templates=templates, live=live, clock=clock),
        Route("/enter", guard.door(enter.show), methods=["GET"]),
        Route("/enter", guard.door(enter.submit), methods=["POST"]),
        Route("/metrics", figures.show),
        Mount("/static", _Assets(directory=STATIC)),
        Route("/{path:path}", guard.page(nothing)),
    ]


def _review_routes(
    store: Store, *, guard: Guard, buttons: Buttons, templates: Templates, live: Live, clock: Callable[[], datetime]
) -> list[BaseRoute]:
    again = RunAgain(runs=store.runs, pull_requests=store.pull_requests, buttons=buttons, templates=templates)
    runs = RunsPage(
        runs=store.runs,
        repositories=store.repositories,
        troubles=store.troubles,
        templates=templates,
        live=live,
        clock=clock,
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
        again=again,
        uploads=store.uploads,
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
        Route("/runs/{run_id}", guard.page(run.show)),
        Route("/runs/{run_id}/again", guard.page(again.press), methods=["POST"]),
        Route("/live/runs/{run_id}", guard.page(run.watch)),
        Route("/pulls/{connection}/{repo_id}/{number:int}", guard.page(pull_request.show)),
    ]


class _Assets(StaticFiles):
    """May be kept by browsers: their addresses change with their content."""

    @override
    def file_response(self, *args: Any, **kwargs: Any) -> Response:  # Any: handed on as starlette calls it
        response = super().file_response(*args, **kwargs)
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response
