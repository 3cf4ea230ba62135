"""Settings, secrets, database, blobs and disk: what stays on this machine."""

import asyncio
import os
import shutil
import stat
from datetime import UTC, datetime
from pathlib import Path

from app.doctor.base import Ground, Line
from app.domain.errors import UserError
from app.store.cursors import Cursors
from app.store.database import Database, parse_url
from app.store.schema import SCHEMA, check
from app.wiring import open_blobs

# Less than the first is a failure to come within days; less than the second is worth knowing.
TOO_LITTLE_BYTES = 200_000_000
LITTLE_BYTES = 2_000_000_000


async def check_settings(ground: Ground) -> Line:
    """That they could be read at all is known by now."""
    file = ground.settings.settings_file
    for secret in sorted(ground.settings.secrets_folder.glob("*")):
        mode = stat.S_IMODE(secret.stat().st_mode)
        if mode & 0o077:
            return Line(
                "FAIL", "settings", f"{secret} has mode {mode:o}, and it holds a secret", f"chmod 600 '{secret}'"
            )
    if not file.exists():
        return Line("wait", "settings", f"no {file} yet: defaults and environment")
    return Line("ok", "settings", f"{_short(file)}, mode {stat.S_IMODE(file.stat().st_mode):o}")


async def check_database(ground: Ground) -> Line:
    """Opened, its schema compared, and a row written; nothing is migrated here."""
    url = ground.settings.database_url.get_secret_value()
    address = parse_url(url)
    kind = "SQLite" if address.get_backend_name() == "sqlite" else "PostgreSQL"
    if kind == "SQLite" and (missing := _missing_file(Path(address.database or ""))) is not None:
        return missing
    db = await Database.open(url)
    try:
        await check(db)
        await Cursors(db).set("doctor", datetime.now(UTC))
    except UserError as error:
        # Of another schema: it says itself what to do.
        return Line("FAIL", "database", str(error), "then: corrigent doctor database")
    finally:
        await db.close()
    return Line("ok", "database", f"{kind}, schema {SCHEMA}")


def _missing_file(file: Path) -> Line | None:
    if file.exists():
        return None
    if not os.access(_nearest(file), os.W_OK):
        text = f"{file} cannot be made: its folder is not writable"
        return Line("FAIL", "database", text, "choose another folder with --home or CORRIGENT_HOME")
    return Line("wait", "database", "SQLite, made by the first `corrigent up`")


async def check_blobs(ground: Ground) -> Line:
    """Something is put there and read back; a folder that `up` will make is not made here."""
    url = ground.settings.blobs_url
    if url.startswith("file://") and _to_be_made(Path(url.removeprefix("file://"))):
        return Line("wait", "blobs", "a folder, made by the first `corrigent up`")
    key = await open_blobs(ground.settings).put(b"corrigent doctor")
    # By another one: the first remembers what it has put.
    if await open_blobs(ground.settings).get(key) != b"corrigent doctor":
        raise ValueError("what was read is not what was written")
    return Line("ok", "blobs", "a folder" if url.startswith("file://") else url)


def _to_be_made(folder: Path) -> bool:
    return not folder.exists() and os.access(_nearest(folder), os.W_OK)


async def check_disk(ground: Ground) -> Line:
    folder = _nearest(ground.settings.home)
    usage = await asyncio.to_thread(shutil.disk_usage, folder)
    return disk_line(usage.free, folder)


def disk_line(free: int, folder: Path) -> Line:
    text = f"{free / 1e9:,.1f} GB free in {_short(folder)}"
    if free < TOO_LITTLE_BYTES:
        return Line("FAIL", "disk", text, "free some; mirrors/ may be deleted at any time, it is fetched again")
    return Line("wait" if free < LITTLE_BYTES else "ok", "disk", text)


def _nearest(path: Path) -> Path:
    """The path itself, or the first folder above it that exists."""
    return next(folder for folder in (path, *path.parents) if folder.is_dir())


def _short(path: Path) -> str:
    home = Path.home()
    return f"~/{path.relative_to(home)}" if path.is_relative_to(home) else str(path)
