"""A worker of the sandbox queue reviews code, and nothing that is worth stealing is in its environment or memory."""

from pathlib import Path

import pytest

from app.demo import shop as samples
from app.domain.errors import UserError
from app.forges.fake.scenario import FIX_PERMISSIONS, FakeForge
from app.process import running
from app.queue_activities import Queue
from app.queue_secrets import refuse_foreign_secrets
from app.settings import load_settings
from app.store.database import Database
from app.store.schema import migrate
from app.temporal_client import connect, make_current
from tests.harness.memory import held
from tests.harness.system import Script, settings_for
from tests.harness.temporal import TemporalServer
from tests.ops.processes import part

MODEL_KEY = "sk-canary-3f9c1b7e5d2a4c6e8f0b"


async def test_the_sandbox_worker_holds_no_secret(forge: FakeForge, temporal: TemporalServer, tmp_path: Path) -> None:
    sample = samples.SAMPLES[0]
    repo = await forge.create_repo(samples.REPOSITORY, files=samples.BASE)
    credentials = await forge.install_app(repos=[repo], permissions=FIX_PERMISSIONS)
    Script(tmp_path / "script.json").answer(findings=[])
    namespace = await temporal.namespace()
    settings = settings_for(
        tmp_path / "home",
        credentials,
        forge,
        temporal_address=temporal.address,
        temporal_namespace=namespace,
        blobs_url=f"file://{tmp_path / 'blobs'}",
        model=f"scripted:{tmp_path / 'script.json'}",
        model_key=MODEL_KEY,
    )
    settings.home.mkdir()
    db = await Database.open(settings.database_url.get_secret_value())
    await migrate(db)
    await db.close()
    (tmp_path / "apart").mkdir()
    environ = {
        "CORRIGENT_TEMPORAL_ADDRESS": temporal.address,
        "CORRIGENT_TEMPORAL_NAMESPACE": namespace,
        "CORRIGENT_BLOBS_URL": settings.blobs_url,
    }
    async with (
        part("work", "--queue", "sandbox", home=tmp_path / "apart", environ=environ) as process,
        running(settings, work_on=frozenset({"control", "llm"})) as state,
    ):
        await make_current(await connect(settings, temporal.address), settings.worker_build_id)
        forge.webhook_url = f"http://127.0.0.1:{state.port}/hooks/github"
        pull_request = await repo.open_pull_request(
            author=sample.author, title=sample.title, branch=sample.branch, changes=sample.changes, body=sample.body
        )
        await forge.wait_until(lambda: [one for one in pull_request.checks if one.conclusion], timeout=40)
        (check,) = pull_request.checks
        assert "ruff" in str(check.summary)
        key_body = credentials.private_key_pem.splitlines()[3]
        secrets = (MODEL_KEY, credentials.webhook_secret, key_body, *forge.github.tokens)
        assert len(secrets) > 4
        # The search finds what is there, …
        assert held(process.pid, (settings.blobs_url,)) == [settings.blobs_url]
        # … and none of these is.
        assert held(process.pid, secrets) == []
    assert not list((tmp_path / "apart" / "work").glob("*/change-*"))
    assert not (tmp_path / "apart" / "corrigent.db").exists()


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
