"""The rules for system calls as a program for the kernel (classic BPF), for the machine we are on."""

import platform
import struct
from collections.abc import Sequence
from typing import Literal

from app.sandboxes import seccomp_rules as rules

Machine = Literal["x86_64", "aarch64"]

# struct seccomp_data: number, architecture, instruction pointer, then six 64-bit arguments, low half first.
_NUMBER, _ARCHITECTURE = 0, 4
_AUDIT: dict[Machine, int] = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
# Calls of the x32 kind have their own numbers on the same machine.
_X32 = 0x40000000

_LOAD, _IF_EQUAL, _IF_AT_LEAST, _IF_ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL, _ERROR = 0x7FFF0000, 0x80000000, 0x00050000

# Code, jump if true, jump if false, constant.
Instruction = tuple[int, int, int, int]


def machine() -> Machine | None:
    """None for a machine whose calls we do not know; there nothing is run."""
    match platform.machine().lower():
        case "x86_64" | "amd64":
            return "x86_64"
        case "aarch64" | "arm64":
            return "aarch64"
        case _:
            return None


def program(on: Machine) -> bytes:
    """What bubblewrap's --seccomp reads."""
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in _instructions(on))


def _instructions(on: Machine) -> list[Instruction]:
    built: list[Instruction] = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        # Another architecture has other numbers: none of the rules below would mean what they say.
        (_IF_EQUAL, 1, 0, _AUDIT[on]),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
    ]
    if on == "x86_64":
        built += [(_IF_AT_LEAST, 0, 1, _X32), _no(rules.NO_SUCH_CALL)]
    for calls, error in ((rules.FORBIDDEN, rules.NOT_PERMITTED), (rules.ABSENT, rules.NO_SUCH_CALL)):
        for number in filter(None, (_number(call, on) for call in calls.values())):
            built += [(_IF_EQUAL, 0, 1, number), _no(error)]
    return [*built, *_clone(on), *_ioctl(on), *_socket(on), (_RETURN, 0, 0, _ALLOW)]


def _no(error: int) -> Instruction:
    return (_RETURN, 0, 0, _ERROR | error)


def _number(call: rules.Call, on: Machine) -> int | None:
    return call.x86_64 if on == "x86_64" else call.aarch64


def _argument(place: int) -> Instruction:
    """Load the low half: the kernel looks at no more of these."""
    return (_LOAD, 0, 0, 16 + 8 * place)


def _only(call: rules.Call, on: Machine, body: Sequence[Instruction]) -> list[Instruction]:
    """Done only for that call; with the accumulator holding the number before and after, when it is another."""
    return [(_IF_EQUAL, 0, len(body), _number(call, on) or 0), *body]


def _clone(on: Machine) -> list[Instruction]:
    allow = (_RETURN, 0, 0, _ALLOW)
    return _only(
        rules.CLONE, on, [_argument(0), (_IF_ANY_BIT, 0, 1, rules.NAMESPACES), _no(rules.NOT_PERMITTED), allow]
    )


def _ioctl(on: Machine) -> list[Instruction]:
    body = [_argument(1)]
    for request in rules.TERMINAL_TRICKS:
        body += [(_IF_EQUAL, 0, 1, request), _no(rules.NOT_PERMITTED)]
    return _only(rules.IOCTL, on, [*body, (_RETURN, 0, 0, _ALLOW)])


def _socket(on: Machine) -> list[Instruction]:
    allow = (_RETURN, 0, 0, _ALLOW)
    body = [_argument(0)]
    for family in rules.FAMILIES:
        body += [(_IF_EQUAL, 0, 1, family), allow]
    body += [(_IF_EQUAL, 1, 0, rules.NETLINK), _no(rules.NOT_PERMITTED)]
    body += [_argument(2), (_IF_EQUAL, 1, 0, rules.NETLINK_ROUTE), _no(rules.NOT_PERMITTED), allow]
    return _only(rules.SOCKET, on, body)
