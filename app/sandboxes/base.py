"""What Corrigent asks of a sandbox: run foreign code where there is no secret, no network and no way out."""

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal, Protocol

from pydantic import Field

from app.domain.model import Frozen

# Whose code it is: outsiders' needs memory and process limits by cgroup, members' may do with rlimits and a watchdog.
Trust = Literal["member", "outsider"]
# During `setup` the allow-list of the spec may be reached; from `agent` on nothing may, and there is no way back.
Phase = Literal["setup", "agent"]
# How a command ended; everything but "exited" is a limit or an accident, told to whoever ran it.
Ending = Literal["exited", "signalled", "timeout", "out_of_memory", "too_many_processes", "disk_full", "lost"]

# Where the code lies inside.
WORK = "/work"
# Where programs keep what they install for a person; like the code it may be snapshotted.
HOME = "/tmp/home"  # noqa: S108 — inside the sandbox, where nobody else is


class SandboxGone(Exception):
    """There is no such sandbox any more, or it does not answer; a new one has to be made."""


class TooLarge(Exception):
    """The files that were asked for are larger than the caller allowed."""


class NotDone(Exception):
    """The sandbox could not do what was asked (a full disk, a folder that is a file); the message says why."""


class Limits(Frozen):
    """What a sandbox may use. Bytes, cores as a fraction, and wall-clock time from its creation."""

    memory_bytes: int = 2 * 1024**3
    pids: int = 512
    cores: float = 2.0
    disk_bytes: int = 4 * 1024**3
    wall: timedelta = timedelta(hours=1)
    # Of one command, head and tail kept.
    output_bytes: int = 200_000


class Host(Frozen):
    """A name and port that may be reached during setup; `name` may begin with `*.`."""

    name: str
    port: int = 443


class SandboxSpec(Frozen):
    """What a sandbox is to be. The environment is exactly `env` and what the backend needs: nothing is inherited."""

    trust: Trust
    limits: Limits = Limits()
    setup_hosts: tuple[Host, ...] = ()
    # Whether setup may use the operator's private registries; outsiders' never may.
    registries: bool = False
    env: dict[str, str] = Field(default_factory=dict)
    # Read-only folders of this machine that hold programs, as (outside, inside).
    programs: tuple[tuple[str, str], ...] = ()
    labels: dict[str, str] = Field(default_factory=dict)


class SandboxRef(Frozen):
    """A sandbox by data alone, so that another process can reach it after a crash."""

    backend: str
    sandbox_id: str
    # The gateway of the machine it is on, as name:port; empty for this one.
    host: str = ""
    # What that gateway wants to hear from whoever works in it; of use only together with a certificate.
    token: str = Field(default="", repr=False)
    generation: int = 1
    lease_until: datetime


class Command(Frozen):
    """A program to run inside. The same `exec_id` never runs twice: a second call attaches to the first."""

    exec_id: str
    argv: tuple[str, ...]
    cwd: str = WORK
    env: dict[str, str] = Field(default_factory=dict)
    stdin: bytes = b""
    within: timedelta = timedelta(minutes=5)
    output_bytes: int = 200_000
    # With a terminal of 120 by 40, for programs that draw.
    terminal: bool = False


class Output(Frozen):
    """What a command wrote, stdout and stderr together, from `offset` bytes of its whole output."""

    offset: int
    data: bytes


class Ended(Frozen):
    ending: Ending
    # None unless it exited by itself.
    exit_code: int | None
    # Bytes written in all, kept or not.
    output_bytes: int
    seconds: float


class Capabilities(Frozen):
    """What a backend really enforces on this machine, found out by its probe."""

    isolation: Literal["process", "user-kernel", "vm"]
    memory: bool
    pids: bool
    disk: bool


class Probe(Frozen):
    """One attack that was tried inside a real sandbox."""

    name: str
    held: bool
    detail: str = ""


class ProbeReport(Frozen):
    """What the attacks found; a backend is used only when all that must hold held."""

    backend: str
    probes: tuple[Probe, ...]
    capabilities: Capabilities
    # Why it cannot be used at all ("bwrap is not installed"); empty when it could be tried.
    unusable: str = ""

    @property
    def passed(self) -> bool:
        return not self.unusable and bool(self.probes) and all(probe.held for probe in self.probes)


class Access(Protocol):
    """What can be done in a sandbox that is there, be it on this machine or behind the gateway of another."""

    def run(self, ref: SandboxRef, command: Command, offset: int = 0) -> AsyncGenerator[Output | Ended]:
        """Start it, or attach to it from `offset`; ends with one Ended. SandboxGone when the sandbox is not there."""
        ...

    async def kill(self, ref: SandboxRef, exec_id: str) -> None: ...

    async def put(self, ref: SandboxRef, tar: bytes, folder: str = WORK) -> None:
        """Unpack inside; existing files are replaced."""
        ...

    async def get(self, ref: SandboxRef, paths: Sequence[str], max_bytes: int) -> bytes:
        """A tar made inside of those paths (absolute, or below /work); sockets and devices are left out."""
        ...

    async def renew(self, ref: SandboxRef, lease: timedelta) -> SandboxRef: ...


class Backend(Access, Protocol):
    """One kind of sandbox on this machine."""

    name: str

    async def doctor(self) -> ProbeReport:
        """Run the probe inside a real sandbox. Never raises for a machine that lacks something: it says so."""
        ...

    async def provision(self, spec: SandboxSpec, key: str, lease: timedelta) -> SandboxRef:
        """A running sandbox; the same key gives the same one while it lives. Refused where `spec` asks for more than
        this machine enforces."""
        ...

    async def close_network(self, ref: SandboxRef) -> None:
        """From setup to agent: from now on nothing may be reached."""
        ...

    async def destroy(self, ref: SandboxRef) -> None:
        """Nothing is left: no process, folder, cgroup or mount. One that is gone already is fine."""
        ...

    async def reap(self, now: datetime) -> Sequence[SandboxRef]:
        """Destroy those whose lease is over, whoever made them; what was destroyed."""
        ...


class Ran(Frozen):
    """A command's end and its output, the middle left out where it was long."""

    ended: Ended
    output: bytes

    @property
    def passed(self) -> bool:
        return self.ended.ending == "exited" and self.ended.exit_code == 0


class Room(Protocol):
    """A sandbox as those see it who work in it: the agent's tools and the prover. `app/sandboxes/room.py` makes one."""

    async def run(
        self,
        argv: Sequence[str],
        *,
        exec_id: str = "",
        cwd: str = WORK,
        env: Mapping[str, str] | None = None,
        stdin: bytes = b"",
        within: timedelta = timedelta(minutes=5),
        output_bytes: int = 200_000,
        watch: Callable[[bytes], None] | None = None,
    ) -> Ran:
        """Run to its end. Without an exec_id each call is a new command. `watch` is told what it prints meanwhile."""
        ...

    async def write(self, files: Mapping[str, bytes], folder: str = WORK) -> None: ...

    async def read(self, paths: Sequence[str], *, max_bytes: int = 10_000_000) -> Mapping[str, bytes]:
        """Plain files among those paths by the path asked for; what is not a plain file is left out."""
        ...
