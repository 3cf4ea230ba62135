"""What a container is created with, and the rules for system calls that go with it."""

import json
from pathlib import Path
from typing import cast

import pytest
from pydantic import JsonValue

from app.sandboxes import seccomp_rules
from app.sandboxes.base import Limits
from app.sandboxes.docker_api import Engine
from app.sandboxes.docker_container import Container, people
from app.sandboxes.docker_seccomp import profile

LIMITS = Limits(memory_bytes=1000, pids=50, cores=1.5, disk_bytes=400)


def body(engine: Engine = "docker", runtime: str = "") -> dict[str, JsonValue]:
    return Container(
        engine=engine,
        image_id="sha256:abc",
        uid=30_000,
        limits=LIMITS,
        ours=Path("/home/corrigent/seen"),
        programs=(("/opt/node", "/opt/node"),),
        seccomp="{}",
        labels={"a": "b"},
        command=("python3", "start.py"),
        runtime=runtime,
    ).body()


def host(engine: Engine = "docker", runtime: str = "") -> dict[str, JsonValue]:
    return cast("dict[str, JsonValue]", body(engine, runtime)["HostConfig"])


def test_a_container_has_no_rights_no_network_and_hard_limits() -> None:
    assert {name: host()[name] for name in ("NetworkMode", "ReadonlyRootfs", "Privileged", "CapDrop", "Init")} == {
        "NetworkMode": "none",
        "ReadonlyRootfs": True,
        "Privileged": False,
        "CapDrop": ["ALL"],
        "Init": False,
    }
    assert host()["SecurityOpt"] == ["no-new-privileges", "seccomp={}"]
    assert (host()["Memory"], host()["MemorySwap"], host()["PidsLimit"]) == (1400, 1400, 50)
    assert host()["NanoCpus"] == 1_500_000_000
    assert host()["Ulimits"] == [
        {"Name": "core", "Soft": 0, "Hard": 0},
        {"Name": "nofile", "Soft": 16384, "Hard": 16384},
        {"Name": "nproc", "Soft": 50, "Hard": 50},
    ]


def test_nothing_of_the_machine_is_seen_but_what_is_named_and_none_of_it_written() -> None:
    mounts = cast("list[dict[str, JsonValue]]", host()["Mounts"])
    assert all(mount["ReadOnly"] for mount in mounts)
    assert [(mount["Source"], mount["Target"]) for mount in mounts] == [
        ("/home/corrigent/seen", "/run/corrigent"),
        ("/home/corrigent/seen/passwd", "/etc/passwd"),
        ("/home/corrigent/seen/group", "/etc/group"),
        ("/opt/node", "/opt/node"),
    ]
    assert "Binds" not in host()


@pytest.mark.parametrize(("engine", "owner"), [("docker", "uid=30000,gid=30000"), ("podman", "U")])
def test_what_is_written_lies_in_memory_of_a_fixed_size_and_is_the_sandboxs_own(engine: Engine, owner: str) -> None:
    assert host(engine)["Tmpfs"] == {
        "/work": f"rw,exec,nosuid,nodev,{owner},size=300",
        "/tmp": f"rw,exec,nosuid,nodev,{owner},size=100",  # noqa: S108 - inside
    }


def test_the_images_own_program_user_and_health_check_do_not_run() -> None:
    assert (body()["Entrypoint"], body()["Cmd"], body()["User"]) == (["python3", "start.py"], [], "30000:30000")
    assert body()["Healthcheck"] == {"Test": ["NONE"]}
    assert "sandbox:x:30000:30000:" in people(30_000)["passwd"]


def test_another_runtime_is_named_only_when_the_operator_names_it() -> None:
    assert "Runtime" not in host()
    assert host(runtime="runsc")["Runtime"] == "runsc"


@pytest.mark.parametrize(("arch", "name"), [("amd64", "SCMP_ARCH_X86_64"), ("arm64", "SCMP_ARCH_AARCH64")])
def test_the_rules_for_system_calls_are_those_of_every_sandbox(arch: str, name: str) -> None:
    rules = json.loads(profile(arch))
    assert (rules["defaultAction"], rules["architectures"]) == ("SCMP_ACT_ALLOW", [name])
    plain = {call: rule["errnoRet"] for rule in rules["syscalls"] if not rule["args"] for call in rule["names"]}
    assert plain == {
        **dict.fromkeys(seccomp_rules.FORBIDDEN, seccomp_rules.NOT_PERMITTED),
        **dict.fromkeys(seccomp_rules.ABSENT, seccomp_rules.NO_SUCH_CALL),
    }
    guarded = {call for rule in rules["syscalls"] if rule["args"] for call in rule["names"]}
    assert guarded == {"clone", "ioctl", "socket"}


def refused(call: str, *arguments: int) -> bool:
    """As the kernel would judge it: any rule whose conditions all hold."""
    rules = [rule for rule in json.loads(profile("amd64"))["syscalls"] if rule["args"] and call in rule["names"]]

    def holds(condition: dict[str, int | str]) -> bool:
        value, wanted = arguments[int(condition["index"])], int(condition["value"])
        match condition["op"]:
            case "SCMP_CMP_MASKED_EQ":
                return value & wanted == int(condition["valueTwo"])
            case "SCMP_CMP_GT":
                return value > wanted
            case "SCMP_CMP_NE":
                return value != wanted
            case _:
                return value == wanted

    return any(all(holds(condition) for condition in rule["args"]) for rule in rules)


@pytest.mark.parametrize(
    ("call", "arguments", "expected"),
    [
        ("socket", (1, 1, 0), False),
        ("socket", (2, 1, 0), False),
        ("socket", (10, 2, 0), False),
        ("socket", (16, 3, 0), False),
        ("socket", (16, 3, 12), True),
        ("socket", (17, 3, 0), True),
        ("socket", (38, 5, 0), True),
        ("socket", (40, 1, 0), True),
        ("socket", (1 << 32 | 40, 1, 0), True),
        ("socket", (1 << 32 | 3, 1, 0), True),
        ("clone", (0x11,), False),
        ("clone", (0x10000000 | 0x11,), True),
        ("clone", (0x00020000,), True),
        ("ioctl", (0, 0x5401), False),
        ("ioctl", (0, 0x5412), True),
        ("ioctl", (0, 1 << 32 | 0x541C), True),
    ],
)
def test_arguments_of_system_calls_are_judged_as_the_kernel_reads_them(
    call: str, arguments: tuple[int, ...], expected: bool
) -> None:
    assert refused(call, *arguments) is expected
