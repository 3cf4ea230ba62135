"""Connecting to Temporal, and making this version the one that new work goes to."""

import asyncio
import hashlib
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import structlog
from temporalio.api.workflowservice.v1 import SetWorkerDeploymentCurrentVersionRequest
from temporalio.client import Client, Interceptor
from temporalio.runtime import PrometheusConfig, Runtime, TelemetryConfig
from temporalio.service import RPCError, RPCStatusCode

import workflows.turn
from app.domain.errors import UserError
from app.settings import Settings
from app.worker import DEPLOYMENT
from workflows.activities.failures import SentenceFailures
from workflows.client import Turns
from workflows.converter import data_converter

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

log = structlog.get_logger()

# How long may a fresh worker take until the server knows its version?
KNOWN_WITHIN = timedelta(seconds=20)
NOT_YET = (RPCStatusCode.NOT_FOUND, RPCStatusCode.FAILED_PRECONDITION, RPCStatusCode.UNAVAILABLE)


async def connect(
    settings: Settings, address: str, *, assert_small: bool = False, tracer: "Tracer | None" = None
) -> Client:
    """UserError when nothing answers there."""
    api_key = settings.temporal_api_key
    try:
        return await Client.connect(
            address,
            namespace=settings.temporal_namespace,
            api_key=api_key.get_secret_value() if api_key else None,
            tls=settings.temporal_tls,
            data_converter=data_converter(SentenceFailures, assert_small=assert_small),
            interceptors=_interceptors(tracer),
            runtime=_runtime(settings),
        )
    except RuntimeError as error:
        raise UserError(f"Temporal does not answer at {address!r}: {str(error)[:200]}") from None


def _interceptors(tracer: "Tracer | None") -> Sequence[Interceptor]:
    if tracer is None:
        return ()
    # Only then: it needs what is not installed without the extra.
    from temporalio.contrib.opentelemetry import TracingInterceptor

    return (TracingInterceptor(tracer),)


def _runtime(settings: Settings) -> Runtime | None:
    """None is the one that all clients of a process share."""
    if settings.temporal_metrics_port is None:
        return None
    figures = PrometheusConfig(bind_address=f"{settings.listen_host}:{settings.temporal_metrics_port}")
    return Runtime(telemetry=TelemetryConfig(metrics=figures))


async def make_current(client: Client, build_id: str) -> None:
    """New workflows go to this build. Without a current version they would wait for ever."""
    request = SetWorkerDeploymentCurrentVersionRequest(
        namespace=client.namespace,
        deployment_name=DEPLOYMENT,
        build_id=build_id,
        identity=client.identity,
        ignore_missing_task_queues=True,
    )
    async with asyncio.timeout(KNOWN_WITHIN.total_seconds()):
        while True:
            try:
                await client.workflow_service.set_worker_deployment_current_version(request)
            except RPCError as error:
                if error.status not in NOT_YET:
                    raise
                await asyncio.sleep(0.05)
            else:
                return


async def end_what_is_older(home: Path, turns: Turns) -> bool:
    """Open work of other workflow code cannot go on with this one: it is ended. Whether there was any to start anew."""
    file = home / "workflow-code"
    code = _fingerprint()
    before = file.read_text() if file.exists() else code
    ended = 0
    if before != code:
        ended = await turns.end_reviews_of_other_versions()
        log.info("upgrade.ended_open_work", executions=ended)
    file.write_text(code)
    return ended > 0


def _fingerprint() -> str:
    """Of everything that runs inside a workflow."""
    folder = Path(workflows.turn.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()
