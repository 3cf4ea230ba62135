"""Sandboxes as containers of Docker or Podman on this machine: locked down, and reached by a socket of our own.

The image is the operator's: any with `python3` (3.11 or newer) and the tools its repositories need. It is never pulled.
"""

import json
import shutil
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib import resources
from pathlib import Path, PurePosixPath

from app.domain.errors import Refused
from app.sandboxes import docker_seccomp
from app.sandboxes.base import (
    Capabilities,
    NotDone,
    ProbeReport,
    SandboxGone,
    SandboxRef,
    SandboxSpec,
)
from app.sandboxes.bubblewrap_arguments import (
    SUPERVISOR,
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
from app.sandboxes.recorded import Recorded
from app.sandboxes.records import Record

# How long may a container take to come up on a busy machine?
_UP = timedelta(seconds=60)
# How old must a container be that nobody remembers, before it is removed?
_FORGOTTEN = timedelta(minutes=5)
_LABEL = "dev.corrigent.installation"
_PYTHON = "python3"
_START = "start.py"
# Users from here on; rootless Podman has none above 65,535.
_FIRST_UID, _UIDS = 20_000, 40_000


class Docker(Recorded):
    """The daemon's machine must know `folder` by the same name."""

    name = "docker"

    def __init__(self, folder: Path, *, socket: Path, image: str, ways: Ways, runtime: str = "") -> None:
        super().__init__(folder, ways)
        self._api = DockerApi(socket)
        self._image = image
        self._runtime = runtime

    async def doctor(self) -> ProbeReport:
        # Limits that the daemon only pretends to set let an attack through, and then nothing is run at all.
        isolation = "user-kernel" if "runsc" in self._runtime else "vm" if "kata" in self._runtime else "process"
        return await probe(self, Capabilities(isolation=isolation, memory=True, pids=True, disk=True))

    async def reap(self, now: datetime) -> Sequence[SandboxRef]:
        reaped = await super().reap(now)
        await self._remove_forgotten(now)
        return reaped

    def _check(self, spec: SandboxSpec) -> None:
        """The daemon enforces everything, and what it only pretends to the probe finds out."""

    async def _make(self, spec: SandboxSpec, sandbox_id: str, key: str, lease: timedelta, generation: int) -> Record:
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
            labels={_LABEL: self._records.installation, **spec.labels},
            command=(_PYTHON, "-I", "-S", f"{OURS}/{_START}", f"{OURS}/{DOOR}", SUPERVISOR, json.dumps(told)),
            runtime=self._runtime,
        )
        await self._start(container, folder)
        return self._written(record, state="ready")

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

    def _python(self) -> str:
        return _PYTHON

    def _link(self, sandbox_id: str) -> Link:
        return Link(partial(connect, self._records.folder(sandbox_id)))

    def _net(self, sandbox_id: str) -> Path:
        return self._records.folder(sandbox_id) / "seen" / "net"

    def _container(self, sandbox_id: str) -> str:
        return f"corrigent-{self._records.installation}-{sandbox_id}"

    async def _end(self, sandbox_id: str) -> None:
        await self._ways.forget(sandbox_id)
        await self._api.remove(self._container(sandbox_id))
        shutil.rmtree(self._records.folder(sandbox_id) / "seen", ignore_errors=True)
        self._records.clear(sandbox_id)

    async def _remove_forgotten(self, now: datetime) -> None:
        """Containers of ours whose record is gone: somebody emptied the folder."""
        known = {self._container(sandbox_id) for sandbox_id in self._records.ids()}
        for listed in await self._api.labelled(f"{_LABEL}={self._records.installation}"):
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
