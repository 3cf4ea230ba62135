"""Sandboxes as containers of Docker or Podman on this machine: locked down, and reached by a socket of our own.

The image is the operator's: any with `python3` (3.11 or newer) and the tools its repositories need. It is never pulled.
"""

import hashlib
import json
import shutil
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib import resources
from pathlib import Path, PurePosixPath

from app.domain.errors import Refused
from app.sandboxes import docker_seccomp, egress_ways
from app.sandboxes.base import (
    WORK,
    Capabilities,
    Command,
    Ended,
    NotDone,
    Output,
    ProbeReport,
    SandboxGone,
    SandboxRef,
    SandboxSpec,
)
from app.sandboxes.bubblewrap_arguments import (
    LEASE_GRACE,
    SUPERVISOR,
    environment,
    fitted,
    inside_programs,
    supervisor_settings,
)
from app.sandboxes.bubblewrap_start import machine_bytes
from app.sandboxes.docker_api import DockerApi, DockerError, Image, Version
from app.sandboxes.docker_container import OURS, Container, people
from app.sandboxes.docker_handing import DOOR, complaint, connect, start_and_hand_over
from app.sandboxes.egress_ways import Ways
from app.sandboxes.link import Link
from app.sandboxes.probe import probe
from app.sandboxes.records import Record, Records

# How long may a container take to come up on a busy machine?
_UP = timedelta(seconds=60)
# How old must a container be that nobody remembers, before it is removed?
_FORGOTTEN = timedelta(minutes=5)
_LABEL = "dev.corrigent.installation"
_PYTHON = "python3"
_START = "start.py"
# Users from here on; rootless Podman has none above 65,535.
_FIRST_UID, _UIDS = 20_000, 40_000


