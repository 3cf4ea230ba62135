"""Where prepared bases lie on this machine: one compressed file each, the longest unused given up for new ones."""

import asyncio
import os
from pathlib import Path

import zstandard

# How much of the disk do all bases together take at most?
MOST_BYTES = 8 * 1024**3
_ENDING = ".tar.zst"


class FolderShelf:
    """For this machine alone: whoever fetched a base from elsewhere would have to believe whoever put it there."""

    def __init__(self, folder: Path, *, most_bytes: int = MOST_BYTES) -> None:
        self._folder = folder
        self._most_bytes = most_bytes

    async def size(self, key: str) -> int | None:
        try:
            return self._path(key).stat().st_size
        except FileNotFoundError:
            return None

    async def get(self, key: str) -> bytes | None:
        return await asyncio.to_thread(self._read, key)

    async def put(self, key: str, content: bytes) -> None:
        await asyncio.to_thread(self._write, key, content)

    def _read(self, key: str) -> bytes | None:
        path = self._path(key)
        try:
            data = path.read_bytes()
            # What is used stays.
            os.utime(path)
        except FileNotFoundError:
            return None
        return zstandard.decompress(data) if data else b""

    def _write(self, key: str, content: bytes) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        new = self._folder / f".{key}.{os.getpid()}"
        new.write_bytes(zstandard.compress(content, level=3) if content else b"")
        new.replace(self._path(key))
        self._make_room(kept=key)

    def _make_room(self, *, kept: str) -> None:
        found = sorted(
            ((path, path.stat()) for path in self._folder.glob(f"*{_ENDING}")), key=lambda one: one[1].st_mtime
        )
        left = sum(stat.st_size for _, stat in found)
        for path, stat in found:
            if left <= self._most_bytes:
                return
            if path != self._path(kept):
                path.unlink(missing_ok=True)
                left -= stat.st_size

    def _path(self, key: str) -> Path:
        return self._folder / f"{key}{_ENDING}"
