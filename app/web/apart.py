"""A loop of its own for the door: a delivery is acknowledged while the loop of everything else has its hands full."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from typing import ParamSpec, TypeVar

from starlette.types import ASGIApp, Receive, Scope, Send

from app.web.server import serving

P = ParamSpec("P")
T = TypeVar("T")

_DOOR = "/hooks/"


class Apart:
    """Called in the door's loop: deliveries are answered there, and everything else in the loop this was made in."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._loop = asyncio.get_running_loop()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"].startswith(_DOOR):
            await self._app(scope, receive, send)
        else:
            here = asyncio.get_running_loop()
            await _in(self._loop, self._app)(scope, _in(here, receive), _in(here, send))


def _in(loop: asyncio.AbstractEventLoop, call: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
    """The same, called from another loop."""

    async def there(*args: P.args, **kwargs: P.kwargs) -> T:
        async def called() -> T:
            return await call(*args, **kwargs)

        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(called(), loop))

    return there


@asynccontextmanager
async def serving_apart(app: ASGIApp, host: str, port: int) -> AsyncGenerator[int]:
    """As `serving`, in a thread with a loop of its own, in which `app` is called."""
    # Made here, so that it can be told to end before it has begun: whoever is cancelled meanwhile waits for the thread.
    loop, over, opened = asyncio.new_event_loop(), asyncio.Event(), Future[int]()
    runner = asyncio.Runner(loop_factory=lambda: loop)
    thread = ThreadPoolExecutor(1, thread_name_prefix="door")
    ended = asyncio.get_running_loop().run_in_executor(thread, _run, runner, _serve(app, host, port, opened, over))
    # It ends with this work. Waiting for it here would stop the loop that its open answers may need.
    thread.shutdown(wait=False)
    try:
        await asyncio.wait({ended, asyncio.wrap_future(opened)}, return_when=asyncio.FIRST_COMPLETED)
        if not opened.done():
            await ended
        yield opened.result()
    finally:
        # When serving has ended by itself, its loop is closed.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(over.set)
        await ended


def _run(runner: asyncio.Runner, work: Coroutine[None, None, None]) -> None:
    with runner:
        runner.run(work)


async def _serve(app: ASGIApp, host: str, port: int, opened: Future[int], over: asyncio.Event) -> None:
    async with serving(app, host, port) as bound:
        opened.set_result(bound)
        await over.wait()
