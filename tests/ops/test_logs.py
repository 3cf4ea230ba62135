"""What is in the log: each step of a review by name, with its run; no token, no key and no line of code."""

import io
import json
import logging
from collections.abc import Generator
from pathlib import Path

import pytest
import structlog
from pydantic import JsonValue

from app.demo import shop as samples
from app.forges.fake.faults import Fault, bad_gateway
from app.forges.fake.scenario import FIX_PERMISSIONS, FakeForge
from app.telemetry import start_logging
from tests.harness.system import Script, corrigent
from tests.harness.temporal import TemporalServer

MODEL_KEY = "a-model-key-that-nobody-may-see"


@pytest.fixture
def log() -> Generator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield io.StringIO()
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def in_the_demo(script: Script) -> None:
    script.answers += [{**entry, "delay": 0} for entry in samples.SCRIPT if isinstance(entry, dict)]
    script.write()


async def test_a_review_with_a_fault_is_told_and_gives_nothing_away(
    forge: FakeForge, temporal: TemporalServer, tmp_path: Path, log: io.StringIO
) -> None:
    sample = samples.SAMPLES[0]
    repo = await forge.create_repo(samples.REPOSITORY, files=samples.BASE)
    credentials = await forge.install_app(repos=[repo], permissions=FIX_PERMISSIONS)
    async with corrigent(
        forge, credentials, temporal, tmp_path / "home", prepare=in_the_demo, model_key=MODEL_KEY
    ) as system:
        start_logging(style="json", secrets=system.settings.secret_values(), stream=log)
        forge.server.faults.add(Fault(bad_gateway(after=True), method="POST", path="*/check-runs"))
        pull_request = await repo.open_pull_request(
            author=sample.author, title=sample.title, branch=sample.branch, changes=sample.changes, body=sample.body
        )
        await forge.wait_until(lambda: [one for one in pull_request.checks if one.conclusion], timeout=30)
        await system.quiet()
        page = system.running.metrics.render().decode()
        secrets = (*system.settings.secret_values(), *forge.github.tokens)
    lines: list[dict[str, JsonValue]] = [json.loads(line) for line in log.getvalue().splitlines()]
    by_event = {str(line["event"]): line for line in lines}
    assert {"dispatch.handled", "activity.failed", "effect.adopted", "review.posted"} <= by_event.keys()
    run_id = by_event["review.posted"]["run_id"]
    # Its trace is found by the run that it was for, or by what it was for before there was a run.
    failed = by_event["activity.failed"]
    assert "ForgeUnavailable" in str(failed["exception"])
    assert (failed["head_sha"], failed["pull_request"]) == (
        pull_request.head_sha,
        by_event["review.posted"]["pull_request"],
    )
    assert by_event["review.posted"]["new"] == 2
    assert isinstance(run_id, str)
    text = log.getvalue()
    code = [str(change) for change in sample.changes.values()]
    assert [secret for secret in secrets if secret in text] == []
    assert [line for change in code for line in change.splitlines() if len(line) > 20 and line in text] == []
    for figure in (
        'corrigent_hooks_total{connection="github",status="202"}',
        "corrigent_dispatch_seconds_count",
        '/check-runs",status="502"}',
        'result="ok"',
        'corrigent_reviews_total{outcome="open_findings"} 1.0',
        'corrigent_effects_adopted_total{kind="check"} 1.0',
    ):
        assert figure in page, page
