"""A process stops as its operator wants: what runs ends first, a second signal ends all at once, a broken loop tells."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from app.demo import shop as samples
from app.demo.product import Product, free_port, prepare_home
from app.forges.fake.pull_scenario import FakePullRequest
from app.forges.fake.repo_scenario import FakeRepo
from app.forges.fake.scenario import FIX_PERMISSIONS, FakeForge
from tests.harness.scripts import CLEAN_CALLS
from tests.harness.system import Script


@pytest.fixture
async def repo(forge: FakeForge) -> FakeRepo:
    return await forge.create_repo(samples.REPOSITORY, files=samples.BASE)


@pytest.fixture
async def product(forge: FakeForge, repo: FakeRepo, tmp_path: Path) -> AsyncGenerator[Product]:
    """`corrigent up` with a model that takes three seconds to answer."""
    credentials = await forge.install_app(repos=[repo], permissions=FIX_PERMISSIONS)
    script = Script(tmp_path / "script.json")
    script.answer(findings=[], delay=3)
    made = prepare_home(tmp_path / "home", forge, credentials, model=script.model, port=free_port(0))
    await made.start()
    yield made
    await made.stop()


async def _asked(product: Product, forge: FakeForge, repo: FakeRepo) -> FakePullRequest:
    """A pull request whose review waits for its model."""
    sample = samples.SAMPLES[0]
    pull_request = await repo.open_pull_request(
        author=sample.author, title=sample.title, branch=sample.branch, changes=sample.changes, body=sample.body
    )
    log = product.home.parent / "calls.jsonl"
    await forge.wait_until(log.exists, timeout=30)
    return pull_request


async def test_what_runs_ends_before_the_process_does(product: Product, forge: FakeForge, repo: FakeRepo) -> None:
    pull_request = await _asked(product, forge, repo)
    process = product.process
    assert process is not None
    began = time.monotonic()
    process.terminate()
    assert await asyncio.wait_for(process.wait(), 30) == 0
    # The answers that were being paid for were waited for, and kept.
    assert time.monotonic() - began > 1
    said = (product.home / "corrigent.log").read_text()
    assert "Corrigent is up" in said
    assert "Stopping" in said
    assert "activity.failed" not in said
    await product.start()
    await forge.wait_until(lambda: [check for check in pull_request.checks if check.conclusion], timeout=30)
    assert len((product.home.parent / "calls.jsonl").read_text().splitlines()) == CLEAN_CALLS


async def test_a_second_signal_ends_it_at_once(product: Product, forge: FakeForge, repo: FakeRepo) -> None:
    await _asked(product, forge, repo)
    process = product.process
    assert process is not None
    process.terminate()
    await asyncio.sleep(0.3)
    process.terminate()
    began = time.monotonic()
    assert await asyncio.wait_for(process.wait(), 5) == 128 + signal.SIGTERM
    assert time.monotonic() - began < 1.5


@pytest.mark.parametrize("part", ["dispatch", "work", "serve"])
async def test_a_part_without_a_temporal_to_meet_at_says_so(part: str, tmp_path: Path) -> None:
    script = Path(sys.executable).with_name("corrigent")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", str(script), part, "--home", str(tmp_path)),
        env={"PATH": os.defpath},
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await process.communicate()
    assert (process.returncode, b"set temporal_address" in said) == (2, True)