class Docker:
    """Records in `folder`, which the daemon's machine must know by the same name."""

    name = "docker"

    def __init__(self, folder: Path, *, socket: Path, image: str, ways: Ways, runtime: str = "") -> None:
        self._records = Records(folder)
        self._api = DockerApi(socket)
        self._image = image
        self._ways = ways
        self._runtime = runtime
        # So that two installations at one daemon never take each other's containers.
        self._installation = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:12]

    async def doctor(self) -> ProbeReport:
        # Limits that the daemon only pretends to set let an attack through, and then nothing is run at all.
        isolation = "user-kernel" if "runsc" in self._runtime else "vm" if "kata" in self._runtime else "process"
        return await probe(self, Capabilities(isolation=isolation, memory=True, pids=True, disk=True))

    async def provision(self, spec: SandboxSpec, key: str, lease: timedelta) -> SandboxRef:
        sandbox_id = self._records.id_of(key)
        async with self._records.locked(sandbox_id):
            old = self._records.read(sandbox_id)
            record = await self._alive(old, lease) if old else None
            if record is None:
                record = await self._make(spec, sandbox_id, key, lease, generation=old.generation + 1 if old else 1)
            if self._ways.wanted(spec) and not record.network_closed:
                env = environment(record.env)
                await self._ways.open(sandbox_id, spec, self._net(sandbox_id), self._link(sandbox_id), env, _PYTHON)
            return record.ref(self.name)

    async def run(self, ref: SandboxRef, command: Command, offset: int = 0) -> AsyncGenerator[Output | Ended]:
        record = self._record(ref)
        way = egress_ways.environment(self._net(ref.sandbox_id), closed=record.network_closed)
        env = environment({**way, **record.env, **command.env})
        told = self._link(ref.sandbox_id).run(command.model_copy(update={"env": env}), offset)
        async with aclosing(told) as happening:
            async for part in happening:
                yield part

    async def kill(self, ref: SandboxRef, exec_id: str) -> None:
        await self._linked(ref).kill(exec_id)

    async def put(self, ref: SandboxRef, tar: bytes, folder: str = WORK) -> None:
        await self._linked(ref).put(tar, folder)

    async def get(self, ref: SandboxRef, paths: Sequence[str], max_bytes: int) -> bytes:
        return await self._linked(ref).get(paths, max_bytes)

    async def close_network(self, ref: SandboxRef) -> None:
        async with self._records.locked(ref.sandbox_id):
            self._write(self._record(ref), network_closed=True)
            await self._ways.close(ref.sandbox_id, self._link(ref.sandbox_id))

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
                    if record is None or record.state != "ready" or record.over(now):
                        await self._end(sandbox_id)
                        self._records.remove(sandbox_id)
                        reaped += [record.ref(self.name)] if record else []
        await self._remove_forgotten(now)
        return reaped

    async def _make(self, spec: SandboxSpec, sandbox_id: str, key: str, lease: timedelta, generation: int) -> Record:
        """Whatever there was by that name goes. Written down before there is anything of it, so that what a crash
        leaves can be found."""
        version, image = await self._daemon()
        await self._end(sandbox_id)
        now, limits = datetime.now(UTC), fitted(spec.limits, machine_bytes())
        path = {"PATH": image.path} if image.path else {}
        record = Record(
            sandbox_id=sandbox_id,
            key=key,
            generation=generation,
            lease_until=now + lease,
            wall_until=now + limits.wall,
            env={**path, **spec.env},
            setup_hosts=spec.setup_hosts,
        )
        folder = self._records.folder(sandbox_id)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._records.write(record)
        uid = _FIRST_UID + int(sandbox_id, 16) % _UIDS
        _lay_out(folder / "seen", uid)
        told = supervisor_settings(limits, lease, watch=False)
        container = Container(
            engine=version.engine,
            image_id=image.image_id,
            uid=uid,
            limits=limits,
            ours=folder / "seen",
            programs=spec.programs,
            seccomp=self._seccomp(version, folder),
            labels={_LABEL: self._installation, **spec.labels},
            command=(_PYTHON, "-I", "-S", f"{OURS}/{_START}", f"{OURS}/{DOOR}", SUPERVISOR, json.dumps(told)),
            runtime=self._runtime,
        )
        await self._start(container, folder)
        return self._write(record, state="ready")

    async def _daemon(self) -> tuple[Version, Image]:
        """What answers, and the image there; Refused with what the operator can do where it cannot be used."""
        if not self._image:
            raise Refused("No image is named for sandboxes; name one that has python3 and your repositories' tools.")
        try:
            version, image = await self._api.version(), await self._api.image(self._image)
        except DockerError as error:
            if error.status == 404:
                raise Refused(f"The image {self._image!r} is not there; pull or build it, or name another.") from error
            raise NotDone(f"No Docker or Podman can be used at {self._api.socket}: {error}") from error
        if version.arch not in docker_seccomp.ARCHITECTURES:
            raise Refused(f"System calls cannot be filtered on {version.arch}; use a machine with amd64 or arm64.")
        if image.volumes:
            raise Refused(
                f"The image {self._image!r} declares volumes ({', '.join(image.volumes)}), which no limit holds; "
                "use an image without."
            )
        return version, image

    async def _start(self, container: Container, folder: Path) -> None:
        container_id = await self._api.create(self._container(folder.name), container.body())
        with await start_and_hand_over(self._api, container_id, folder, folder / "seen", _UP) as calling:
            try:
                await self._link(folder.name).hello(_UP)
            except SandboxGone as error:
                raise NotDone(f"The container's supervisor did not start. {complaint(calling)}".strip()) from error

    def _seccomp(self, version: Version, folder: Path) -> str:
        profile = docker_seccomp.profile(version.arch)
        if version.engine == "docker":
            return profile
        file = folder / "seccomp.json"
        file.write_text(profile)
        return str(file)

    async def _alive(self, record: Record, lease: timedelta) -> Record | None:
        try:
            return await self._renewed(record, lease) if record.state == "ready" else None
        except SandboxGone:
            return None

    async def _renewed(self, record: Record, lease: timedelta) -> Record:
        await self._link(record.sandbox_id).renew(lease + LEASE_GRACE)
        return self._write(record, lease_until=datetime.now(UTC) + lease)

    def _write(self, record: Record, **changes: object) -> Record:
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

    def _link(self, sandbox_id: str) -> Link:
        return Link(partial(connect, self._records.folder(sandbox_id)))

    def _net(self, sandbox_id: str) -> Path:
        return self._records.folder(sandbox_id) / "seen" / "net"

    def _container(self, sandbox_id: str) -> str:
        return f"corrigent-{self._installation}-{sandbox_id}"

    async def _end(self, sandbox_id: str) -> None:
        """What there is of it, however far it came; only the folder stays, since it is what is locked."""
        await self._ways.forget(sandbox_id)
        await self._api.remove(self._container(sandbox_id))
        shutil.rmtree(self._records.folder(sandbox_id) / "seen", ignore_errors=True)
        self._records.clear(sandbox_id)

    async def _remove_forgotten(self, now: datetime) -> None:
        """Containers of ours whose record is gone: somebody emptied the folder."""
        known = {self._container(sandbox_id) for sandbox_id in self._records.ids()}
        for listed in await self._api.labelled(f"{_LABEL}={self._installation}"):
            if not known & listed.plain_names and now - listed.created_at > _FORGOTTEN:
                await self._api.remove(listed.container_id)


def _lay_out(seen: Path, uid: int) -> None:
    """What is seen inside, for whoever runs there to read: the supervisor's programs, the socket's folder, the user."""
    start = resources.files("app.sandboxes").joinpath("docker_start.py").read_bytes()
    contents = {str(PurePosixPath(path).relative_to(OURS)): data for path, data in inside_programs().items()}
    contents |= {name: text.encode() for name, text in people(uid).items()}
    for name, content in {**contents, _START: start}.items():
        file = seen / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    (seen / "net").mkdir(exist_ok=True)
    for path in (seen, *seen.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
