"""The inbox: nothing acknowledged is lost, nothing is stored twice, and each row has one owner at a time."""

import asyncio
import sys
from asyncio.subprocess import PIPE
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from app.store.database import Database
from app.store.deliveries import Deliveries, kept_headers
from app.store.tables import deliveries
from tests.store.conftest import empty
from tests.store.samples import NOW, StoppedClock

LEASE = timedelta(minutes=5)
WRITER = Path(__file__).parent / "programs" / "write_deliveries.py"
CLAIMER = Path(__file__).parent / "programs" / "claim_deliveries.py"


async def receive(inbox: Deliveries, delivery_id: str, *, body: bytes = b'{"action": "opened"}') -> bool:
    return await inbox.receive(
        connection="github",
        delivery_id=delivery_id,
        event="pull_request",
        headers={"X-GitHub-Event": "pull_request", "X-Hub-Signature-256": "sha256=abc"},
        body=body,
    )


@pytest.fixture
def inbox(db: Database, clock: StoppedClock) -> Deliveries:
    return Deliveries(db, clock=clock)


@pytest.mark.parametrize("body", [b"", b"{}", bytes(range(256)) * 4096], ids=["empty", "small", "1 MB"])
async def test_a_delivery_comes_out_as_it_came_in(inbox: Deliveries, body: bytes) -> None:
    assert await receive(inbox, "d-1", body=body)
    [delivery] = await inbox.claim(limit=10, lease=LEASE)
    assert (delivery.delivery_id, delivery.event, delivery.body) == ("d-1", "pull_request", body)
    assert delivery.headers == {"x-github-event": "pull_request"}
    assert (delivery.received_at, delivery.attempts) == (NOW, 1)


async def test_a_redelivery_is_known(inbox: Deliveries) -> None:
    assert await receive(inbox, "d-1")
    assert not await receive(inbox, "d-1")
    other = await inbox.receive(connection="gitlab", delivery_id="d-1", event="push", headers={}, body=b"")
    assert other
    assert await inbox.backlog() == (2, 0.0)


def test_only_headers_that_an_adapter_reads_are_kept() -> None:
    secret = [
        "X-Hub-Signature-256",
        "X-Gitlab-Token",
        "Webhook-Signature",
        "Authorization",
        "Cookie",
        "X-Forwarded-For",
    ]
    plain = {
        "X-GitHub-Delivery": "1",
        "X-Gitlab-Event-UUID": "2",
        "Webhook-Id": "3",
        "Idempotency-Key": "4",
        "Content-Type": "application/json",
    }
    assert kept_headers({**dict.fromkeys(secret, "s3cret"), **plain}) == {k.lower(): v for k, v in plain.items()}


async def test_claimed_rows_come_back_after_their_lease(inbox: Deliveries, clock: StoppedClock) -> None:
    for number in range(3):
        await receive(inbox, f"d-{number}")
    first = await inbox.claim(limit=2, lease=LEASE)
    assert [row.delivery_id for row in first] == ["d-0", "d-1"]
    assert [row.delivery_id for row in await inbox.claim(limit=10, lease=LEASE)] == ["d-2"]
    clock.move(LEASE)
    again = await inbox.claim(limit=10, lease=LEASE)
    assert [(row.delivery_id, row.attempts) for row in again] == [("d-0", 2), ("d-1", 2), ("d-2", 2)]


async def test_a_retry_waits_for_its_time(inbox: Deliveries, clock: StoppedClock) -> None:
    await receive(inbox, "d-1")
    [row] = await inbox.claim(limit=1, lease=LEASE)
    await inbox.retry(row.row_id, at=NOW + timedelta(hours=1), reason="Temporal is down")
    clock.move(timedelta(minutes=59))
    assert await inbox.claim(limit=1, lease=LEASE) == []
    clock.move(timedelta(minutes=1))
    assert len(await inbox.claim(limit=1, lease=LEASE)) == 1


async def test_settled_rows_are_done_with(inbox: Deliveries, db: Database, clock: StoppedClock) -> None:
    await receive(inbox, "d-1")
    [row] = await inbox.claim(limit=1, lease=LEASE)
    await inbox.settle(row.row_id, "ignored", reason="event 'star'\x00", ref="github/1/2")
    clock.move(LEASE)
    assert await inbox.claim(limit=1, lease=LEASE) == []
    assert await inbox.backlog() == (0, 0.0)
    stored = await db.read(lambda sql: sql.execute(select(deliveries)).mappings().one())
    assert (stored["status"], stored["reason"], stored["ref"]) == ("ignored", "event 'star'\ufffd", "github/1/2")


async def test_the_backlog_names_its_oldest(inbox: Deliveries, clock: StoppedClock) -> None:
    await receive(inbox, "d-1")
    clock.move(timedelta(seconds=90))
    await receive(inbox, "d-2")
    assert await inbox.backlog() == (2, 90.0)


async def test_what_is_known_since_a_time(inbox: Deliveries, clock: StoppedClock) -> None:
    await receive(inbox, "old")
    since = clock.move(timedelta(hours=1))
    await receive(inbox, "new")
    assert await inbox.known("github", since) == {"new"}
    assert await inbox.known("github", NOW) == {"old", "new"}
    assert await inbox.known("gitlab", NOW) == set()


async def test_kill_9_loses_nothing_that_was_acknowledged(sqlite_file: Path) -> None:
    url = f"sqlite:///{sqlite_file}"
    writer = await asyncio.create_subprocess_exec(sys.executable, "-I", WRITER, url, stdout=PIPE)
    assert writer.stdout is not None
    lines = [await writer.stdout.readline() for _ in range(300)]
    writer.kill()
    lines += (await writer.stdout.read()).splitlines(keepends=True)
    await writer.wait()
    # The last line may be cut in the middle.
    acknowledged = {line.decode().strip() for line in lines if line.endswith(b"\n")}
    db = await Database.open(url)
    assert acknowledged <= await Deliveries(db).known("github", NOW - timedelta(days=365))
    assert len(acknowledged) >= 300
    await db.close()


async def test_two_processes_never_claim_the_same_row(emptied_postgres_url: str) -> None:
    url = emptied_postgres_url
    db = await Database.open(url)
    await db.write(empty)
    inbox = Deliveries(db)
    await asyncio.gather(*(receive(inbox, str(number)) for number in range(60)))
    claimers = [
        await asyncio.create_subprocess_exec(sys.executable, "-I", CLAIMER, url, stdin=PIPE, stdout=PIPE)
        for _ in range(2)
    ]
    for claimer in claimers:
        assert claimer.stdout is not None
        assert await claimer.stdout.readline() == b"ready\n"
    claimed = [out.split() for out, _ in await asyncio.gather(*(claimer.communicate(b"go\n") for claimer in claimers))]
    assert sorted(int(name) for names in claimed for name in names) == list(range(60))
    assert all(claimed), "one process got everything: the two did not run at the same time"
    await db.close()
