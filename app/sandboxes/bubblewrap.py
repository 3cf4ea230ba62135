"""Sandboxes by bubblewrap: no daemon, a tenth of a second each, and reachable by every process of ours on the machine.

What can be written inside lies in memory, so that nothing of a sandbox ever is a file of the host: to be rid of it is
to kill its PID 1.
"""

import os
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from app.domain.errors import Refused
from app.sandboxes import bubblewrap_start as starting
from app.sandboxes import cgroups, egress_ways, host_processes
from app.sandboxes.base import (
    WORK,
    Capabilities,
    Command,
    Ended,
    Limits,
    NotDone,
    Output,
    ProbeReport,
    SandboxGone,
    SandboxRef,
    SandboxSpec,
)
from app.sandboxes.bubblewrap_arguments import (
    COUNTERS,
    LEASE_GRACE,
    arguments,
    environment,
    fitted,
    in_memory,
    supervisor_settings,
)
from app.sandboxes.egress_records import Connection, read_records
from app.sandboxes.egress_ways import Ways
from app.sandboxes.link import Link
from app.sandboxes.probe import probe
from app.sandboxes.records import Record, Records

# How long may a sandbox take to come up on a busy machine?
_UP = timedelta(seconds=30)


class Bubblewrap:
    """Records in `folder`, which is for this machine alone and not inside of anything a repository can write."""

    name = "bubblewrap"

    def __init__(self, folder: Path, *, ways: Ways, groups: cgroups.Parents | None = None) -> None:
        """`groups` says where control groups are made, when not where this machine lets us."""
        self._records = Records(folder)
        self._ways = ways
        self._groups = groups

    @property
    def capabilities(self) -> Capabilities:
        below = self._below
        return Capabilities(isolation="process", memory=below.holds_memory, pids=below.holds_pids, disk=True)

    @property
    def _below(self) -> cgroups.Parents:
        return cgroups.parents() if self._groups is None else self._groups

    async def doctor(self) -> ProbeReport:
        return await probe(self, self.capabilities)

    async def provision(self, spec: SandboxSpec, key: str, lease: timedelta) -> SandboxRef:
        self._check(spec)
        sandbox_id = self._records.id_of(key)
        async with self._records.locked(sandbox_id):
            old = self._records.read(sandbox_id)
            record = await self._alive(old, lease) if old else None
            if record is None:
                record = await self._anew(spec, sandbox_id, key, lease, generation=old.generation + 1 if old else 1)
            if self._ways.wanted(spec) and not record.network_closed:
                env = environment(record.env)
                await self._ways.open(sandbox_id, spec, self._net(record), self._link(record), env, starting.python())
            return record.ref(self.name)

    async def run(self, ref: SandboxRef, command: Command, offset: int = 0) -> AsyncGenerator[Output | Ended]:
        record = self._record(ref)
        way = egress_ways.environment(self._net(record), closed=record.network_closed)
        command = command.model_copy(update={"env": environment({**way, **record.env, **command.env})})
        async with aclosing(self._link(record).run(command, offset)) as happening:
            async for output in happening:
                yield output

    async def kill(self, ref: SandboxRef, exec_id: str) -> None:
        await self._link(self._record(ref)).kill(exec_id)

    async def put(self, ref: SandboxRef, tar: bytes, folder: str = WORK) -> None:
        await self._link(self._record(ref)).put(tar, folder)

    async def get(self, ref: SandboxRef, paths: Sequence[str], max_bytes: int) -> bytes:
        return await self._link(self._record(ref)).get(paths, max_bytes)

    async def close_network(self, ref: SandboxRef) -> None:
        async with self._records.locked(ref.sandbox_id):
            record = self._written(self._record(ref), network_closed=True)
            await self._ways.close(record.sandbox_id, self._link(record))

    async def connections(self, ref: SandboxRef) -> Sequence[Connection]:
        """What was asked of the network during setup, allowed or not."""
        return read_records(egress_ways.record_file(self._net(self._record(ref))))

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
                    if record is None or _abandoned(record, now):
                        await self._end(sandbox_id)
                        self._records.remove(sandbox_id)
                        reaped += [record.ref(self.name)] if record else []
        self._records.give_back_lost_uids()
        return reaped

    def _check(self, spec: SandboxSpec) -> None:
        if starting.missing():
            raise Refused(starting.missing())
        if spec.trust == "outsider" and not (self.capabilities.memory and self.capabilities.pids):
            raise Refused(
                "Outsiders' code needs limits for memory and processes, and this machine has no control groups for us."
            )

    async def _alive(self, record: Record, lease: timedelta) -> Record | None:
        if record.state != "ready" or not _first_process(record, None):
            return None
        try:
            return await self._renewed(record, lease)
        except SandboxGone:
            # Dying, or no longer itself.
            return None

    async def _anew(self, spec: SandboxSpec, sandbox_id: str, key: str, lease: timedelta, generation: int) -> Record:
        await self._end(sandbox_id)
        try:
            return await self._make(spec, sandbox_id, key, lease, generation)
        except BaseException:
            await self._end(sandbox_id)
            raise

    async def _make(self, spec: SandboxSpec, sandbox_id: str, key: str, lease: timedelta, generation: int) -> Record:
        """Each step is written down before it is done, so that whatever a crash leaves can be found."""
        now = datetime.now(UTC)
        limits = fitted(spec.limits, starting.machine_bytes())
        folder = self._records.folder(sandbox_id)
        record = Record(
            sandbox_id=sandbox_id,
            key=key,
            generation=generation,
            lease_until=now + lease,
            wall_until=now + limits.wall,
            env=spec.env,
            setup_hosts=spec.setup_hosts,
            uid=self._records.take_uid(sandbox_id) if os.geteuid() == 0 else None,
        )
        self._records.write(record)
        groups = cgroups.planned(sandbox_id, self._below)
        record = self._written(record, groups=groups.folders)
        cgroups.make(groups, in_memory(limits))
        await self._start(spec, limits, record, groups)
        pid = host_processes.child_of(folder) or 0
        return self._written(record, state="ready", pid=pid, pid_started=host_processes.started_at(pid))

    async def _start(self, spec: SandboxSpec, limits: Limits, record: Record, groups: cgroups.Groups) -> None:
        folder = self._records.folder(record.sandbox_id)
        counters = {outside: inside for outside, inside in zip(groups[1:], COUNTERS, strict=True) if outside}
        descriptors = starting.Descriptors()
        try:
            told = {
                **supervisor_settings(
                    limits, record.lease_until - datetime.now(UTC), watch=len(counters) < len(COUNTERS)
                ),
                "listen": descriptors.keep(starting.listen(folder)),
            }
            words = arguments(limits, starting.python(), counters, told, descriptors.contents)
            await starting.start(folder, record.uid, record.groups, self._lent(spec, record), descriptors, words)
        finally:
            descriptors.close()
        try:
            await self._link(record).hello(_UP)
        except SandboxGone as error:
            raise NotDone(f"The sandbox did not start. {starting.complaint(folder)}".strip()) from error

    def _lent(self, spec: SandboxSpec, record: Record) -> Sequence[tuple[str, str]]:
        if not self._ways.wanted(spec):
            return spec.programs
        self._net(record).mkdir(mode=0o755, exist_ok=True)
        return [*spec.programs, (str(self._net(record)), egress_ways.INSIDE)]

    def _net(self, record: Record) -> Path:
        """Where the sandbox's way out listens while there is one."""
        return self._records.folder(record.sandbox_id) / "net"

    def _written(self, record: Record, **changes: object) -> Record:
        changed = record.model_copy(update=changes)
        self._records.write(changed)
        return changed

    async def _renewed(self, record: Record, lease: timedelta) -> Record:
        await self._link(record).renew(lease + LEASE_GRACE)
        return self._written(record, lease_until=datetime.now(UTC) + lease)

    def _record(self, ref: SandboxRef) -> Record:
        record = self._records.read(ref.sandbox_id)
        if record is None or record.state != "ready" or record.generation != ref.generation:
            raise SandboxGone(f"There is no sandbox {ref.sandbox_id} of generation {ref.generation}.")
        return record

    def _link(self, record: Record) -> Link:
        return Link(partial(starting.connect, self._records.folder(record.sandbox_id)))

    async def _end(self, sandbox_id: str) -> None:
        """Nothing is left of it but its empty folder, however far it came."""
        await self._ways.forget(sandbox_id)
        record, folder = self._records.read(sandbox_id), self._records.folder(sandbox_id)
        pid = _first_process(record, host_processes.child_of(folder))
        if pid:
            await host_processes.end(pid)
        elif (folder / "control").exists():
            # Whoever started it was killed before its number was known: so it is asked.
            with suppress(SandboxGone):
                await Link(partial(starting.connect, folder)).leave()
        if record is not None:
            for left in cgroups.members(record.groups):
                await host_processes.end(left)
            await cgroups.remove(record.groups)
            if record.uid is not None:
                self._records.give_uid(record.uid)
        self._records.clear(sandbox_id)


def _first_process(record: Record | None, noted: int | None) -> int | None:
    """Its PID 1 when that is alive: by its number and start, or by what bubblewrap noted, which a crash left alone."""
    if record is not None and record.pid:
        alive = host_processes.started_at(record.pid) == record.pid_started
        return record.pid if alive else None
    return noted if noted and host_processes.is_first_of_its_own(noted) else None


def _abandoned(record: Record, now: datetime) -> bool:
    """Its time is over, it died, or whoever was making it did."""
    return record.over(now) or record.state == "provisioning" or _first_process(record, None) is None
