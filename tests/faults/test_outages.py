"""What stands behind us dies or is away: Temporal in the middle of a review, PostgreSQL under load."""

import asyncio
import os
import signal
import subprocess
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from app.demo import shop as samples
from app.temporal_server import EmbeddedTemporal
from tests.harness.hooks import send_steadily
from tests.harness.invariants import inbox
from tests.harness.postgres import PostgresServer, postgres
from tests.harness.scripts import CALLS, CLEAN_CALLS
from tests.harness.stage import PATIENCE, Inside, inside
from tests.harness.temporal import TemporalServer


@pytest.fixture
async def own_temporal(tmp_path: Path) -> AsyncGenerator[EmbeddedTemporal]:
    """A server that a test may kill."""
    async with EmbeddedTemporal(tmp_path / "temporal") as server:
        yield server


@pytest.fixture
async def shop(own_temporal: EmbeddedTemporal, tmp_path: Path) -> AsyncGenerator[Inside]:
    address = TemporalServer(address=own_temporal.address, metrics_url=own_temporal.metrics_url)
    async with inside(address, tmp_path) as stage:
        yield stage
        await stage.quiet()
        await stage.invariants.assert_hold()


async def test_temporal_is_killed_in_the_middle_of_a_review(shop: Inside, own_temporal: EmbeddedTemporal) -> None:
    shop.script.hold(delay=1)
    pull_request = await shop.open()
    await shop.forge.wait_until(lambda: shop.model_calls, timeout=PATIENCE)
    assert own_temporal.pid is not None
    os.kill(own_temporal.pid, signal.SIGKILL)
    await own_temporal.restart()
    await shop.settled(pull_request)
    assert len(pull_request.reviews) == 1
    assert shop.model_calls == CALLS


@pytest.mark.soak
async def test_while_temporal_is_away_everything_is_acknowledged_and_done_afterwards(
    shop: Inside, own_temporal: EmbeddedTemporal
) -> None:
    await own_temporal.stop()
    pull_request = await shop.open()
    other = await shop.open(samples.SAMPLES[1])
    for number in range(5):
        await pull_request.push({"notes.md": f"Note {number}.\n"})
    await shop.forge.deliveries_answered()
    assert {delivery.status_code for delivery in shop.forge.deliveries} == {202}
    await asyncio.sleep(2)
    await own_temporal.start()
    await shop.settled(pull_request)
    await shop.settled(other)
    assert [review.commit_id for review in pull_request.reviews] == [pull_request.head_sha]
    assert shop.model_calls == CALLS + CLEAN_CALLS


async def test_postgresql_is_killed_under_load(temporal: TemporalServer, tmp_path: Path) -> None:
    with postgres() as server:
        url = await asyncio.to_thread(server.create)
        async with inside(temporal, tmp_path, database_url=url) as stage:
            hooks, secret = stage.forge.webhook_url, stage.invariants.credentials.webhook_secret
            taken: set[str] = set()
            sending = asyncio.create_task(send_steadily(hooks, secret, count=300, per_second=100, into=taken))
            async with asyncio.timeout(PATIENCE):
                while len(taken) < 50:
                    await asyncio.sleep(0.05)
            again = await asyncio.to_thread(kill_and_start_again, server)
            try:
                acknowledged = await sending
                pull_request = await stage.open()
                await stage.settled(pull_request)
                assert len(pull_request.reviews) == 1
                await stage.invariants.assert_hold(url)
                assert acknowledged <= await inbox(url)
            finally:
                again.send_signal(signal.SIGQUIT)
                await asyncio.to_thread(again.wait)


def kill_and_start_again(server: PostgresServer) -> "subprocess.Popen[bytes]":
    """The postmaster dies; its children notice by themselves, and the next one recovers."""
    command = Path(f"/proc/{server.process.pid}/cmdline").read_bytes().rstrip(b"\0").split(b"\0")
    os.kill(server.process.pid, signal.SIGKILL)
    server.process.wait()
    with (server.folder / "log").open("ab") as log:
        started = subprocess.Popen(command, user=server.user, cwd=server.folder, stdout=log, stderr=log)
    ask = [str(server.programs / "pg_isready"), "-q", "-h", str(server.folder), "-U", "postgres", "-t", "30"]
    while subprocess.run(ask, check=False).returncode != 0:
        if started.poll() is not None:
            # The old one's children still hold the shared memory: once more.
            started = subprocess.Popen(command, user=server.user, cwd=server.folder)
    return started
