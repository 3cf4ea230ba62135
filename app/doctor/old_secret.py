"""The former secret of a connection's deliveries, while there is one: does anybody still sign with it?"""

from datetime import UTC, datetime

from app.connection_settings import Connection
from app.doctor.base import Ground, Line
from app.domain.phrases import ago
from app.store.cursors import Cursors
from app.store.database import Database
from app.store.deliveries import Deliveries
from app.store.old_secrets import NOTED_EVERY, last_use
from app.store.schema import check
from app.wiring import database_is_there

PART = "old secret"


def old_secret_of(connection: Connection) -> str:
    """The name of its setting; empty when there is none."""
    given = {"old_webhook_secret": connection.old_webhook_secret, "old_signing_token": connection.old_signing_token}
    return next((name for name, secret in given.items() if secret is not None), "")


async def check_old_secret(ground: Ground, *, key: str, setting: str) -> Line:
    if not database_is_there(ground.settings):
        return _line(None, None, key=key, setting=setting)
    db = await Database.open(ground.settings.database_url.get_secret_value())
    try:
        await check(db)
        used, newest = await last_use(Cursors(db), key), await Deliveries(db).latest(key)
    finally:
        await db.close()
    return _line(used, newest, key=key, setting=setting)


def _line(used: datetime | None, newest: datetime | None, *, key: str, setting: str) -> Line:
    """A delivery that came later came with the new one: a forge signs with one secret at a time."""
    if newest is None:
        return Line("wait", PART, f"{setting} of {key!r} was not used yet: no delivery came")
    now = datetime.now(UTC)
    told = "was never used" if used is None else f"was last used {ago(now - used)}"
    if used is not None and newest - used <= 2 * NOTED_EVERY:
        return Line("wait", PART, f"{setting} of {key!r} {told}: the forge still has it. Give it the new one")
    return Line("ok", PART, f"{setting} of {key!r} {told}, and a delivery came {ago(now - newest)}: remove it")
