"""Many machines: door, dispatchers and workers apart, on PostgreSQL and a Temporal server of one's own."""

import asyncio
import json
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from pydantic import JsonValue
from sqlalchemy import text

from app.demo import shop as samples
from app.demo.product import free_port, prepare_home
from app.forges.fake.pull_scenario import FakePullRequest
from app.forges.fake.scenario import FIX_PERMISSIONS, AppCredentials, FakeForge
from app.settings import load_settings
from app.store.database import Database
from app.store.schema import SCHEMA
from app.temporal_client import connect, make_current
from tests.harness.system import Script
from tests.harness.temporal import TemporalServer
from tests.ops.processes import add_settings, part, run

PULL_REQUESTS = 20
# So few that one installation's limit of 70 contents a minute holds nobody up.
WITH_A_FINDING = range(0, PULL_REQUESTS, 4)
BUILD = "2026.11-1"
# No linter of programs reads it: what is measured here is who does the work, not how long linters take.
TEXT = "The total of an order is order.net times {number}.\n"
DONE = "SELECT count(*) FROM runs WHERE outcome IN ('open_findings', 'clean')"
WAITING = "SELECT count(*) FROM deliveries WHERE status = 'waiting'"
FINDING: dict[str, JsonValue] = {
    "path": "docs/totals.txt",
    "quote": "The total of an order is order.net",
    "title": "Tax is left out",
    "body": "A total without tax is shown to the customer.",
    "severity": "medium",
    "category": "correctness",
}


def _machine(
    folder: Path, forge: FakeForge, credentials: AppCredentials, temporal: TemporalServer, **more: str
) -> Path:
    """A home of its own, with the settings that all machines of the deployment have."""
    home = folder / "home"
    port = free_port(0)
    prepare_home(home, forge, credentials, model=f"scripted:{folder.parent / 'script.json'}", port=port)
    add_settings(
        home,
        temporal_address=temporal.address,
        worker_build_id=BUILD,
        blobs_url=f"file://{folder.parent / 'blobs'}",
        **more,
    )
    return home


async def _count(db: Database, query: str) -> int:
    return await db.read(lambda sql: sql.execute(text(query)).scalar_one())


@pytest.mark.timeout(240)
async def test_two_of_each_review_every_pull_request_once(
    forge: FakeForge, temporal: TemporalServer, postgres_url: str, tmp_path: Path
) -> None:
    repo = await forge.create_repo(samples.REPOSITORY, files=samples.BASE)
    credentials = await forge.install_app(repos=[repo], permissions=FIX_PERMISSIONS)
    model = Script(tmp_path / "script.json")
    for number in WITH_A_FINDING:
        model.answer([f"times {number}."], findings=[FINDING])
    model.answer(findings=[])
    shared = {"database_url": postgres_url, "temporal_namespace": await temporal.namespace()}
    homes = [_machine(tmp_path / name, forge, credentials, temporal, **shared) for name in ("a", "b", "c", "d", "e")]
    assert "Run `corrigent migrate`" in (await run("work", home=homes[0]))[1]
    assert await run("migrate", home=homes[0]) == (0, f"The database has schema {SCHEMA}.\n")
    async with AsyncExitStack() as stack:
        words = ("dispatch", "dispatch", "work", "work", "serve")
        # The last home's port is the one that the forge was given.
        await asyncio.gather(
            *(stack.enter_async_context(part(word, home=home)) for word, home in zip(words, homes, strict=True))
        )
        settings = load_settings({"home": str(homes[0])}, environ={})
        await make_current(await connect(settings, temporal.address), BUILD)
        opened = [
            await repo.open_pull_request(
                author="ada",
                title=f"Totals {number}",
                branch=f"totals-{number}",
                changes={"docs/totals.txt": TEXT.format(number=number)},
                body="",
            )
            for number in range(PULL_REQUESTS)
        ]
        await forge.wait_until(lambda: all(_is_done(one) for one in opened), timeout=100)
        db = await Database.open(postgres_url)
        stack.push_async_callback(db.close)
        # A check is on the page before its run is written down, and the forge tells of it after that.
        async with asyncio.timeout(60):
            while await _count(db, DONE) < PULL_REQUESTS or await _count(db, WAITING):
                await asyncio.sleep(0.1)
        assert await _count(db, DONE) == PULL_REQUESTS
    # Five readings of each change, and a check of what was found: none of them twice.
    asked = Counter(call["prompt"] for call in map(json.loads, model.calls()))
    assert (len(asked), asked.total()) == ((5 * PULL_REQUESTS + len(WITH_A_FINDING),) * 2)
    counted = Counter((len(one.checks), len(one.reviews), len(one.threads)) for one in opened)
    assert counted == {(1, 1, 1): len(WITH_A_FINDING), (1, 0, 0): PULL_REQUESTS - len(WITH_A_FINDING)}
    told = [(home / "corrigent.log").read_text() for home in homes]
    # Both of each had a share of it.
    assert all("dispatch.handled" in log for log in told[:2])
    assert all("review.posted" in log for log in told[2:4])


def _is_done(pull_request: FakePullRequest) -> bool:
    return any(check.conclusion for check in pull_request.checks)


async def test_a_newer_schema_is_refused_by_every_part(
    forge: FakeForge, temporal: TemporalServer, postgres_url: str, tmp_path: Path
) -> None:
    credentials = await forge.install_app(repos=[], permissions=FIX_PERMISSIONS)
    home = _machine(tmp_path / "a", forge, credentials, temporal, database_url=postgres_url)
    await run("migrate", home=home)
    db = await Database.open(postgres_url)
    await db.write(lambda sql: sql.execute(text("UPDATE alembic_version SET version_num = '0099'")))
    await db.close()
    for word in ("serve", "dispatch", "work"):
        code, said = await run(word, home=home)
        assert (code, "The database has schema 99" in said) == (2, True), said
