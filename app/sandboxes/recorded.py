"""What every backend does with sandboxes that it has written down: find, reach, renew and destroy them, and reap those
that nobody comes back for."""

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from app.sandboxes import egress_ways
from app.sandboxes.base import WORK, Command, Ended, Output, SandboxGone, SandboxRef, SandboxSpec
from app.sandboxes.bubblewrap_arguments import LEASE_GRACE, environment
from app.sandboxes.egress_records import Connection, read_records
from app.sandboxes.egress_ways import Ways
from app.sandboxes.link import Link
from app.sandboxes.records import Record, Records


class Recorded(ABC):
    """Records in `folder`, which is for this machine alone and not inside of anything a repository can write.

    Any process of ours may work with them at the same time; what a killed one leaves, the next one ends.
    """

    name: str

    def __init__(self, folder: Path, ways: Ways) -> None:
        self._records = Records(folder)
        self._ways = ways

    async def provision(self, spec: SandboxSpec, key: str, lease: timedelta) -> SandboxRef:
        self._check(spec)
        sandbox_id = self._records.id_of(key)
        async with self._records.locked(sandbox_id):
            old = self._records.read(sandbox_id)
            record = await self._alive(old, lease) if old else None
            if record is None:
                record = await self._make(spec, sandbox_id, key, lease, generation=old.generation + 1 if old else 1)
            if self._ways.wanted(spec) and not record.network_closed:
                env = environment(record.env)
                await self._ways.open(
                    sandbox_id, spec, self._net(sandbox_id), self._link(sandbox_id), env, self._python()
                )
            return record.ref(self.name)

    async def run(self, ref: SandboxRef, command: Command, offset: int = 0) -> AsyncGenerator[Output | Ended]:
        record = self._record(ref)
        way = egress_ways.environment(self._net(ref.sandbox_id), closed=record.network_closed)
        command = command.model_copy(update={"env": environment({**way, **record.env, **command.env})})
        async with aclosing(self._link(ref.sandbox_id).run(command, offset)) as happening:
            async for output in happening:
                yield output

    async def kill(self, ref: SandboxRef, exec_id: str) -> None:
        await self._linked(ref).kill(exec_id)

    async def put(self, ref: SandboxRef, tar: bytes, folder: str = WORK) -> None:
        await self._linked(ref).put(tar, folder)

    async def get(self, ref: SandboxRef, paths: Sequence[str], max_bytes: int) -> bytes:
        return await self._linked(ref).get(paths, max_bytes)

    async def close_network(self, ref: SandboxRef) -> None:
        async with self._records.locked(ref.sandbox_id):
            self._written(self._record(ref), network_closed=True)
            await self._ways.close(ref.sandbox_id, self._link(ref.sandbox_id))

    async def connections(self, ref: SandboxRef) -> Sequence[Connection]:
        """What was asked of the network during setup, allowed or not."""
        return read_records(egress_ways.record_file(self._net(self._record(ref).sandbox_id)))

    async def renew(self, ref: SandboxRef, lease: timedelta) -> SandboxRef:
        # First, since to lock what is gone would make its folder again.
        self._record(ref)
        async with self._records.locked(ref.sandbox_id):
            return (await self._renewed(self._record(ref), lease)).ref(self.name)

    async def destroy(self, ref: SandboxRef) -> None:
        if ref.sandbox_id in self._records.ids():
            async with self._records.locked(ref.sandbox_id):
                record = self._records.read(ref.sandbox_id)
                if record is None or record.generation == ref.generation:
                    await self._end(ref.sandbox_id)
                    self._records.remove(ref.sandbox_id)

    async def reap(self, now: datetime) -> Sequence[SandboxRef]:
        reaped = list[SandboxRef]()
        for sandbox_id in self._records.ids():
            if not self._records.is_locked(sandbox_id):
                async with self._records.locked(sandbox_id):
                    record = self._records.read(sandbox_id)
                    # Its time is over, it died, or whoever was making it did.
                    if record is None or record.over(now) or not self._lives(record):
                        await self._end(sandbox_id)
                        self._records.remove(sandbox_id)
                        reaped += [record.ref(self.name)] if record else []
        return reaped

    @abstractmethod
    def _check(self, spec: SandboxSpec) -> None:
        """Refused where it asks for more than there is."""

    @abstractmethod
    async def _make(self, spec: SandboxSpec, sandbox_id: str, key: str, lease: timedelta, generation: int) -> Record:
        """Whatever there was by that name goes. Each step is written down before it is done, so that what a crash
        leaves can be found."""

    @abstractmethod
    async def _end(self, sandbox_id: str) -> None:
        """Nothing is left of it but its empty folder, which is what is locked; however far it came."""

    @abstractmethod
    def _link(self, sandbox_id: str) -> Link: ...

    @abstractmethod
    def _net(self, sandbox_id: str) -> Path:
        """Where the sandbox's way out listens while there is one."""

    @abstractmethod
    def _python(self) -> str:
        """As it is called inside."""

    def _lives(self, record: Record) -> bool:
        """Whether it may still be there, as far as can be seen without asking it."""
        return record.state == "ready"

    async def _alive(self, record: Record, lease: timedelta) -> Record | None:
        if not self._lives(record):
            return None
        try:
            return await self._renewed(record, lease)
        except SandboxGone:
            # Dying, or no longer itself.
            return None

    async def _renewed(self, record: Record, lease: timedelta) -> Record:
        await self._link(record.sandbox_id).renew(lease + LEASE_GRACE)
        return self._written(record, lease_until=datetime.now(UTC) + lease)

    def _written(self, record: Record, **changes: object) -> Record:
        changed = record.model_copy(update=changes)
        self._records.write(changed)
        return changed

    def _record(self, ref: SandboxRef) -> Record:
        record = self._records.read(ref.sandbox_id)
        if record is None or record.state != "ready" or record.generation != ref.generation:
            raise SandboxGone(f"There is no sandbox {ref.sandbox_id} of generation {ref.generation}.")
        return record

    def _linked(self, ref: SandboxRef) -> Link:
        return self._link(self._record(ref).sandbox_id)
