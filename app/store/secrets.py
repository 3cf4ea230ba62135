"""Secrets that we were given or rotate ourselves, sealed under a key that is a file and never in the database."""

import os
from collections.abc import Mapping
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import Connection, select, update

from app.domain.errors import UserError
from app.store.clock import Clock, utc_now
from app.store.database import Database
from app.store.tables import secrets

_KEY_BYTES = 32
_NONCE_BYTES = 12


class SecretBox:
    """AES-256-GCM; a row opens only under its own name, so that rows cannot be swapped."""

    def __init__(self, db: Database, master_key_file: Path, *, clock: Clock = utc_now) -> None:
        self._db = db
        self._file = master_key_file
        self._clock = clock

    async def put(self, name: str, value: str) -> None:
        changed = {"sealed": self._seal(name, value), "changed_at": self._clock()}
        statement = self._db.insert(secrets).values(name=name, **changed)
        statement = statement.on_conflict_do_update(index_elements=["name"], set_=changed)
        await self._db.write(lambda sql: sql.execute(statement))

    async def swap(self, name: str, value: str, *, was: str | None) -> bool:
        """Put it where the row still holds `was` (None: where there is no row); whether that was so."""
        changed = {"sealed": self._seal(name, value), "changed_at": self._clock()}
        return await self._db.write(lambda sql: self._swap(sql, name, changed, was))

    def _swap(self, sql: Connection, name: str, changed: Mapping[str, object], was: str | None) -> bool:
        mine = secrets.c.name == name
        held = sql.execute(select(secrets.c.sealed).where(mine).with_for_update()).scalar_one_or_none()
        if held is None:
            new = self._db.insert(secrets).values(name=name, **changed).on_conflict_do_nothing()
            return was is None and sql.execute(new).rowcount == 1
        if was is None or self._open(name, held) != was:
            return False
        return sql.execute(update(secrets).where(mine).values(changed)).rowcount == 1

    async def get(self, name: str) -> str | None:
        query = select(secrets.c.sealed).where(secrets.c.name == name)
        sealed = await self._db.read(lambda sql: sql.execute(query).scalar_one_or_none())
        return None if sealed is None else self._open(name, sealed)

    def _seal(self, name: str, value: str) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + AESGCM(master_key(self._file)).encrypt(nonce, value.encode(), name.encode())

    def _open(self, name: str, sealed: bytes) -> str:
        key = AESGCM(master_key(self._file))
        try:
            return key.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], name.encode()).decode()
        except InvalidTag as error:
            raise UserError(
                f"The secret {name!r} was not sealed with the key in {self._file}; "
                "restore the key file that belongs to this database, or set the secret again."
            ) from error


def master_key(file: Path) -> bytes:
    """The key in this file, which is made on first use."""
    if not file.exists():
        _create_key(file)
    if file.stat().st_mode & 0o077:
        raise UserError(f"The key file {file} can be read by others; run `chmod 600 {file}`.")
    key = file.read_bytes()
    if len(key) != _KEY_BYTES:
        raise UserError(f"The key file {file} holds {len(key)} bytes instead of {_KEY_BYTES}; restore it.")
    return key


def _create_key(file: Path) -> None:
    """Two processes that start together end with one key: the first link wins, and the file is never half-written."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = file.with_name(f"{file.name}.{os.getpid()}.{os.urandom(4).hex()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(os.urandom(_KEY_BYTES))
            stream.flush()
            os.fsync(stream.fileno())
        file.hardlink_to(draft)
    except FileExistsError:
        # Another process was first.
        return
    finally:
        draft.unlink()
