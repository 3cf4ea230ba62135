"""Temporal: does it answer, which version do new workflows go to, and does anybody work on every queue?"""

import tempfile
import time
from pathlib import Path

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import (
    DescribeNamespaceRequest,
    DescribeTaskQueueRequest,
    DescribeWorkerDeploymentRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from app.doctor.base import Ground, Line
from app.embedded_address import embedded_process, temporal_address
from app.temporal_client import connect
from app.temporal_server import EmbeddedTemporal
from app.worker import DEPLOYMENT
from workflows import queues

PART = "Temporal"


async def check_temporal(ground: Ground) -> Line:
    settings = ground.settings
    address = temporal_address(settings)
    if address is None and embedded_process(settings.home) is not None:
        return Line("wait", PART, "embedded, running; set temporal_port to let it be looked at from here")
    if address is None:
        return await _trial()
    client = await connect(settings, address)
    kind = f"at {address}" if settings.temporal_address else "embedded, running"
    if not await _has_namespace(client):
        text = f"{kind}, without the namespace {client.namespace!r}"
        return Line(
            "FAIL", PART, text, f"temporal operator namespace create -n {client.namespace}, or correct the setting"
        )
    build_id = await _current_build(client)
    if not build_id:
        text = f"{kind}, without a current worker version: new reviews would wait for ever"
        command = (
            f"temporal worker deployment set-current-version --deployment-name {DEPLOYMENT} "
            f"--build-id {settings.worker_build_id}"
        )
        return Line("FAIL", PART, text, f"start the workers, then: {command}")
    idle = [
        queue for queue in (queues.CONTROL, queues.LLM, queues.SANDBOX) if not await _polled(client, queue, build_id)
    ]
    if idle:
        text = f"{kind}, version {build_id!r} is current, and nobody works on {', '.join(idle)}"
        return Line("FAIL", PART, text, "start `corrigent work` of that version, or make the running one current")
    return Line("ok", PART, f"{kind}, worker version {build_id}")


async def _trial() -> Line:
    """One is started elsewhere and stopped: the real one's home stays as it is."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="corrigent-doctor-") as folder:
        async with EmbeddedTemporal(Path(folder)):
            seconds = time.monotonic() - began
    return Line("ok", PART, f"embedded, starts in {seconds:.1f} s")


async def _has_namespace(client: Client) -> bool:
    try:
        await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=client.namespace))
    except RPCError as error:
        if error.status == RPCStatusCode.NOT_FOUND:
            return False
        raise
    return True


async def _current_build(client: Client) -> str:
    request = DescribeWorkerDeploymentRequest(namespace=client.namespace, deployment_name=DEPLOYMENT)
    try:
        answer = await client.workflow_service.describe_worker_deployment(request)
    except RPCError as error:
        if error.status == RPCStatusCode.NOT_FOUND:
            return ""
        raise
    return answer.worker_deployment_info.routing_config.current_deployment_version.build_id


async def _polled(client: Client, queue: str, build_id: str) -> bool:
    request = DescribeTaskQueueRequest(
        namespace=client.namespace,
        task_queue=TaskQueue(name=queue),
        task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
    )
    answer = await client.workflow_service.describe_task_queue(request)
    return any(poller.deployment_options.build_id == build_id for poller in answer.pollers)
