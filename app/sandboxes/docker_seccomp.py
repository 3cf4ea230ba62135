"""The rules for system calls in the form that Docker and Podman read; the same rules as everywhere."""

import json

from pydantic import JsonValue

from app.sandboxes import seccomp_rules as rules

ARCHITECTURES = {"amd64": "SCMP_ARCH_X86_64", "arm64": "SCMP_ARCH_AARCH64"}
_LOW_HALF = 0xFFFFFFFF
# Families up to Netlink's that are not allowed; those beyond it are refused by one comparison.
_REFUSED_FAMILIES = [family for family in range(rules.NETLINK) if family not in rules.FAMILIES]


def profile(arch: str) -> str:
    """As JSON, for one of ARCHITECTURES."""
    flags = [1 << bit for bit in range(32) if rules.NAMESPACES & 1 << bit]
    calls: list[JsonValue] = [
        _refuse([*rules.FORBIDDEN], rules.NOT_PERMITTED),
        _refuse([*rules.ABSENT], rules.NO_SUCH_CALL),
        # Rules of one call are alternatives: each flag, family or request alone is enough.
        *(_refuse(["clone"], rules.NOT_PERMITTED, _bits(0, flag, flag)) for flag in flags),
        *(_refuse(["ioctl"], rules.NOT_PERMITTED, _bits(1, _LOW_HALF, trick)) for trick in rules.TERMINAL_TRICKS),
        *(_refuse(["socket"], rules.NOT_PERMITTED, _bits(0, _LOW_HALF, one)) for one in _REFUSED_FAMILIES),
        _refuse(["socket"], rules.NOT_PERMITTED, _compare(0, "SCMP_CMP_GT", rules.NETLINK)),
        _refuse(
            ["socket"],
            rules.NOT_PERMITTED,
            _compare(0, "SCMP_CMP_EQ", rules.NETLINK),
            _compare(2, "SCMP_CMP_NE", rules.NETLINK_ROUTE),
        ),
    ]
    # A call of another architecture than those named ends the program.
    return json.dumps({"defaultAction": "SCMP_ACT_ALLOW", "architectures": [ARCHITECTURES[arch]], "syscalls": calls})


def _refuse(names: list[JsonValue], error: int, *arguments: JsonValue) -> JsonValue:
    return {"names": names, "action": "SCMP_ACT_ERRNO", "errnoRet": error, "args": [*arguments]}


def _compare(place: int, how: str, value: int) -> JsonValue:
    return {"index": place, "op": how, "value": value}


def _bits(place: int, mask: int, value: int) -> JsonValue:
    return {"index": place, "op": "SCMP_CMP_MASKED_EQ", "value": mask, "valueTwo": value}
