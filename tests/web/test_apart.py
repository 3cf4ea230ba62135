"""The door's own loop: deliveries are answered there whatever the rest does, and everything else where it always was."""

import asyncio
import threading
import time
from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from app.domain.errors import UserError
from app.web.apart import Apart, serving_apart

HOST = "127.0.0.1"


async def told(request: Request) -> Response:
    """Which thread answers, and what it was sent."""
    return PlainTextResponse(f"{threading.current_thread().name} {(await request.body()).decode()}")


async def streamed(_: Request) -> Response:
    async def parts() -> AsyncGenerator[str]:
        for number in range(3):
            yield f"{number} {threading.current_thread().name}\n"
            await asyncio.sleep(0)

    return StreamingResponse(parts())


@pytest.fixture
async def url() -> AsyncGenerator[str]:
    routes = [
        Route("/hooks/{name}", told, methods=["POST"]),
        Route("/page", told, methods=["POST"]),
        Route("/stream", streamed),
    ]
    async with serving_apart(Apart(Starlette(routes=routes)), HOST, 0) as port:
        yield f"http://{HOST}:{port}"


async def test_each_loop_answers_what_is_its_own(url: str) -> None:
    async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
        here = threading.current_thread().name
        assert (await client.post("/hooks/x", content=b"body")).text == "door_0 body"
        assert (await client.post("/page", content=b"body")).text == f"{here} body"
        assert (await client.get("/stream")).text.splitlines() == [f"{number} {here}" for number in range(3)]
        assert (await client.get("/nowhere")).status_code == 404


async def test_a_delivery_is_answered_while_the_other_loop_stands_still(url: str) -> None:
    with ThreadPoolExecutor(1) as sender:
        answered = sender.submit(httpx.post, f"{url}/hooks/x", content=b"body", trust_env=False)
        until = time.monotonic() + 30
        while not answered.done() and time.monotonic() < until:
            # Not asyncio's: nothing else runs in this loop meanwhile.
            time.sleep(0.01)  # noqa: ASYNC251
        assert answered.done()
        assert answered.result().text == "door_0 body"


async def test_a_port_that_is_taken_is_said_as_ever(url: str) -> None:
    port = int(url.rpartition(":")[2])
    with pytest.raises(UserError, match=f"Port {port} on {HOST} is taken"):
        async with serving_apart(Starlette(), HOST, port):
            pytest.fail("two serve one port")


@pytest.mark.parametrize("turns", [1, 2, 3, 50])
async def test_who_is_stopped_while_it_opens_leaves_no_door_open(turns: int) -> None:
    async def open_it() -> None:
        async with serving_apart(Starlette(), HOST, 0):
            await asyncio.sleep(60)

    opening = asyncio.create_task(open_it())
    for _ in range(turns):
        await asyncio.sleep(0)
    opening.cancel()
    _, late = await asyncio.wait({opening}, timeout=30)
    assert not late
    assert opening.cancelled()
    # The thread itself takes a moment longer than its work.
    async with asyncio.timeout(30):
        while "door_0" in {thread.name for thread in threading.enumerate()}:
            await asyncio.sleep(0.01)


async def test_a_server_that_cannot_start_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    async def failing(*_: object) -> None:
        raise OSError("no more files")

    monkeypatch.setattr(uvicorn.Server, "startup", failing)
    with pytest.raises(OSError, match="no more files"):
        async with serving_apart(Apart(Starlette()), HOST, 0):
            pass
