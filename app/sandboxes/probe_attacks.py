"""The attacks that are tried inside a sandbox before it is trusted; each says whether the sandbox held.

Run in there as `python3 -I -S - SECRETS` with this file as input, so the standard library is all it has. SECRETS is
what the host has ready to be found, as JSON. Each line of the output is one attack: its name, whether the sandbox
held, what was seen.
"""

import ctypes
import errno
import json
import os
import platform
import signal
import socket
import sys
from collections.abc import Callable
from typing import cast

_LIBC = ctypes.CDLL(None, use_errno=True)
_SYSCALL = _LIBC.syscall
# Numbers on x86-64 and arm64.
_ARM = platform.machine() in {"aarch64", "arm64"}
_IO_URING_SETUP, _MOVE_MOUNT, _CLONE3 = 425, 429, 435
_KEYCTL, _BPF, _USERFAULTFD = (219, 280, 282) if _ARM else (250, 321, 323)
_MOUNT, _UNSHARE, _PERSONALITY = (40, 97, 92) if _ARM else (165, 272, 135)
_PTRACE = 117 if _ARM else 101
_NEW_USER, _NEW_NET = 0x10000000, 0x40000000
_SEIZE = 0x4206
_VSOCK, _PACKET, _ALG = 40, 17, 38
_TIOCSTI = 0x5412
# Names a sandbox's programs may see in their environment, beside what a test brings.
_KNOWN = {
    *("PATH", "HOME", "USER", "LANG", "LC_CTYPE", "PWD", "SHLVL", "_", "HOSTNAME", "TERM"),
    "PYTHONDONTWRITEBYTECODE",
}

Held = tuple[bool, str]


def _refused(*call: int | bytes | None) -> Held:
    """Whether the kernel says no to a system call."""
    ctypes.set_errno(0)
    answer = _SYSCALL(*(ctypes.c_long(word) if isinstance(word, int) else word for word in call))
    return answer < 0, errno.errorcode.get(ctypes.get_errno(), "done") if answer < 0 else "done"


def _all(*held: Held) -> Held:
    return all(one for one, _ in held), ", ".join(seen for _, seen in held)


def _cannot(act: Callable[[], object]) -> Held:
    try:
        seen = act()
    except OSError as error:
        return True, errno.errorcode.get(error.errno or 0, str(error))
    return False, f"done: {seen!r}"[:80]


def host_files(secrets: dict[str, object]) -> Held:
    paths = [str(secrets["file"]), "/etc/shadow", "/var/run/docker.sock", "/run/docker.sock", "/proc/1/root/etc/shadow"]
    return _all(*(_cannot(lambda path=path: open(path, "rb").close()) for path in paths))


def host_environment(secrets: dict[str, object]) -> Held:
    unknown = sorted(set(os.environ) - _KNOWN)
    word = str(secrets["word"])
    found = [name for name, value in os.environ.items() if word in value]
    return not unknown and not found, f"besides the usual: {unknown}, with the secret: {found}"


def environment_of_the_first_process(_secrets: dict[str, object]) -> Held:
    return _cannot(lambda: open("/proc/1/environ", "rb").read(1))


def host_processes(secrets: dict[str, object]) -> Held:
    pid = cast("int", secrets["pid"])
    seen = [name for name in os.listdir("/proc") if name.isdigit()]
    gone, why = _cannot(lambda: os.kill(pid, 0)) if pid not in {os.getpid(), 1} and str(pid) not in seen else (True, "")
    return gone and len(seen) < 20, f"{len(seen)} to be seen {why}"


def first_process(_secrets: dict[str, object]) -> Held:
    """It cannot be killed, traced or read by those it looks after."""
    os.kill(1, signal.SIGKILL)
    os.kill(1, signal.SIGTERM)
    traced = _refused(_PTRACE, _SEIZE, 1, 0, 0)
    return _all(traced, _cannot(lambda: open("/proc/1/mem", "r+b").close()), _cannot(lambda: os.listdir("/proc/1/fd")))


def rights(_secrets: dict[str, object]) -> Held:
    with open("/proc/self/status") as file:
        status = dict(line.split(":", 1) for line in file.read().splitlines() if ":" in line)
    wanted = {"CapEff": 0, "CapPrm": 0, "CapBnd": 0, "NoNewPrivs": 1, "Seccomp": 2}
    seen = {name: int(status[name], 16) for name in wanted}
    # What may be gained is nothing when nothing new can be gained at all.
    held = all(seen[name] == value for name, value in wanted.items() if name != "CapBnd")
    return held and 0 not in {os.getuid(), os.geteuid(), os.getgid()}, f"user {os.getuid()}, {seen}"


def become_root(_secrets: dict[str, object]) -> Held:
    return _all(_cannot(lambda: os.setuid(0)), _cannot(lambda: os.setgroups([0])), _cannot(lambda: os.chroot("/usr")))


def network_addresses(_secrets: dict[str, object]) -> Held:
    def reach(family: int, address: tuple[str, int]) -> Held:
        with socket.socket(family, socket.SOCK_STREAM) as trying:
            trying.settimeout(3)
            return _cannot(lambda: trying.connect(address))

    names = [name for _, name in socket.if_nameindex() if name != "lo" and _is_up(name)]
    outside = reach(socket.AF_INET, ("192.0.2.1", 80)), reach(socket.AF_INET, ("169.254.169.254", 80))
    return _all((not names, f"interfaces {names}"), *outside, reach(socket.AF_INET6, ("2001:db8::1", 80)))


