"""The chore that removes what is old runs on its schedule's word, and the audit log says what went."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import insert, select

from app.forges.fake.scenario import FIX_PERMISSIONS, FakeForge
from app.store.tables import audit, deliveries
from tests.harness.system import corrigent
from tests.harness.temporal import TemporalServer


async def test_what_was_removed_is_in_the_audit_log(forge: FakeForge, temporal: TemporalServer, tmp_path: Path) -> None:
    credentials = await forge.install_app(repos=[], permissions=FIX_PERMISSIONS)
    long_ago = datetime.now(UTC) - timedelta(days=21)
    rows: list[dict[str, object]] = [
        {
            **{"connection": "github", "delivery_id": name, "event": "ping", "headers": {}, "body": b"x"},
            **{"received_at": long_ago, "due_at": long_ago, "settled_at": long_ago, "attempts": 1},
            **{"status": "ignored", "reason": "", "ref": ""},
        }
        for name in ("1", "2")
    ]
    async with corrigent(forge, credentials, temporal, tmp_path / "home", keep_deliveries_days=20) as system:
        store, turns = system.running.store, system.running.turns
        assert turns is not None
        await store.db.write(lambda sql: sql.execute(insert(deliveries), rows))
        await turns.run_chore("retention")
        noted = select(audit.c.detail).where(audit.c.kind == "retention")
        async with asyncio.timeout(20):
            while not (found := await store.db.read(lambda sql: sql.execute(noted).scalars().all())):
                await asyncio.sleep(0.05)
        assert found == [{"bodies": "2", "deliveries": "2"}]
        assert await store.audit.verify() is None
