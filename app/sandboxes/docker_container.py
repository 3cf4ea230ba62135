"""What a container is created with: nothing of the machine but what is named, no network, no rights, hard limits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import JsonValue

from app.sandboxes.base import HOME, WORK, Limits
from app.sandboxes.bubblewrap_arguments import in_memory
from app.sandboxes.docker_api import Engine

# Where our folder is seen inside.
OURS = "/run/corrigent"
# How much of the disk may a browser use as shared memory?
_SHARED_MEMORY = 256 * 1024**2
_FILES_AT_ONCE = 16384


@dataclass(frozen=True, kw_only=True)
class Container:
    """All that differs between two containers."""

    engine: Engine
    image_id: str
    # Whom everything runs as. No image gives such a number rights, and no two sandboxes share one: the kernel counts
    # a user's processes over all containers together.
    uid: int
    limits: Limits
    # Our folder of this sandbox, as the daemon's machine names it; read-only inside. It holds `people` too.
    ours: Path
    # Read-only folders of the daemon's machine, as (outside, inside).
    programs: Sequence[tuple[str, str]]
    # As the daemon reads it: the profile itself, or for Podman a file.
    seccomp: str
    labels: Mapping[str, str]
    command: Sequence[str]
    # Another of the daemon's runtimes, such as gVisor's `runsc`; empty for its own choice.
    runtime: str = ""

    def body(self) -> dict[str, JsonValue]:
        """As `POST /containers/create` takes it."""
        return {
            "Image": self.image_id,
            "Entrypoint": [*self.command],
            "Cmd": [],
            "User": f"{self.uid}:{self.uid}",
            "WorkingDir": "/",
            "Hostname": "sandbox",
            # An image may name a program that the daemon would run beside ours.
            "Healthcheck": {"Test": ["NONE"]},
            "Labels": {**self.labels},
            "StopTimeout": 1,
            "NetworkDisabled": True,
            "HostConfig": self._host(),
        }

    def _host(self) -> dict[str, JsonValue]:
        return {
            "NetworkMode": "none",
            "ReadonlyRootfs": True,
            "Privileged": False,
            "CapDrop": ["ALL"],
            "SecurityOpt": ["no-new-privileges", f"seccomp={self.seccomp}"],
            "IpcMode": "private",
            "ShmSize": _SHARED_MEMORY,
            "Init": False,
            "AutoRemove": False,
            "RestartPolicy": {"Name": "no"},
            # What PID 1 would write there nobody reads, and it would fill the machine's disk.
            "LogConfig": {"Type": "none"},
            "Tmpfs": self._writable(),
            "Mounts": [
                {"Type": "bind", "Source": outside, "Target": inside, "ReadOnly": True}
                for outside, inside in ((str(self.ours), OURS), *self._people(), *self.programs)
            ],
            **self._limits(),
            **({"Runtime": self.runtime} if self.runtime else {}),
        }

    def _people(self) -> Sequence[tuple[str, str]]:
        """Programs ask who they run as, and some give up when the answer is nobody."""
        return [(str(self.ours / name), f"/etc/{name}") for name in ("passwd", "group")]

    def _limits(self) -> dict[str, JsonValue]:
        # What is written lies in memory: the kernel counts it there, and enforces both figures to the byte.
        memory = in_memory(self.limits).memory_bytes
        return {
            "Memory": memory,
            # With swap: the same figure, so none.
            "MemorySwap": memory,
            "PidsLimit": self.limits.pids,
            "NanoCpus": int(self.limits.cores * 1_000_000_000),
            # Named always: the daemons' own defaults are higher than a process without CAP_SYS_RESOURCE may set.
            "Ulimits": [
                {"Name": name, "Soft": most, "Hard": most}
                for name, most in (("core", 0), ("nofile", _FILES_AT_ONCE), ("nproc", self.limits.pids))
            ],
        }

    def _writable(self) -> dict[str, JsonValue]:
        # By owner and not by mode: runc gives such a folder the mode it has in the image, whatever is asked for.
        owner = "U" if self.engine == "podman" else f"uid={self.uid},gid={self.uid}"
        options = f"rw,exec,nosuid,nodev,{owner}"
        code = self.limits.disk_bytes * 3 // 4
        # The folder for anything is the container's own.
        return {WORK: f"{options},size={code}", "/tmp": f"{options},size={self.limits.disk_bytes - code}"}  # noqa: S108


def people(uid: int) -> Mapping[str, str]:
    """/etc/passwd and /etc/group, by the names they have in `ours`."""
    return {
        "passwd": f"root:x:0:0::/:/usr/sbin/nologin\nsandbox:x:{uid}:{uid}::{HOME}:/bin/sh\n",
        "group": f"root:x:0:\nsandbox:x:{uid}:\n",
    }
