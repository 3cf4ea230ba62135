"""Which system calls a sandbox may not make, whatever backend it has."""

import errno
from typing import NamedTuple


class Call(NamedTuple):
    """A system call's number on each machine; None where it has none."""

    x86_64: int | None
    aarch64: int | None


# Answered with EPERM: each reaches for the kernel, the machine or other namespaces, and no build or test needs it.
FORBIDDEN: dict[str, Call] = {
    # mounts
    "mount": Call(165, 40),
    "umount2": Call(166, 39),
    "pivot_root": Call(155, 41),
    "chroot": Call(161, 51),
    "open_tree": Call(428, 428),
    "open_tree_attr": Call(467, 467),
    "move_mount": Call(429, 429),
    "fsopen": Call(430, 430),
    "fsconfig": Call(431, 431),
    "fsmount": Call(432, 432),
    "fspick": Call(433, 433),
    "mount_setattr": Call(442, 442),
    # namespaces
    "unshare": Call(272, 97),
    "setns": Call(308, 268),
    # the kernel itself
    "bpf": Call(321, 280),
    "init_module": Call(175, 105),
    "finit_module": Call(313, 273),
    "delete_module": Call(176, 106),
    "kexec_load": Call(246, 104),
    "kexec_file_load": Call(320, 294),
    "perf_event_open": Call(298, 241),
    "userfaultfd": Call(323, 282),
    "lookup_dcookie": Call(212, 18),
    "nfsservctl": Call(180, 42),
    "syslog": Call(103, 116),
    "_sysctl": Call(156, None),
    "sysfs": Call(139, None),
    "uselib": Call(134, None),
    "iopl": Call(172, None),
    "ioperm": Call(173, None),
    "personality": Call(135, 92),
    # keys, which have no namespace of their own
    "add_key": Call(248, 217),
    "request_key": Call(249, 218),
    "keyctl": Call(250, 219),
    # files without their path
    "open_by_handle_at": Call(304, 265),
    "fanotify_init": Call(300, 262),
    # the machine
    "reboot": Call(169, 142),
    "swapon": Call(167, 224),
    "swapoff": Call(168, 225),
    "acct": Call(163, 89),
    "quotactl": Call(179, 60),
    "quotactl_fd": Call(443, 443),
    "vhangup": Call(153, 58),
    "settimeofday": Call(164, 170),
    "adjtimex": Call(159, 171),
    "clock_settime": Call(227, 112),
    "clock_adjtime": Call(305, 266),
    # other processes' memory and descriptors
    "process_vm_writev": Call(311, 271),
    "pidfd_getfd": Call(438, 438),
}
# Answered with ENOSYS, upon which programs take the older way.
ABSENT: dict[str, Call] = {
    "io_uring_setup": Call(425, 425),
    "io_uring_enter": Call(426, 426),
    "io_uring_register": Call(427, 427),
    # Its flags lie in memory, where no filter can see them; `clone` has them in a register.
    "clone3": Call(435, 435),
}
CLONE = Call(56, 220)
SOCKET = Call(41, 198)
IOCTL = Call(16, 29)

# CLONE_NEW{NS,CGROUP,UTS,IPC,USER,PID,NET}
NAMESPACES = 0x00020000 | 0x02000000 | 0x04000000 | 0x08000000 | 0x10000000 | 0x20000000 | 0x40000000
# AF_UNIX, AF_INET, AF_INET6; nothing else leads anywhere but to the kernel or the hypervisor (AF_VSOCK, AF_PACKET …).
FAMILIES = (1, 2, 10)
# Netlink is for reading addresses and routes alone.
NETLINK, NETLINK_ROUTE = 16, 0
# TIOCSTI and TIOCLINUX: writing into the terminal of whoever looks on.
TERMINAL_TRICKS = (0x5412, 0x541C)

NOT_PERMITTED, NO_SUCH_CALL = errno.EPERM, 38
