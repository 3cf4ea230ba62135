"""What one process of Corrigent runs: the door, the dispatcher, the workers, or all of them with their own Temporal."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Literal

import structlog
from sqlalchemy.exc import SQLAlchemyError

from app.agent_making import AgentModels
from app.dispatcher import Dispatcher
from app.domain.names import NAME
from app.llm_activities import Held
from app.metrics import Metrics
from app.queue_activities import ALL_QUEUES, Queue, activities_of
from app.reviewer_making import ModelReviewers
from app.routing import Routing
from app.sandbox_making import bases_of, own_sandboxes
from app.settings import Settings
from app.store.deliveries import Deliveries
from app.sweeper import POLL_EVERY, SWEEP_EVERY, Sweeper
from app.talk_making import TalkModels
from app.telemetry import start_tracing
from app.temporal_client import connect, end_what_is_older, make_current
from app.temporal_server import EmbeddedTemporal
from app.web.access import address_of, one_time_link, open_access
from app.web.apart import Apart, serving_apart
from app.web.api.sarif import SarifDoor
from app.web.hooks import HookDoor
from app.web.live import Live
from app.web.main import Healthy, create_app, create_figures_app
from app.web.pages.failure import Failure
from app.web.pages.metrics import MetricsPage
from app.web.pages.parts.rendering import Templates
from app.web.pages.routes import dashboard
from app.web.server import serving
from app.wiring import Forges, Store, open_forges, open_store, silence, utc_now, voices
from app.work_folder import own_folder
from app.worker import WorkerGroup
from workflows.client import Turns

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

log = structlog.get_logger()

Part = Literal["serve", "dispatch", "work"]
# How soon is a database that went away asked again?
STORE_AGAIN = timedelta(seconds=1)
# How long is a loop waited for that was told to stop?
CANCEL_AGAIN = timedelta(seconds=1)
ALL_PARTS: frozenset[Part] = frozenset({"serve", "dispatch", "work"})


@dataclass
class Running:
    """A process at work; `turns` is there once Temporal is."""

    store: Store
    forges: Forges
    metrics: Metrics
    port: int = 0
    turns: Turns | None = None
    dispatcher: Dispatcher | None = None
    # Makes a link to the dashboard that lets one browser in; None where no pages are served.
    new_link: Callable[[], str] | None = None
    # Parts that were asked for and are not up yet.
    starting: frozenset[Part] = frozenset()
    # Set when a loop of this process ended with an error: the process cannot go on as it should.
    failed: asyncio.Event = field(default_factory=asyncio.Event)

    async def wrong(self) -> Mapping[str, str]:
        """What keeps this process from doing its work, for whoever asks after its health."""
        return dict.fromkeys(sorted(self.starting), "starting")

    def wake(self) -> None:
        """There is something in the inbox; a dispatcher elsewhere finds it by itself."""
        if self.dispatcher is not None:
            self.dispatcher.wake.set()


@asynccontextmanager
async def running(
    settings: Settings,
    *,
    parts: frozenset[Part] = ALL_PARTS,
    work_on: frozenset[Queue] = ALL_QUEUES,
    strict: bool = False,
) -> AsyncGenerator[Running]:
    """Everything up when this is entered; everything down, in reverse order, when it is left.

    `strict` refuses payloads that do not belong into a history, and workflow code that would not replay; as tests do.
    """
    embedded = not settings.temporal_address
    async with AsyncExitStack() as stack:
        metrics = Metrics()
        store = await stack.enter_async_context(open_store(settings, may_migrate=embedded, metrics=metrics))
        forges = await stack.enter_async_context(
            open_forges(
                settings,
                store.limits,
                silence(settings, store.repositories),
                observe=metrics.forge_request,
                db=store.db,
            )
        )
        state = Running(store=store, forges=forges, metrics=metrics, starting=parts)
        # The door first: deliveries are safe from here on, whatever the rest takes.
        if "serve" in parts:
            await _open_door(stack, settings, state)
        else:
            await tell_figures(stack, settings, metrics, store.deliveries, state.wrong)
        if parts & {"dispatch", "work"}:
            await _connect(stack, settings, state, parts, work_on if "work" in parts else frozenset(), strict)
        state.starting = frozenset()
        yield state


async def _open_door(stack: AsyncExitStack, settings: Settings, state: Running) -> None:
    door = HookDoor(
        deliveries=state.store.deliveries,
        inboxes=state.forges.inboxes,
        wake=partial(asyncio.get_running_loop().call_soon_threadsafe, state.wake),
        received=state.metrics.hook,
        old_secrets=state.store.old_secrets,
    )
    access, live = open_access(settings, utc_now), Live()
    templates = Templates(utc_now)
    pages = dashboard(
        state.store,
        templates=templates,
        access=access,
        live=live,
        voices=voices(settings),
        metrics=state.metrics,
        metrics_token=settings.metrics_token,
        wake=state.wake,
        clock=utc_now,
    )
    store = state.store
    sarif = SarifDoor(uploads=store.uploads, repositories=store.repositories, token=settings.sarif_token, clock=utc_now)
    failed = Failure(templates=templates, clock=utc_now).show
    app = create_app(door=door, healthy=state.wrong, pages=[sarif.route, *pages], failed=failed)
    at = settings.listen_host, settings.listen_port
    # PostgreSQL's connections belong to one loop; there the door has a process of its own where it matters.
    apart = store.db.dialect == "sqlite"
    state.port = await stack.enter_async_context(serving_apart(Apart(app), *at) if apart else serving(app, *at))
    # Before the server, which waits for its open answers.
    stack.callback(live.close)
    state.new_link = partial(one_time_link, access, address_of(settings, state.port))


async def tell_figures(
    stack: AsyncExitStack, settings: Settings, metrics: Metrics, deliveries: Deliveries | None, healthy: Healthy
) -> None:
    """Of a process without a door, where the operator gave it a port for that."""
    if settings.metrics_port is not None:
        figures = MetricsPage(metrics=metrics, deliveries=deliveries, token=settings.metrics_token)
        app = create_figures_app(healthy=healthy, figures=figures)
        await stack.enter_async_context(serving(app, settings.listen_host, settings.metrics_port))


async def _connect(
    stack: AsyncExitStack,
    settings: Settings,
    state: Running,
    parts: frozenset[Part],
    work_on: frozenset[Queue],
    strict: bool,
) -> None:
    address = settings.temporal_address
    embedded = not address
    if embedded:
        server = EmbeddedTemporal(settings.home, settings.temporal_port, ui_port=settings.temporal_ui_port)
        address = (await stack.enter_async_context(server)).address
        _in_background(stack, state, server.keep_running())
    tracer = _tracer(stack, settings, "+".join(sorted(parts)))
    client = await connect(settings, address, assert_small=strict, tracer=tracer)
    state.turns = Turns(client, time_scale=settings.time_scale)
    ended = embedded and await end_what_is_older(settings.home, state.turns)
    if work_on:
        activities = activities_of(work_on, await _held(stack, settings, state, state.turns, work_on))
        await stack.enter_async_context(
            WorkerGroup(client, activities, build_id=settings.worker_build_id, sandboxed=strict)
        )
    if embedded and work_on:
        await make_current(client, settings.worker_build_id)
    if "control" in work_on:
        await state.turns.ensure_schedules()
        if ended:
            await state.turns.run_chore("reconcile")
    if "dispatch" in parts:
        _dispatch(stack, settings, state, state.turns)


def _tracer(stack: AsyncExitStack, settings: Settings, process: str) -> "Tracer | None":
    traces = start_tracing(settings.otel_endpoint, process=process)
    if traces is None:
        return None
    # Sends what is left; blocks for as long as the collector does, which a loop that stops can bear.
    stack.callback(traces.shutdown)
    return traces.get_tracer(NAME.lower())


async def _held(
    stack: AsyncExitStack, settings: Settings, state: Running, turns: Turns, work_on: frozenset[Queue]
) -> Held:
    reviewers = ModelReviewers(settings, state.store, clock=utc_now, metrics=state.metrics)
    stack.push_async_callback(reviewers.close)
    sandboxes = own_sandboxes(settings, clock=utc_now)
    if "sandbox" in work_on:
        await stack.enter_async_context(sandboxes.serving())
    return Held(
        settings=settings,
        store=state.store,
        forges=state.forges,
        turns=turns,
        metrics=state.metrics,
        reviewers=reviewers,
        agent_models=AgentModels(settings, state.store, reviewers, clock=utc_now),
        talk_models=TalkModels(settings, state.store, reviewers, clock=utc_now),
        sandboxes=sandboxes.parts(),
        bases=bases_of(settings, state.store.blobs),
        work_folder=stack.enter_context(own_folder(settings.home / "work")),
    )


def open_routing(store: Store, mentions: Mapping[str, Sequence[str]]) -> Routing:
    return Routing(
        repositories=store.repositories,
        pull_requests=store.pull_requests,
        actions=store.actions,
        agents=store.agents,
        findings=store.findings,
        runs=store.runs,
        votes=store.votes,
        mentions=mentions,
    )


def _dispatch(stack: AsyncExitStack, settings: Settings, state: Running, turns: Turns) -> None:
    store, inboxes = state.store, state.forges.inboxes
    state.dispatcher = Dispatcher(
        deliveries=store.deliveries,
        inboxes=inboxes,
        routing=open_routing(store, state.forges.mentions),
        turns=turns,
        dispatched=state.metrics.dispatched,
    )
    sweeper = Sweeper(
        inboxes=inboxes,
        deliveries=store.deliveries,
        cursors=store.cursors,
        wake=state.wake,
        every=SWEEP_EVERY if settings.public_url else POLL_EVERY,
    )
    _in_background(stack, state, _lasting("dispatcher", state.dispatcher.run))
    _in_background(stack, state, _lasting("sweeper", sweeper.run))


async def _lasting(loop: str, run: Callable[[], Awaitable[None]]) -> None:
    """A loop that outlives its database being away: what it was about to do is still in the inbox, or at the forge."""
    while True:
        try:
            await run()
        except (OSError, SQLAlchemyError) as error:
            log.warning("process.store_away", loop=loop, error=type(error).__name__)
            await asyncio.sleep(STORE_AGAIN.total_seconds())


def _in_background(stack: AsyncExitStack, state: Running, work: Coroutine[None, None, None]) -> None:
    """A loop for the life of the process; an error in it is the end of both."""
    task = asyncio.create_task(work)

    def note_end(ended: "asyncio.Task[None]") -> None:
        if not ended.cancelled() and (error := ended.exception()) is not None:
            state.failed.set()
            log.error("process.loop_failed", exc_info=error)

    async def stop() -> None:
        # Told again until it ends: before Python 3.12 a library's `asyncio.wait_for` may lose what it is told.
        while not task.done():
            task.cancel()
            await asyncio.wait([task], timeout=CANCEL_AGAIN.total_seconds())

    task.add_done_callback(note_end)
    stack.push_async_callback(stop)
