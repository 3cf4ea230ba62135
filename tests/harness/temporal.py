"""A Temporal server for tests, and a namespace of its own for every test that asks."""

import asyncio
import itertools
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from google.protobuf.duration_pb2 import Duration
from temporalio.api.workflowservice.v1 import RegisterNamespaceRequest
from temporalio.client import Client

from app.temporal_server import EmbeddedTemporal

_NUMBERS = itertools.count(1)


@dataclass(frozen=True)
class TemporalServer:
    """Where the server of these tests answers."""

    address: str
    metrics_url: str

    async def namespace(self) -> str:
        """A fresh one: nothing of another test's workflows is in it."""
        name = f"test-{next(_NUMBERS)}"
        client = await Client.connect(self.address)
        await client.workflow_service.register_namespace(
            RegisterNamespaceRequest(namespace=name, workflow_execution_retention_period=Duration(seconds=86_400))
        )
        return name


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
        asyncio.run_coroutine_threadsafe(server.stop(), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
