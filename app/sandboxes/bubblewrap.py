"""Sandboxes by bubblewrap: no daemon, a tenth of a second each, and reachable by every process of ours on the machine.

What can be written inside lies in memory, so that nothing of a sandbox ever is a file of the host: to be rid of it is
to kill its PID 1.
"""

import os
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from app.domain.errors import Refused
from app.sandboxes import bubblewrap_start as starting
from app.sandboxes import cgroups, egress_ways, host_processes
from app.sandboxes.base import (
    Capabilities,
    Limits,
    NotDone,
    ProbeReport,
    SandboxGone,
    SandboxRef,
    SandboxSpec,
)
from app.sandboxes.bubblewrap_arguments import (
    COUNTERS,
    arguments,
    fitted,
    in_memory,
    supervisor_settings,
)
from app.sandboxes.egress_ways import Ways
from app.sandboxes.link import Link
from app.sandboxes.probe import probe
from app.sandboxes.recorded import Recorded
from app.sandboxes.records import Record

# How long may a sandbox take to come up on a busy machine?
_UP = timedelta(seconds=30)


class Bubblewrap(Recorded):
    """Needs no daemon and no image: inside, the programs of this machine are seen."""

    name = "bubblewrap"

    def __init__(self, folder: Path, *, ways: Ways, groups: cgroups.Parents | None = None) -> None:
        """`groups` says where control groups are made, when not where this machine lets us."""
        super().__init__(folder, ways)
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

    async def reap(self, now: datetime) -> Sequence[SandboxRef]:
        reaped = await super().reap(now)
        self._records.give_back_lost_uids()
        cgroups.clear_tries(self._below, now)
        return reaped

    def _check(self, spec: SandboxSpec) -> None:
        if starting.missing():
            raise Refused(starting.missing())
        if spec.trust == "outsider" and not (self.capabilities.memory and self.capabilities.pids):
            raise Refused(
                "Outsiders' code needs limits for memory and processes, and this machine has no control groups for us."
            )

    async def _make(self, spec: SandboxSpec, sandbox_id: str, key: str, lease: timedelta, generation: int) -> Record:
        await self._end(sandbox_id)
        try:
            return await self._made(spec, sandbox_id, key, lease, generation)
        except BaseException:
            await self._end(sandbox_id)
            raise

    async def _made(self, spec: SandboxSpec, sandbox_id: str, key: str, lease: timedelta, generation: int) -> Record:
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
        groups = cgroups.planned(f"{self._records.installation}-{sandbox_id}", self._below)
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
            await self._link(record.sandbox_id).hello(_UP)
        except SandboxGone as error:
            raise NotDone(f"The sandbox did not start. {starting.complaint(folder)}".strip()) from error

    def _lent(self, spec: SandboxSpec, record: Record) -> Sequence[tuple[str, str]]:
        if not self._ways.wanted(spec):
            return spec.programs
        self._net(record.sandbox_id).mkdir(mode=0o755, exist_ok=True)
        return [*spec.programs, (str(self._net(record.sandbox_id)), egress_ways.INSIDE)]

    def _net(self, sandbox_id: str) -> Path:
        return self._records.folder(sandbox_id) / "net"

    def _python(self) -> str:
        return starting.python()

    def _lives(self, record: Record) -> bool:
        return super()._lives(record) and _first_process(record, None) is not None

    def _link(self, sandbox_id: str) -> Link:
        return Link(partial(starting.connect, self._records.folder(sandbox_id)))

    async def _end(self, sandbox_id: str) -> None:
        await self._ways.forget(sandbox_id)
        record, folder = self._records.read(sandbox_id), self._records.folder(sandbox_id)
        pid = _first_process(record, host_processes.child_of(folder))
        if pid:
            await host_processes.end(pid)
        elif (folder / "control").exists():
            # Whoever started it was killed before its number was known: so it is asked.
            with suppress(SandboxGone):
                await self._link(sandbox_id).leave()
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
