"""A worker of the sandbox queue reviews code, and nothing that is worth stealing is in its environment or memory."""

import asyncio
import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio.client import Client

from app.demo import shop as samples
from app.demo.product import free_port
from app.domain.errors import UserError
from app.forges.fake.scenario import FIX_PERMISSIONS, FakeForge
from app.process import running
from app.queue_activities import Queue
from app.queue_secrets import refuse_foreign_secrets
from app.sandboxes.base import SandboxSpec
from app.sandboxes.bubblewrap import Bubblewrap
from app.sandboxes.egress_ways import Ways
from app.sandboxes.gateway_tokens import tokens_of
from app.sandboxes.gateway_trust import Papers
from app.sandboxes.gateway_ways import GatewayWays
from app.sandboxes.records import Records
from app.sandboxes.room import SandboxRoom
from app.settings import load_settings
from app.setup.gateway import setup_gateway
from app.temporal_client import connect, make_current
from tests.harness.databases import bring_to_schema
from tests.harness.memory import below, held
from tests.harness.system import Script, settings_for
from tests.harness.temporal import TemporalServer
from tests.journeys.conftest import answer_as_in_the_demo
from tests.journeys.fixing import AGREES, MENDS_SECONDS, need_sandbox, said
from tests.ops.processes import part

MODEL_KEY = "sk-canary-3f9c1b7e5d2a4c6e8f0b"


async def test_workers_apart_mend_a_finding_and_none_holds_what_it_must_not(
    forge: FakeForge, temporal: TemporalServer, tmp_path: Path
) -> None:
    """As on three machines: this one has the forge, another the model, the third runs foreign code, and the second
    reaches its sandboxes through its gateway alone."""
    need_sandbox()
    sample = samples.SAMPLES[0]
    repo = await forge.create_repo(samples.REPOSITORY, files=samples.BASE)
    credentials = await forge.install_app(repos=[repo], permissions=FIX_PERMISSIONS)
    script = Script(tmp_path / "script.json")
    answer_as_in_the_demo(script)
    script.agents.append(MENDS_SECONDS)
    script.answers.insert(0, AGREES)
    script.write()
    namespace = await temporal.namespace()
    settings = settings_for(
        tmp_path / "home",
        credentials,
        forge,
        temporal_address=temporal.address,
        temporal_namespace=namespace,
        blobs_url=f"file://{tmp_path / 'blobs'}",
        model=script.model,
    )
    settings.home.mkdir()
    await bring_to_schema(settings.database_url.get_secret_value())
    everybody = {
        "CORRIGENT_TEMPORAL_ADDRESS": temporal.address,
        "CORRIGENT_TEMPORAL_NAMESPACE": namespace,
        "CORRIGENT_BLOBS_URL": settings.blobs_url,
    }
    with_model = {
        "CORRIGENT_DATABASE_URL": settings.database_url.get_secret_value(),
        "CORRIGENT_MODEL": script.model,
        "CORRIGENT_MODEL_KEY": MODEL_KEY,
    }
    homes = [tmp_path / "of-models", tmp_path / "of-sandboxes"]
    with_gateway = {"CORRIGENT_GATEWAY_LISTEN": f"127.0.0.1:{free_port(0)}"}
    certify(tmp_path, *homes)
    folder = homes[1] / "sandboxes"
    async with (
        part("work", "--queue", "llm", home=homes[0], environ={**everybody, **with_model}) as models,
        part("work", "--queue", "sandbox", home=homes[1], environ={**everybody, **with_gateway}) as sandboxes,
        running(settings, work_on=frozenset({"control"})) as state,
    ):
        await make_current(await connect(settings, temporal.address), settings.worker_build_id)
        forge.webhook_url = f"http://127.0.0.1:{state.port}/hooks/github"
        pull_request = await repo.open_pull_request(
            author=sample.author, title=sample.title, branch=sample.branch, changes=sample.changes, body=sample.body
        )
        await forge.wait_until(lambda: [one for one in pull_request.checks if one.conclusion], timeout=40)
        (check,) = pull_request.checks
        assert "ruff" in str(check.summary)
        pull_request.comment("/corrigent fix 3", by="maria")
        key_body = credentials.private_key_pem.splitlines()[3]
        of_forge = (credentials.webhook_secret, key_body, *forge.github.tokens)
        assert len(of_forge) > 3
        assert await held_inside(folder / "bubblewrap", (MODEL_KEY, *of_forge)) == []
        await forge.wait_until(lambda: any("mended and proved" in text for text in said(pull_request)), timeout=90)
        assert state.turns is not None
        # The model was asked while the sandbox was made, and went on when it was there.
        assert (await activities_of_agent(state.turns.client))[:4] == [
            *("begin_agent", "open_room", "agent_chunk", "agent_chunk")
        ]
        of_forge = (*of_forge, *forge.github.tokens)
        # The search finds what is there, …
        assert held(sandboxes.pid, (settings.blobs_url,)) == [settings.blobs_url]
        assert held(models.pid, (MODEL_KEY,)) == [MODEL_KEY]
        assert held(sandboxes.pid, (private(homes[0]),)) == []
        # … and none of these is.
        assert held(sandboxes.pid, (MODEL_KEY, settings.database_url.get_secret_value(), *of_forge)) == []
        assert held(models.pid, of_forge) == []
    assert not list((homes[1] / "work").glob("*/change-*"))
    assert not (homes[1] / "corrigent.db").exists()
    assert Records(folder / "bubblewrap").ids() == []
    assert not (homes[0] / "sandboxes").exists()
    assert "gateway.open" in (homes[1] / "corrigent.log").read_text()


