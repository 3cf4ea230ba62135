"""A Temporal server for tests, and a namespace of its own for every test that asks."""

import asyncio
import itertools
import threading
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from google.protobuf.duration_pb2 import Duration
from temporalio.api.workflowservice.v1 import RegisterNamespaceRequest
from temporalio.client import Client

from app.temporal_server import EmbeddedTemporal

# After how many namespaces is it time for another server?
NAMESPACES = 8
_NUMBERS = itertools.count(1)


@dataclass(frozen=True)
class TemporalServer:
    """Where the server of these tests answers."""

    address: str
    metrics_url: str
    # Its namespaces so far.
    taken: list[str] = field(default_factory=list[str])

    async def namespace(self) -> str:
        """A fresh one: nothing of another test's workflows is in it."""
        name = f"test-{next(_NUMBERS)}"
        self.taken.append(name)
        client = await Client.connect(self.address)
        await client.workflow_service.register_namespace(
            RegisterNamespaceRequest(namespace=name, workflow_execution_retention_period=Duration(seconds=86_400))
        )
        return name


class TemporalServers:
    """One server for several modules, and a fresh one from time to time.

    Every namespace has workers of the server's own and schedules of ours that never rest: with twenty an idle server
    takes a third of a core.
    """

    def __init__(self, new_home: Callable[[], Path]) -> None:
        self._new_home = new_home
        self._running = ExitStack()
        self._server: TemporalServer | None = None

    def one(self) -> TemporalServer:
        """For a module; nobody uses the one that the module before had."""
        if self._server is None or len(self._server.taken) >= NAMESPACES:
            self.stop()
            self._server = self._running.enter_context(temporal_server(self._new_home()))
        return self._server

    def stop(self) -> None:
        """Until somebody asks for one again."""
        self._running.close()
        self._server = None


@contextmanager
def temporal_server(home: Path) -> Generator[TemporalServer]:
    """The server lives in a thread with its own event loop, so that tests may have one each."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="temporal")
    thread.start()
    server = EmbeddedTemporal(home)
    try:
        asyncio.run_coroutine_threadsafe(server.start(), loop).result(30)
        yield TemporalServer(address=server.address, metrics_url=server.metrics_url)
    finally:
        try:
            asyncio.run_coroutine_threadsafe(server.stop(), loop).result(30)
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()
