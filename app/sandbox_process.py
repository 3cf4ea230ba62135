"""A worker of the sandbox queue alone: it runs what reads foreign code, and has neither a database nor a key."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

from app.checkouts.unpacked import Unpacked
from app.metrics import Metrics
from app.process import tell_figures
from app.sandbox_activities import sandbox_activities
from app.sandbox_making import bases_of, own_sandboxes
from app.settings import Settings
from app.temporal_client import connect
from app.wiring import open_blobs, utc_now
from app.work_folder import own_folder
from app.worker import WorkerGroup


@asynccontextmanager
async def sandbox_running(settings: Settings) -> AsyncGenerator[None]:
    """At work while this is entered. Code comes from the blob store, and reports go there."""

    async def healthy() -> Mapping[str, str]:
        return {}

    async with AsyncExitStack() as stack:
        client = await connect(settings, settings.temporal_address)
        folder = stack.enter_context(own_folder(settings.home / "work"))
        sandboxes = own_sandboxes(settings, clock=utc_now)
        await stack.enter_async_context(sandboxes.serving())
        blobs = open_blobs(settings)
        held = sandbox_activities(blobs, sandboxes.parts(), bases_of(settings, blobs), Unpacked(folder, blobs.get))
        await stack.enter_async_context(WorkerGroup(client, held, build_id=settings.worker_build_id))
        await tell_figures(stack, settings, Metrics(), None, healthy)
        yield
