"""What is known of the sandboxes on this machine: one folder each, which outlives the process that made it."""

import asyncio
import fcntl
import hashlib
import os
import re
import shutil
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import AwareDatetime, Field, ValidationError

from app.domain.model import Frozen
from app.sandboxes.base import Host, SandboxGone, SandboxRef

# How often is a lock tried that another process holds?
_LOCK_PAUSE = 0.01
_ID = re.compile(r"[0-9a-f]{20}")
# Which users sandboxes run as when we are root: far from people, services and the ranges of rootless containers.
_FIRST_UID, _UIDS = 200_000, 50_000


class Record(Frozen):
    """A sandbox from before anything of it exists until everything of it is gone."""

    sandbox_id: str
    key: str
    state: Literal["provisioning", "ready"] = "provisioning"
    generation: int = 1
    lease_until: AwareDatetime
    wall_until: AwareDatetime
    env: dict[str, str] = Field(default_factory=dict)
    setup_hosts: tuple[Host, ...] = ()
    network_closed: bool = False
    # Our own user when None.
    uid: int | None = None
    groups: tuple[str, ...] = ()
    pid: int | None = None
    # In clock ticks since the machine's start: the number alone may belong to somebody else by now.
    pid_started: int | None = None

    def ref(self, backend: str) -> SandboxRef:
        return SandboxRef(
            backend=backend, sandbox_id=self.sandbox_id, generation=self.generation, lease_until=self.lease_until
        )

    def over(self, now: datetime) -> bool:
        return min(self.lease_until, self.wall_until) <= now


class Records:
    """The folder that holds them, for its owner's eyes alone; any process of ours may use it at the same time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._uids = folder / "uids"
        # What the machine knows a sandbox by carries this too: two installations may have one of the same key.
        self.installation = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:12]

    @staticmethod
    def id_of(key: str) -> str:
        return hashlib.sha256(key.encode()).hexdigest()[:20]

    def folder(self, sandbox_id: str) -> Path:
        if not _ID.fullmatch(sandbox_id):
            raise SandboxGone(f"{sandbox_id!r} is no sandbox")
        return self._folder / sandbox_id

    def ids(self) -> Sequence[str]:
        if not self._folder.is_dir():
            return []
        return sorted(path.name for path in self._folder.iterdir() if _ID.fullmatch(path.name))

    def read(self, sandbox_id: str) -> Record | None:
        """None when there is none, or what a crash left of one before it was written."""
        try:
            return Record.model_validate_json((self.folder(sandbox_id) / "record.json").read_bytes())
        except (FileNotFoundError, ValidationError):
            return None

    def write(self, record: Record) -> None:
        folder = self.folder(record.sandbox_id)
        new = folder / f"record.{os.getpid()}"
        new.write_text(record.model_dump_json())
        new.replace(folder / "record.json")

    def clear(self, sandbox_id: str) -> None:
        """Nothing is left in its folder; the folder itself is what is locked."""
        for path in self.folder(sandbox_id).iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()

    def remove(self, sandbox_id: str) -> None:
        self.clear(sandbox_id)
        self.folder(sandbox_id).rmdir()

    def take_uid(self, sandbox_id: str) -> int:
        """A user nobody else has; given back with `give_uid`. Where the search begins differs from folder to folder,
        so that two installations on one machine rarely meet."""
        self._uids.mkdir(parents=True, exist_ok=True)
        begin = int(hashlib.sha256(f"{self._folder}/{sandbox_id}".encode()).hexdigest()[:8], 16)
        for step in range(_UIDS):
            uid = _FIRST_UID + (begin + step) % _UIDS
            try:
                # A link is there with what it says, or not at all: a file might be left empty by a kill.
                (self._uids / str(uid)).symlink_to(sandbox_id)
            except FileExistsError:
                continue
            return uid
        raise OSError("every user for sandboxes is taken")

    def give_uid(self, uid: int) -> None:
        (self._uids / str(uid)).unlink(missing_ok=True)

    def give_back_lost_uids(self) -> None:
        """Those of sandboxes whose makers died between taking one and writing it down."""
        for taken in self._uids.iterdir() if self._uids.is_dir() else ():
            with suppress(FileNotFoundError):
                if not (self._folder / taken.readlink()).exists():
                    taken.unlink()

    @asynccontextmanager
    async def locked(self, sandbox_id: str) -> AsyncGenerator[None]:
        """Only one process at a time makes or destroys it; a killed one's lock is free at once."""
        held = self._try_lock(sandbox_id)
        while not held:
            # Another process has no way to wake us; a thread that waits for the lock could not be cancelled.
            await asyncio.sleep(_LOCK_PAUSE)
            held = self._try_lock(sandbox_id)
        try:
            yield
        finally:
            os.close(held)

    def is_locked(self, sandbox_id: str) -> bool:
        """Somebody is making or destroying it right now."""
        held = self._try_lock(sandbox_id)
        if held:
            os.close(held)
        return not held

    def _try_lock(self, sandbox_id: str) -> int:
        """A descriptor that holds the lock, or 0."""
        folder = self.folder(sandbox_id)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder.chmod(0o700)
        try:
            held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError:
            return 0
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # The folder that was locked may have been removed by who held it before.
            if os.fstat(held).st_ino == os.stat(folder).st_ino:
                return held
        except (BlockingIOError, FileNotFoundError):
            pass
        os.close(held)
        return 0
