"""Agents at work, for the tests of their workflow."""

from collections.abc import AsyncGenerator

import pytest
from temporalio.client import Client

from app.temporal_client import make_current
from app.worker import WorkerGroup
from tests.harness.temporal import TemporalServer
from tests.workflows.agents_at_work import Agents, Steps
from workflows.activities.failures import SentenceFailures
from workflows.client import Turns
from workflows.converter import data_converter


@pytest.fixture
def steps() -> Steps:
    return Steps()


@pytest.fixture
async def agents(temporal: TemporalServer, steps: Steps) -> AsyncGenerator[Agents]:
    converter = data_converter(SentenceFailures, assert_small=True)
    namespace = await temporal.namespace()
    client = await Client.connect(temporal.address, namespace=namespace, data_converter=converter)
    async with WorkerGroup(client, steps.by_queue(), build_id="test", sandboxed=True):
        await make_current(client, "test")
        yield Agents(Turns(client), steps)
