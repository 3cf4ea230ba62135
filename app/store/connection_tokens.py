"""The access token of a connection once we changed it ourselves: sealed, until the operator sets another one."""

from datetime import datetime
from hashlib import sha256
from pathlib import Path

from pydantic import SecretStr

from app.domain.model import Frozen
from app.store.clock import Clock, utc_now
from app.store.database import Database
from app.store.secrets import SecretBox


class _Kept(Frozen):
    # Which token of the settings this descends from; when another stands there, nothing of this counts any more.
    seed_digest: str
    # Empty until the first change is over.
    token: str = ""
    # A change was begun; it is not known to have ended.
    begun_at: datetime | None = None


class ConnectionToken:
    """The `TokenShelf` of one connection. Processes may share it: each change of the row names what it was before."""

    def __init__(
        self, db: Database, master_key_file: Path, *, connection: str, seed: SecretStr, clock: Clock = utc_now
    ) -> None:
        self._box = SecretBox(db, master_key_file, clock=clock)
        self._name = f"token/{connection}"
        self._seed = seed
        self._none = _Kept(seed_digest=sha256(seed.get_secret_value().encode()).hexdigest())
        self._clock = clock

    @property
    def seed(self) -> SecretStr:
        return self._seed

    async def token(self) -> SecretStr:
        return SecretStr((await self._kept()).token or self._seed.get_secret_value())

    async def begun_at(self) -> datetime | None:
        return (await self._kept()).begun_at

    async def begin(self) -> bool:
        row = await self._box.get(self._name)
        kept = self._read(row)
        if kept.begun_at is not None:
            return False
        begun = kept.model_copy(update={"begun_at": self._clock()})
        return await self._box.swap(self._name, begun.model_dump_json(), was=row)

    async def call_off(self) -> None:
        await self._put((await self._kept()).model_copy(update={"begun_at": None}))

    async def save(self, token: SecretStr) -> None:
        await self._put(self._none.model_copy(update={"token": token.get_secret_value()}))

    async def forget(self) -> None:
        await self._put(self._none)

    async def _put(self, kept: _Kept) -> None:
        await self._box.put(self._name, kept.model_dump_json())

    async def _kept(self) -> _Kept:
        return self._read(await self._box.get(self._name))

    def _read(self, row: str | None) -> _Kept:
        kept = _Kept.model_validate_json(row) if row is not None else self._none
        return kept if kept.seed_digest == self._none.seed_digest else self._none