def _is_up(name: str) -> bool:
    """Kernels with tunnels built in show them everywhere, switched off."""
    try:
        with open(f"/sys/class/net/{name}/operstate") as file:
            return file.read().strip() != "down"
    except OSError:
        return name.startswith(("eth", "en", "veth", "wl"))


def names(_secrets: dict[str, object]) -> Held:
    return _cannot(lambda: socket.getaddrinfo("example.com", 443))


def host_services(secrets: dict[str, object]) -> Held:
    """Ports of the host's loopback, and its sockets that have no path."""

    def loopback() -> None:
        socket.create_connection(("127.0.0.1", cast("int", secrets["port"])), timeout=3).close()

    def pathless() -> None:
        with socket.socket(socket.AF_UNIX) as trying:
            trying.connect("\0" + str(secrets["abstract"]))

    return _all(_cannot(loopback), _cannot(pathless))


def other_sockets(_secrets: dict[str, object]) -> Held:
    """To the hypervisor, to the wire, to the kernel's ciphers."""
    kinds = ((_VSOCK, socket.SOCK_STREAM), (_PACKET, socket.SOCK_RAW), (_ALG, socket.SOCK_SEQPACKET))
    return _all(*(_cannot(lambda kind=kind: socket.socket(*kind).close()) for kind in kinds))


def io_uring(_secrets: dict[str, object]) -> Held:
    return _refused(_IO_URING_SETUP, 1, ctypes.create_string_buffer(120).raw)


def keys(_secrets: dict[str, object]) -> Held:
    return _refused(_KEYCTL, 0, -3, 1)


def kernel_programs(_secrets: dict[str, object]) -> Held:
    return _all(_refused(_BPF, 0, ctypes.create_string_buffer(72).raw, 72), _refused(_USERFAULTFD, 1))


def namespaces(_secrets: dict[str, object]) -> Held:
    return _all(_refused(_UNSHARE, _NEW_USER), _refused(_UNSHARE, _NEW_NET), _refused(_CLONE3, 0, 0))


def mounts(_secrets: dict[str, object]) -> Held:
    return _all(
        _refused(_MOUNT, b"none\0", b"/work\0", b"tmpfs\0", 0, 0), _refused(_MOVE_MOUNT, -1, b"\0", -1, b"\0", 0)
    )


def other_personality(_secrets: dict[str, object]) -> Held:
    return _refused(_PERSONALITY, 0x0040000)


def kernel_settings(_secrets: dict[str, object]) -> Held:
    """Writing core_pattern is being root on the host."""
    paths = (
        "/proc/sys/kernel/core_pattern",
        "/proc/sys/kernel/modprobe",
        "/proc/sysrq-trigger",
        "/proc/1/oom_score_adj",
    )
    return _all(*(_cannot(lambda path=path: os.close(os.open(path, os.O_WRONLY))) for path in paths))


def programs_are_read_only(_secrets: dict[str, object]) -> Held:
    folders = ("/usr", "/etc", "/", "/dev", "/run/corrigent")
    return _all(*(_cannot(lambda folder=folder: open(f"{folder}/probe", "w").close()) for folder in folders))


def devices(_secrets: dict[str, object]) -> Held:
    allowed = {"null", "zero", "full", "random", "urandom", "tty", "ptmx", "console"}
    seen = [name for name in os.listdir("/dev") if name not in allowed and _is_device(f"/dev/{name}")]
    made = _cannot(lambda: os.mknod("/work/disk", 0o60666, os.makedev(254, 0)))
    return _all((not seen, f"devices {seen}"), made)


def _is_device(path: str) -> bool:
    mode = os.lstat(path).st_mode
    return bool(mode & 0o020000) and (mode & 0o170000) in {0o020000, 0o060000}


def writing_to_terminals(_secrets: dict[str, object]) -> Held:
    _, inside = os.openpty()
    return _refused(29 if _ARM else 16, inside, _TIOCSTI, b"x")


def sockets_of_the_host(_secrets: dict[str, object]) -> Held:
    """Nothing that can be replaced, for the host to call in our stead."""
    found = [
        os.path.join(folder, name)
        for root in ("/run", "/tmp", "/work")  # noqa: S108 - inside
        for folder, _, files in os.walk(root)
        for name in files
        if os.lstat(os.path.join(folder, name)).st_mode & 0o170000 == 0o140000
    ]
    return not found, f"sockets {found}"


ATTACKS = (
    host_files,
    host_environment,
    environment_of_the_first_process,
    host_processes,
    first_process,
    rights,
    become_root,
    network_addresses,
    names,
    host_services,
    other_sockets,
    io_uring,
    keys,
    kernel_programs,
    namespaces,
    mounts,
    other_personality,
    kernel_settings,
    programs_are_read_only,
    devices,
    writing_to_terminals,
    sockets_of_the_host,
)


def main() -> None:
    secrets = json.loads(sys.argv[1])
    for attack in ATTACKS:
        try:
            held, seen = attack(secrets)
        except (OSError, ValueError, KeyError) as error:
            # An attack that could not be made proves nothing.
            held, seen = False, f"could not be tried: {error!r}"
        sys.stdout.write(json.dumps([attack.__name__, held, seen[:300]]) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