async def activities_of_agent(client: Client) -> list[str]:
    """Of the only agent, in the order in which they were asked for."""
    [agent] = [one async for one in client.list_workflows("WorkflowType='Agent'")]
    history = await client.get_workflow_handle(agent.id).fetch_history()
    return [
        event.activity_task_scheduled_event_attributes.activity_type.name
        for event in history.events
        if event.HasField("activity_task_scheduled_event_attributes")
    ]


def certify(tmp_path: Path, of_models: Path, of_sandboxes: Path) -> None:
    """By the command, then copied to each home, as an operator does it."""
    setup_gateway(["127.0.0.1"], home=tmp_path / "operator")
    made = tmp_path / "operator" / "secrets" / "gateways"
    for name, home in (("llm", of_models), ("127.0.0.1", of_sandboxes)):
        shutil.copytree(made / name, home / "secrets" / "gateway")


def private(home: Path) -> str:
    """A line of the key that this home enters with."""
    return (home / "secrets" / "gateway" / "key.pem").read_text().splitlines()[1]


async def test_a_killed_sandbox_worker_comes_back_and_what_ran_behind_its_gateway_runs_on(
    temporal: TemporalServer, tmp_path: Path
) -> None:
    need_sandbox()
    models, home = tmp_path / "of-models", tmp_path / "of-sandboxes"
    certify(tmp_path, models, home)
    address = f"127.0.0.1:{free_port(0)}"
    environ = {
        "CORRIGENT_TEMPORAL_ADDRESS": temporal.address,
        "CORRIGENT_TEMPORAL_NAMESPACE": await temporal.namespace(),
        "CORRIGENT_GATEWAY_LISTEN": address,
    }
    made = Bubblewrap(home / "sandboxes" / "bubblewrap", ways=Ways())
    inside = await made.provision(SandboxSpec(trust="member"), "kept", timedelta(minutes=5))
    ref = inside.model_copy(update={"host": address, "token": tokens_of(home / "sandboxes")(inside)})
    far = SandboxRoom(GatewayWays(Papers(models / "secrets" / "gateway").asking, patience=timedelta(seconds=90)), ref)
    script = "echo once >> ran; echo begun; while [ ! -e go ]; do sleep 0.05; done; echo ended"
    begun = asyncio.Event()
    try:
        async with part("work", "--queue", "sandbox", home=home, environ=environ) as worker:
            running = asyncio.create_task(far.run(("sh", "-c", script), watch=lambda _: begun.set()))
            await asyncio.wait_for(begun.wait(), 60)
            worker.kill()
            await worker.wait()
        async with part("work", "--queue", "sandbox", home=home, environ=environ):
            await far.write({"go": b""})
            ran = await asyncio.wait_for(running, 60)
            assert (ran.passed, ran.output) == (True, b"begun\nended\n")
            assert await far.read(["ran"]) == {"ran": b"once\n"}
    finally:
        await made.destroy(inside)


async def held_inside(folder: Path, values: tuple[str, ...]) -> list[str]:
    """By the first sandbox that is seen at work, and by what runs in it then."""
    records = Records(folder)
    async with asyncio.timeout(60):
        while True:
            for record in map(records.read, records.ids()):
                looked = [held_now(process, values) for process in below(record.pid)] if record and record.pid else []
                # Its first process lives as long as it does; commands come and go.
                if looked and looked[0] is not None:
                    return [value for found in looked for value in found or ()]
            await asyncio.sleep(0.01)


def held_now(process: int, values: tuple[str, ...]) -> list[str] | None:
    """None when it ended while it was looked at."""
    try:
        return held(process, values)
    except (FileNotFoundError, ProcessLookupError):
        return None


@pytest.mark.parametrize(
    ("queues", "variable", "refused"),
    [
        (("sandbox",), "CORRIGENT_MODEL_KEY", True),
        (("sandbox",), "CORRIGENT_DATABASE_URL", True),
        (("sandbox",), "ANTHROPIC_API_KEY", True),
        (("sandbox",), "CORRIGENT_TEMPORAL_API_KEY", False),
        (("llm",), "CORRIGENT_GITHUB_TOKEN", True),
        (("llm", "sandbox"), "CORRIGENT_DASHBOARD_TOKEN", True),
        (("llm",), "CORRIGENT_MODEL_KEY", False),
        (("llm",), "CORRIGENT_DATABASE_URL", False),
        (("control", "sandbox"), "CORRIGENT_MODEL_KEY", False),
    ],
)
def test_a_worker_refuses_what_its_queues_must_not_have(
    queues: tuple[Queue, ...], variable: str, refused: bool, tmp_path: Path
) -> None:
    settings = load_settings(environ={"CORRIGENT_HOME": str(tmp_path), variable: "postgresql://db/corrigent"})
    if refused:
        with pytest.raises(UserError, match=rf"^{variable}: a worker of .* must not have"):
            refuse_foreign_secrets(settings, frozenset(queues))
    else:
        refuse_foreign_secrets(settings, frozenset(queues))


def test_a_worker_of_models_gets_no_connection(forge_settings_home: Path) -> None:
    settings = load_settings({"home": str(forge_settings_home)}, environ={})
    with pytest.raises(UserError, match="must not have 'connections'"):
        refuse_foreign_secrets(settings, frozenset({"llm"}))


@pytest.fixture
async def forge_settings_home(forge: FakeForge, tmp_path: Path) -> Path:
    from app.demo.product import prepare_home

    credentials = await forge.install_app(repos=[], permissions=FIX_PERMISSIONS)
    prepare_home(tmp_path / "home", forge, credentials, model="", port=1)
    return tmp_path / "home"
