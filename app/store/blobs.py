"""Big things outside the database (diffs, snapshots, reports): named by their content, in a folder or a bucket."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

import zstandard
from obstore.store import LocalStore, S3Store, from_url
from pydantic import BaseModel

if TYPE_CHECKING:
    # The library has these for type checkers only.
    from obstore.store import ClientConfig, ObjectStore, S3Config

M = TypeVar("M", bound=BaseModel)

# Hexadecimal digits of SHA-256.
KEY_LENGTH = 64
_ENDING = ".zst"
# From which size on is (un)packing worth a thread's while? 64 kB take a fifth of a millisecond.
_LARGE = 64 * 1024
# The steps of a review hand each other what they made a moment ago. How much of it is kept in memory, in bytes?
_REMEMBERED = 4 * 1024 * 1024


class Blobs:
    """Putting the same bytes twice is one blob."""

    def __init__(
        self, url: str, *, endpoint: str = "", region: str = "", access_key_id: str = "", secret_access_key: str = ""
    ) -> None:
        """A folder, or the address of a bucket (`s3://bucket/folder`); the rest is for S3 and its like."""
        if url.startswith("s3://"):
            config: S3Config = {"endpoint": endpoint} if endpoint else {}
            if region:
                config["region"] = region
            if access_key_id:
                config |= {"access_key_id": access_key_id, "secret_access_key": secret_access_key}
            client: ClientConfig = {"allow_http": endpoint.startswith("http://")}
            self._store: ObjectStore = S3Store.from_url(url, config=config, client_options=client)
        elif "://" in url and not url.startswith("file://"):
            self._store = from_url(url)
        else:
            self._store = LocalStore(url.removeprefix("file://"), mkdir=True)
        self._recent = _Recent()

    async def put(self, data: bytes) -> str:
        """The key, which is the SHA-256 of the data. Whole or not there: readers never see a part."""
        key, packed = _pack(data) if len(data) < _LARGE else await asyncio.to_thread(_pack, data)
        # Written even when it is there: that mends a blob that a power failure left empty.
        await self._store.put_async(_path(key), packed)
        self._recent.remember(key, data)
        return key

    async def get(self, key: str) -> bytes:
        """FileNotFoundError when it is not there, or no longer; ValueError when it is not what was put."""
        if (data := self._recent.get(key)) is not None:
            return data
        answer = await self._store.get_async(_path(key))
        packed = bytes(await answer.bytes_async())
        data = _unpack(key, packed) if len(packed) < _LARGE // 4 else await asyncio.to_thread(_unpack, key, packed)
        self._recent.remember(key, data)
        return data

    async def put_before(self, time: datetime) -> AsyncGenerator[list[str]]:
        """Keys of what was last put before then, in portions."""
        async for portion in self._store.list(chunk_size=500):
            named = ((str(one["path"]).rpartition("/")[2].removesuffix(_ENDING), one) for one in portion)
            # Nobody else writes here; what is being written has a name of another length.
            yield [key for key, one in named if len(key) == KEY_LENGTH and one["last_modified"] < time]

    async def remove(self, keys: Sequence[str]) -> None:
        if keys:
            self._recent.forget(keys)
            await self._store.delete_async([_path(key) for key in keys])

    async def put_model(self, model: BaseModel) -> str:
        return await self.put(model.model_dump_json().encode())

    async def get_model(self, key: str, type_: type[M]) -> M:
        return type_.model_validate_json(await self.get(key))


class _Recent:
    """Blobs by key, those used last; what a key names never changes."""

    def __init__(self) -> None:
        # The one that was used last comes last.
        self._data: dict[str, bytes] = {}
        self._size = 0

    def get(self, key: str) -> bytes | None:
        if (data := self._data.pop(key, None)) is not None:
            self._data[key] = data
        return data

    def remember(self, key: str, data: bytes) -> None:
        self.forget([key])
        # One snapshot of a large repository would push everything else out.
        if len(data) <= _REMEMBERED // 8:
            self._data[key] = data
            self._size += len(data)
        while self._size > _REMEMBERED:
            self.forget([next(iter(self._data))])

    def forget(self, keys: Sequence[str]) -> None:
        self._size -= sum(len(self._data.pop(key, b"")) for key in keys)


def _path(key: str) -> str:
    return f"{key[:2]}/{key}{_ENDING}"


def _pack(data: bytes) -> tuple[str, bytes]:
    return hashlib.sha256(data).hexdigest(), zstandard.compress(data)


def _unpack(key: str, packed: bytes) -> bytes:
    data = zstandard.decompress(packed)
    if hashlib.sha256(data).hexdigest() != key:
        raise ValueError(f"The blob {key} does not hold what was put there.")
    return data
