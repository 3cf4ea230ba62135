"""While a secret is being changed, `doctor` says when the old one may go."""

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr

from app.doctor.registry import checks_of
from app.settings import Settings
from app.store.cursors import Cursors
from app.store.deliveries import Deliveries
from app.store.old_secrets import OldSecrets
from app.wiring import open_store
from tests.doctor.conftest import Look, Office

# How long ago the old secret was used, how long ago the newest delivery came, and what is said.
ROWS: dict[str, tuple[timedelta | None, timedelta | None, str, str]] = {
    "nothing came": (None, None, "wait", "was not used yet: no delivery came"),
    "never used": (None, timedelta(minutes=5), "ok", "was never used, and a delivery came 5 min ago: remove it"),
    "in use": (
        timedelta(minutes=6),
        timedelta(minutes=5),
        "wait",
        "6 min ago: the forge still has it. Give it the new",
    ),
    "replaced": (timedelta(hours=7), timedelta(hours=3), "ok", "7 h ago, and a delivery came 3 h ago: remove it"),
}


async def remember(settings: Settings, used: timedelta | None, newest: timedelta | None) -> None:
    now = datetime.now(UTC)
    async with open_store(settings, may_migrate=True) as store:
        if used is not None:
            old = OldSecrets(Cursors(store.db), used=lambda _: None, clock=lambda: now - used)
            await old.note("github")
        if newest is not None:
            inbox = Deliveries(store.db, clock=lambda: now - newest)
            await inbox.receive(connection="github", delivery_id="1", event="push", headers={}, body=b"")


@pytest.mark.parametrize(("used", "newest", "state", "text"), ROWS.values(), ids=ROWS.keys())
async def test_the_old_secret_goes_when_a_delivery_came_without_it(
    office: Office, look: Look, used: timedelta | None, newest: timedelta | None, state: str, text: str
) -> None:
    settings = office.with_connection(old_webhook_secret=SecretStr("the one before"))
    await remember(settings, used, newest)
    line = await look(settings, "old secret")
    assert (line.state, text in line.text, "old_webhook_secret of 'github'" in line.text) == (state, True, True), line


def test_without_an_old_secret_there_is_no_line(office: Office) -> None:
    assert "old secret" not in {check.part for check in checks_of(office.settings())}
