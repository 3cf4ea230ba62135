"""What bubblewrap is told: what can be seen inside, what can be written, and nothing of the host's besides."""

import json
import marshal
import os
import sys
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import cache
from importlib.resources import files
from importlib.util import MAGIC_NUMBER, source_hash
from pathlib import Path

from app.sandboxes.base import HOME, WORK, Limits

# The user inside; who that is outside is decided by whoever starts bubblewrap.
UID = 1000
SUPERVISOR = "/run/corrigent/app/sandboxes/inside/supervisor.py"
# Where the supervisor looks for the kernel's counters, memory first (inside/limits.py).
COUNTERS = ("/run/corrigent/memory", "/run/corrigent/pids")
# How long after its lease does a sandbox end itself, should nobody come to destroy it?
LEASE_GRACE = timedelta(seconds=15)

# From /etc what programs need in order to start. Nothing else of it: that is where machines keep their secrets.
_SYSTEM_FILES = (
    *("alternatives", "ssl/certs", "ssl/openssl.cnf", "ca-certificates", "pki/tls/certs", "pki/ca-trust/extracted"),
    *("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "fonts", "localtime", "mime.types", "protocols", "services"),
    *("perl", "python3", "terminfo", "magic", "crypto-policies"),
)
_OLD_ROOTS = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
_MADE_FILES = {
    "/etc/passwd": f"root:x:0:0::/:/usr/sbin/nologin\nsandbox:x:{UID}:{UID}::{HOME}:/bin/sh\n",
    "/etc/group": f"root:x:0:\nsandbox:x:{UID}:\n",
    "/etc/hosts": "127.0.0.1 localhost sandbox\n::1 localhost\n",
    "/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
    # No server is named: names are resolved by the proxy, or not at all.
    "/etc/resolv.conf": "",
}


def environment(env: Mapping[str, str]) -> dict[str, str]:
    """What a command sees: this, and what was asked for."""
    return {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": HOME,
        "USER": "sandbox",
        "LANG": "C.UTF-8",
        # A file that is edited twice in a second may keep its time and size: Python would run the old one.
        "PYTHONDONTWRITEBYTECODE": "1",
        **env,
    }


def fitted(limits: Limits, machine_bytes: int) -> Limits:
    """What a sandbox may write lies in memory as well, so both together leave the machine a quarter."""
    memory = min(limits.memory_bytes, machine_bytes // 2)
    return limits.model_copy(update={"memory_bytes": memory, "disk_bytes": min(limits.disk_bytes, machine_bytes // 4)})


def in_memory(limits: Limits) -> Limits:
    """The same for a control group, which counts files in memory as memory."""
    return limits.model_copy(update={"memory_bytes": limits.memory_bytes + limits.disk_bytes})


def supervisor_settings(limits: Limits, lease: timedelta, *, watch: bool) -> dict[str, object]:
    return {
        "limits": {
            "memory_bytes": limits.memory_bytes,
            "pids": limits.pids,
            "disk_bytes": limits.disk_bytes,
            "watch": watch,
        },
        "wall": limits.wall.total_seconds(),
        "lease": (lease + LEASE_GRACE).total_seconds(),
    }


@cache
def inside_programs() -> Mapping[str, bytes]:
    """The supervisor's files by their place inside; no backend needs more than these and a Python."""
    folder, made = files("app.sandboxes.inside"), dict[str, bytes]()
    for file in folder.iterdir():
        if file.name.endswith(".py") and file.name != "__init__.py":
            source, place = file.read_bytes(), f"{Path(SUPERVISOR).parent}/{file.name}"
            made[place] = source
            name = f"{file.name.removesuffix('.py')}.{sys.implementation.cache_tag}.pyc"
            made[f"{Path(SUPERVISOR).parent}/__pycache__/{name}"] = _compiled(source, place)
    return made


def _compiled(source: bytes, place: str) -> bytes:
    """So that a third of a sandbox's start is not spent on compiling; another version of Python looks elsewhere."""
    # As PEP 552 has it: belongs to this source, and is not to be compared with it.
    head = MAGIC_NUMBER + (1).to_bytes(4, "little") + source_hash(source)
    return head + marshal.dumps(compile(source, place, "exec", dont_inherit=True, optimize=0))


def arguments(
    limits: Limits,
    python: str,
    counters: Mapping[str, str],
    settings: Mapping[str, object],
    descriptor: Callable[[bytes], int],
) -> list[str]:
    """The command line after `bwrap`. `counters` are files outside by their places inside; `descriptor` keeps some
    bytes open for bubblewrap to read."""
    return [
        # With all namespaces alone, that of users would be optional.
        *("--unshare-all", "--unshare-user", "--disable-userns"),
        *("--new-session", "--as-pid-1", "--clearenv", "--cap-drop", "ALL"),
        *("--uid", str(UID), "--gid", str(UID), "--hostname", "sandbox"),
        *_system(),
        *_writable(limits),
        *_made({**{path: text.encode() for path, text in _MADE_FILES.items()}, **inside_programs()}, descriptor),
        *(word for counter, inside in counters.items() for word in ("--ro-bind", counter, inside)),
        # What holds all this is a tmpfs itself; writable it would be a place without a limit.
        *("--remount-ro", "/dev", "--remount-ro", "/", "--chdir", WORK),
        *("--", python, "-I", "-S", SUPERVISOR, json.dumps(settings)),
    ]


def _system() -> list[str]:
    made = ["--ro-bind", "/usr", "/usr"]
    for root in _OLD_ROOTS:
        path = Path("/", root)
        if path.is_symlink():
            made += ["--symlink", os.readlink(path), str(path)]
        elif path.is_dir():
            made += ["--ro-bind", str(path), str(path)]
    java = [path.name for path in Path("/etc").glob("java-*")]
    for name in (*_SYSTEM_FILES, *java):
        made += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    return [*made, "--proc", "/proc", "--dev", "/dev"]


def _writable(limits: Limits) -> list[str]:
    """Three quarters for the code, one for everything else."""
    code = limits.disk_bytes * 3 // 4
    shared = min(256 * 1024**2, limits.memory_bytes // 4)
    return [
        *("--size", str(shared), "--perms", "1777", "--tmpfs", "/dev/shm"),  # noqa: S108 - inside
        *("--size", str(limits.disk_bytes - code), "--perms", "1777", "--tmpfs", "/tmp"),  # noqa: S108 - inside
        *("--size", str(code), "--tmpfs", WORK),
    ]


def _made(contents: Mapping[str, bytes], descriptor: Callable[[bytes], int]) -> list[str]:
    made = list[str]()
    for path, content in contents.items():
        made += ["--perms", "0444", "--file", str(descriptor(content)), path]
    return made
