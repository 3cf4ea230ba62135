"""Corrigent as a test sees it: a fake forge in front, real Temporal, real git and the real process behind."""

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, Callable, Generator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import structlog
from pydantic import JsonValue
from sqlalchemy import select
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from app.domain.pull_request import PullRequestRef
from app.forges.fake.scenario import AppCredentials, FakeForge
from app.process import Running, running
from app.settings import Settings, load_settings
from app.store.tables import pull_requests
from app.telemetry import start_logging
from app.temporal_client import connect, make_current
from tests.harness.databases import bring_to_schema
from tests.harness.temporal import TemporalServer
from workflows.pull_request import pull_request_id

# What is at work for a pull request.
OPEN_TYPES = [f"WorkflowType='{name}'" for name in ("PullRequest", "Review", "Agent", "Talk")]
# Debounce and the like are a fiftieth of what they are in life.
TIME_SCALE = 0.02


@dataclass
class AtWork:
    """One Corrigent at work, whatever forge it works for."""

    settings: Settings
    running: Running
    script: "Script"

    @property
    def model_calls(self) -> int:
        return len(self.script.calls())

    async def idle(self) -> None:
        """Until every delivery that arrived is handled and no run is open."""
        async with asyncio.timeout(90):
            while (await self.running.store.deliveries.backlog())[0] or await self._runs_open():
                await asyncio.sleep(0.05)

    async def _runs_open(self) -> bool:
        client = self.running.turns
        assert client is not None
        # Temporal lists a run a moment after its start, so those that begin everything are asked for by name.
        for row in await self.running.store.db.read(lambda sql: sql.execute(select(pull_requests)).all()):
            ref = PullRequestRef(connection=row.connection, repo_id=row.repo_id, number=row.pull_request_number)
            if await _is_running(client.client, pull_request_id(ref)):
                return True
        query = f"ExecutionStatus='Running' AND ({' OR '.join(OPEN_TYPES)})"
        return (await client.client.count_workflows(query)).count > 0


async def _is_running(client: Client, workflow_id: str) -> bool:
    try:
        return (await client.get_workflow_handle(workflow_id).describe()).status is WorkflowExecutionStatus.RUNNING
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return False
        raise


@dataclass
class System(AtWork):
    """One Corrigent at work for one fake GitHub."""

    forge: FakeForge
    credentials: AppCredentials

    async def quiet(self) -> None:
        """Until every delivery is handled and no run is open."""
        await self.forge.deliveries_answered()
        await self.idle()


@dataclass
class Script:
    """What the scripted model answers; its log counts calls across processes that were killed."""

    path: Path
    answers: list[dict[str, JsonValue]] = field(default_factory=list[dict[str, JsonValue]])
    # What a scripted agent does, by the words of its task.
    agents: list[dict[str, JsonValue]] = field(default_factory=list[dict[str, JsonValue]])

    def __post_init__(self) -> None:
        self.write()

    def answer(self, when: Sequence[str] = (), **entry: JsonValue) -> None:
        self.answers.append({"when": list(when), **entry})
        self.write()

    def hold(self, **how: JsonValue) -> None:
        """Every answer comes later from now on: after a `delay` in seconds, or not `until` a file is beside it."""
        self.answers = [{**entry, **how} for entry in self.answers]
        self.write()

    def write(self) -> None:
        self.path.write_text(json.dumps({"log": "calls.jsonl", "answers": self.answers, "agents": self.agents}))

    @property
    def model(self) -> str:
        return f"scripted:{self.path}"

    def calls(self) -> list[str]:
        log = self.path.with_name("calls.jsonl")
        return log.read_text().splitlines() if log.exists() else []


def connection_to(forge: FakeForge, credentials: AppCredentials) -> dict[str, JsonValue]:
    """What the operator's file says of a fake GitHub."""
    return {
        "key": "github",
        "kind": "github",
        "web_url": forge.url,
        "api_url": forge.api_url,
        "app_id": credentials.app_id,
        "slug": credentials.slug,
        "private_key": credentials.private_key_pem,
        "webhook_secret": credentials.webhook_secret,
    }


def settings_for(home: Path, credentials: AppCredentials, forge: FakeForge, **more: JsonValue) -> Settings:
    """The operator's settings for one connection to the fake."""
    return _settings(home, connection_to(forge, credentials), more)


def _settings(home: Path, connection: dict[str, JsonValue], more: Mapping[str, JsonValue]) -> Settings:
    given: dict[str, JsonValue] = {
        "home": str(home),
        "connections": [connection],
        "listen_port": 0,
        "time_scale": TIME_SCALE,
        **more,
    }
    return load_settings(given, environ={})


@asynccontextmanager
async def corrigent(
    forge: FakeForge,
    credentials: AppCredentials,
    temporal: TemporalServer,
    home: Path,
    *,
    with_model: bool = True,
    prepare: Callable[[Script], None] = lambda _: None,
    **more: JsonValue,
) -> AsyncGenerator[System]:
    """Everything running; the forge's webhooks point at it."""
    connection = connection_to(forge, credentials)
    async with at_work(connection, temporal, home, with_model=with_model, prepare=prepare, **more) as made:
        forge.webhook_url = f"http://127.0.0.1:{made.running.port}/hooks/github"
        yield System(made.settings, made.running, made.script, forge=forge, credentials=credentials)


@asynccontextmanager
async def at_work(
    connection: dict[str, JsonValue],
    temporal: TemporalServer,
    home: Path,
    *,
    with_model: bool = True,
    prepare: Callable[[Script], None] = lambda _: None,
    **more: JsonValue,
) -> AsyncGenerator[AtWork]:
    """Everything running for one connection, as the operator's file has it."""
    home.mkdir(parents=True, exist_ok=True)
    script = Script(home / "script.json")
    prepare(script)
    overrides: Mapping[str, JsonValue] = {
        "temporal_address": temporal.address,
        "temporal_namespace": await temporal.namespace(),
        "model": script.model if with_model else "",
        **more,
    }
    settings = _settings(home, connection, overrides)
    await bring_to_schema(settings.database_url.get_secret_value())
    with log_file(home / "corrigent.log", settings.secret_values()):
        async with running(settings, strict=True) as state:
            await make_current(await connect(settings, temporal.address), settings.worker_build_id)
            yield AtWork(settings=settings, running=state, script=script)


@contextmanager
def log_file(path: Path, secrets: Sequence[str]) -> Generator[None]:
    """Logs as in production, in a file: what is shown without it renders every trace for seconds."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    with path.open("a") as stream:
        start_logging(level="warning", style="json", secrets=secrets, stream=stream)
        try:
            yield
        finally:
            structlog.reset_defaults()
            root.handlers[:], root.level = handlers, level
