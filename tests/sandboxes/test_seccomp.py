"""What the filter of system calls says, run by a small machine of ours, for both kinds of processor."""

import struct

import pytest

from app.sandboxes import seccomp
from app.sandboxes import seccomp_rules as rules

ALLOWED, KILLED, EPERM, ENOSYS = 0x7FFF0000, 0x80000000, 0x00050001, 0x00050026
MACHINES: tuple[tuple[seccomp.Machine, int], ...] = (("x86_64", 0xC000003E), ("aarch64", 0xC00000B7))


def judged(machine: seccomp.Machine, number: int, *arguments: int, architecture: int | None = None) -> int:
    """What the kernel would answer to a call."""
    audit = dict(MACHINES)[machine] if architecture is None else architecture
    words = [number, audit, 0, 0, *(half for each in [*arguments, 0, 0, 0] for half in (each & 0xFFFFFFFF, each >> 32))]
    program = seccomp.program(machine)
    steps = [struct.unpack_from("=HBBI", program, at) for at in range(0, len(program), 8)]
    accumulator, at = 0, 0
    while True:
        code, yes, no, constant = steps[at]
        at += 1
        match code:
            case 0x20:
                accumulator = words[constant // 4]
            case 0x06:
                return constant
            case 0x15:
                at += yes if accumulator == constant else no
            case 0x35:
                at += yes if accumulator >= constant else no
            case _:
                assert code == 0x45
                at += yes if accumulator & constant else no


def number(call: rules.Call, machine: seccomp.Machine) -> int | None:
    return call.x86_64 if machine == "x86_64" else call.aarch64


@pytest.mark.parametrize(("machine", "_audit"), MACHINES)
def test_every_call_of_the_table_is_answered_as_it_says(machine: seccomp.Machine, _audit: int) -> None:
    for calls, answer in ((rules.FORBIDDEN, EPERM), (rules.ABSENT, ENOSYS)):
        for name, call in calls.items():
            if (wanted := number(call, machine)) is not None:
                assert judged(machine, wanted) == answer, name


@pytest.mark.parametrize(("machine", "_audit"), MACHINES)
def test_ordinary_calls_pass(machine: seccomp.Machine, _audit: int) -> None:
    ordinary = (0, 1, 9, 59, 60, 257) if machine == "x86_64" else (56, 63, 64, 221, 222)
    assert {judged(machine, one) for one in ordinary} == {ALLOWED}


@pytest.mark.parametrize(("machine", "_audit"), MACHINES)
@pytest.mark.parametrize(
    ("call", "arguments", "answer"),
    [
        (rules.CLONE, (0x00000011,), ALLOWED),
        (rules.CLONE, (0x10000011,), EPERM),
        (rules.CLONE, (0x40000000,), EPERM),
        (rules.CLONE, (0x00020000,), EPERM),
        (rules.SOCKET, (1, 1, 0), ALLOWED),
        (rules.SOCKET, (2, 1, 6), ALLOWED),
        (rules.SOCKET, (10, 2, 0), ALLOWED),
        (rules.SOCKET, (16, 3, 0), ALLOWED),
        (rules.SOCKET, (16, 3, 12), EPERM),
        (rules.SOCKET, (40, 1, 0), EPERM),
        (rules.SOCKET, (17, 3, 0), EPERM),
        (rules.SOCKET, (38, 5, 0), EPERM),
        # The kernel looks at the low half alone; so must we.
        (rules.SOCKET, (40 | 1 << 32, 1, 0), EPERM),
        (rules.IOCTL, (1, 0x5401), ALLOWED),
        (rules.IOCTL, (1, 0x5412), EPERM),
        (rules.IOCTL, (1, 0x5412 | 1 << 32), EPERM),
        (rules.IOCTL, (1, 0x541C), EPERM),
    ],
)
def test_arguments_decide(
    machine: seccomp.Machine, _audit: int, call: rules.Call, arguments: tuple[int, ...], answer: int
) -> None:
    assert judged(machine, number(call, machine) or 0, *arguments) == answer


def test_other_numbers_of_the_same_machine_do_not_pass() -> None:
    assert judged("x86_64", 0x40000000 | 165) == ENOSYS
    assert judged("x86_64", 0xFFFFFFFF) == ENOSYS
    # 32-bit programs have other numbers for the same calls.
    assert judged("x86_64", 21, architecture=0x40000003) == KILLED
    assert judged("aarch64", 40, architecture=0x40000028) == KILLED
