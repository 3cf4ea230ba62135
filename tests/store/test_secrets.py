"""Secrets come back only with their key and under their own name."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

import pytest
from sqlalchemy import select, update

from app.domain.errors import UserError
from app.store.database import Database
from app.store.secrets import SecretBox, master_key
from app.store.tables import secrets

Damage = Literal["another", "gone", "open to others", "empty"]


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    return tmp_path / "secrets" / "master.key"


@pytest.fixture
def box(db: Database, key_file: Path) -> SecretBox:
    return SecretBox(db, key_file)


async def test_a_secret_is_kept_sealed(box: SecretBox, db: Database, key_file: Path) -> None:
    await box.put("github/app-key", "-----BEGIN é-----")
    await box.put("github/app-key", "second")
    assert await box.get("github/app-key") == "second"
    assert await SecretBox(db, key_file).get("github/app-key") == "second"
    assert await box.get("none") is None
    sealed = await db.read(lambda sql: sql.execute(select(secrets.c.sealed)).scalar_one())
    assert b"second" not in sealed


async def test_a_row_does_not_open_under_another_name(box: SecretBox, db: Database) -> None:
    await box.put("harmless", "a")
    await db.write(lambda sql: sql.execute(update(secrets).values(name="github/app-key")))
    with pytest.raises(UserError, match="was not sealed with the key"):
        await box.get("github/app-key")


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        ("another", "restore the key file"),
        ("gone", "restore the key file"),
        ("open to others", "chmod 600"),
        ("empty", "holds 0 bytes instead of 32"),
    ],
)
async def test_a_wrong_key_file_is_explained(box: SecretBox, key_file: Path, damage: Damage, says: str) -> None:
    await box.put("name", "value")
    do_damage(key_file, damage)
    with pytest.raises(UserError, match=says):
        await box.get("name")


def do_damage(key_file: Path, damage: Damage) -> None:
    match damage:
        case "another":
            key_file.write_bytes(b"k" * 32)
        case "gone":
            key_file.unlink()
        case "open to others":
            key_file.chmod(0o640)
        case "empty":
            key_file.write_bytes(b"")


def test_processes_that_start_together_end_with_one_key(key_file: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        keys = list(threads.map(master_key, [key_file] * 32))
    assert len(set(keys)) == 1
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    assert list(key_file.parent.iterdir()) == [key_file]
