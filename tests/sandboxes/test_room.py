"""What those see who work in a sandbox: commands and how they end, files in and out."""

import asyncio
import io
import tarfile
from datetime import timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.sandboxes.base import HOME, Ended, NotDone, SandboxGone, TooLarge
from app.sandboxes.bubblewrap import Bubblewrap
from app.sandboxes.room import SandboxRoom, packed, unpacked
from tests.sandboxes.conftest import SMALL


async def sh(room: SandboxRoom, script: str, *, within: float = 60, output_bytes: int = 200_000) -> tuple[Ended, bytes]:
    ran = await room.run(["sh", "-c", script], within=timedelta(seconds=within), output_bytes=output_bytes)
    return ran.ended, ran.output


@pytest.mark.parametrize(
    ("argv", "ending", "exit_code"),
    [
        (["true"], "exited", 0),
        (["sh", "-c", "exit 3"], "exited", 3),
        (["sh", "-c", "kill -TERM $$"], "signalled", None),
        (["no-such-program"], "exited", 127),
        (["/etc/passwd"], "exited", 126),
        (["python3", "-c", "held = [b'x' * (1 << 23) for _ in range(99)]"], "out_of_memory", None),
        (["sh", "-c", "dd if=/dev/zero of=fill bs=1M 2>/dev/null; code=$?; rm fill; exit $code"], "exited", 1),
        (["dd", "if=/dev/zero", "of=fill", "bs=1M"], "disk_full", 1),
        (["python3", "-c", "open('sparse', 'wb').truncate(1 << 40)"], "disk_full", None),
    ],
)
async def test_each_command_says_how_it_ended(
    room: SandboxRoom, argv: list[str], ending: str, exit_code: int | None
) -> None:
    ran = await room.run(argv)
    await room.run(["rm", "-f", "fill", "sparse"])
    if ending == "disk_full" and exit_code is None:
        # Python does not die of the signal, it is told instead.
        assert ran.ended.exit_code == 1
        assert b"File too large" in ran.output
    else:
        assert (ran.ended.ending, ran.ended.exit_code) == (ending, exit_code), ran.output


async def test_what_a_command_prints_is_told_while_it_runs(room: SandboxRoom) -> None:
    begun = asyncio.Event()
    script = "echo begun; while [ ! -e go ]; do sleep 0.02; done; rm go"
    running = asyncio.create_task(room.run(["sh", "-c", script], watch=lambda _: begun.set()))
    async with asyncio.timeout(60):
        await begun.wait()
    await room.write({"go": b""})
    assert (await running).passed


async def test_a_bomb_of_processes_is_told_from_a_program_that_fails(room: SandboxRoom) -> None:
    ended, _ = await sh(room, "for i in $(seq 200); do sleep 20 & done; wait", within=3)
    assert ended.ending == "too_many_processes"
    assert (await room.run(["true"])).passed


async def test_a_command_that_takes_too_long_is_ended_with_all_it_started(room: SandboxRoom) -> None:
    ended, output = await sh(room, "echo begun; setsid sh -c 'sleep 321 & sleep 321' & sleep 321", within=0.5)
    assert ended.ending == "timeout"
    assert ended.seconds < 20
    assert output == b"begun\n"
    assert b"321" not in (await sh(room, "cat /proc/[0-9]*/cmdline"))[1].replace(b"proc", b"")


async def test_what_a_command_leaves_running_goes_on(room: SandboxRoom) -> None:
    """A server is started by one command and asked by the next."""
    ended, output = await sh(room, "sh -c 'echo started; exec sleep 77' & sleep 0.1; echo done")
    assert ended.ending == "exited"
    assert output == b"started\ndone\n"
    assert (await room.run(["pkill", "-f", "^sleep 77"])).passed


async def test_long_output_keeps_its_beginning_and_its_end(room: SandboxRoom) -> None:
    ended, output = await sh(room, "seq 1000000", output_bytes=1000)
    assert ended.output_bytes == 6_888_896
    assert output.startswith(b"1\n2\n3\n")
    assert output.endswith(b"999999\n1000000\n")
    assert "6,887,896 bytes left out" in output.decode()


async def test_a_command_sees_exactly_the_environment_it_is_given(room: SandboxRoom) -> None:
    ran = await room.run(["/usr/bin/env"], env={"ONE": "1"})
    names = {line.partition("=")[0] for line in ran.output.decode().splitlines()}
    assert names == {"PATH", "HOME", "USER", "LANG", "PYTHONDONTWRITEBYTECODE", "ONE"}
    assert f"HOME={HOME}" in ran.output.decode()


async def test_input_is_read_to_its_end(room: SandboxRoom) -> None:
    ran = await room.run(["wc", "-c"], stdin=b"x" * 3_000_000)
    assert ran.output == b"3000000\n"
    # One that does not read it is no trouble either.
    assert (await room.run(["true"], stdin=b"x" * 3_000_000)).passed


async def test_a_terminal_has_a_size(room: SandboxRoom) -> None:
    ran = await room.run(["sh", "-c", "test -t 1 && stty size"], terminal=True)
    assert ran.output == b"40 120\r\n"


async def test_the_same_command_never_runs_twice(room: SandboxRoom) -> None:
    exec_id = uuid4().hex
    for _ in range(2):
        ran = await room.run(["sh", "-c", "echo once >> times; cat times"], exec_id=exec_id)
        assert ran.output == b"once\n"
    assert await room.read(["times"]) == {"times": b"once\n"}


async def test_files_go_in_and_come_out(room: SandboxRoom) -> None:
    await room.write({"a/b/c.txt": b"one", "run.sh": b"#!/bin/sh\necho ran"})
    await room.write({"a/b/c.txt": b"two"})
    assert await room.read(["a/b/c.txt", "/work/run.sh", "missing", "a"]) == {
        "a/b/c.txt": b"two",
        "/work/run.sh": b"#!/bin/sh\necho ran",
    }
    assert (await room.run(["./run.sh"])).output == b"ran\n"


async def test_a_whole_tree_can_be_moved_to_another_place(backend: Bubblewrap, room: SandboxRoom) -> None:
    """Links, modes and times as they are; what is neither file, folder nor link stays behind."""
    await sh(
        room, "mkdir -p tree/sub; echo x > tree/sub/x; chmod 750 tree/sub/x; ln -s sub/x tree/link; mkfifo tree/pipe"
    )
    await sh(room, "touch -d @1000000000 tree/sub/x")
    tar = await backend.get(room.ref, ["tree"], 1_000_000)
    await backend.put(room.ref, tar, "/work/copy")
    _, listed = await sh(room, "cd copy/work/tree && find . -printf '%p %y %m %l\\n' | sort; stat -c %Y sub/x")
    assert listed.decode().splitlines() == [
        ". d 755 ",
        "./link l 777 sub/x",
        "./sub d 755 ",
        "./sub/x f 750 ",
        "1000000000",
    ]


async def test_what_does_not_fit_or_is_in_the_way_is_said(room: SandboxRoom) -> None:
    with pytest.raises(NotDone, match="No space left"):
        await room.write({"big": b"\0" * (SMALL.disk_bytes - 1)})
    await room.run(["rm", "-f", "big"])
    await room.write({"plain": b"x"})
    with pytest.raises(NotDone, match="Not a directory"):
        await room.write({"plain/below": b"x"})
    await room.write({"sized": b"x" * 100_000})
    with pytest.raises(TooLarge):
        await room.read(["sized"], max_bytes=50_000)


def hostile(**changes: object) -> bytes:
    out = io.BytesIO()
    info = tarfile.TarInfo("work/x")
    info.size = 4
    for name, value in changes.items():
        setattr(info, name, value)
    out.write(info.tobuf(tarfile.PAX_FORMAT) + b"data".ljust(512, b"\0") + bytes(1024))
    return out.getvalue()


@pytest.mark.parametrize(
    "changes",
    [
        {"type": tarfile.SYMTYPE, "linkname": "/etc/passwd", "size": 0},
        {"type": tarfile.LNKTYPE, "linkname": "work/y", "size": 0},
        {"type": tarfile.CHRTYPE, "size": 0},
        {"name": "work/other"},
        {"name": "/etc/passwd"},
        {"size": 1 << 40},
        {"pax_headers": {"GNU.sparse.major": "0", "GNU.sparse.minor": "1", "GNU.sparse.size": str(1 << 40)}},
    ],
)
def test_a_tar_made_by_an_attacker_gives_nothing_but_plain_files_that_were_asked_for(
    changes: dict[str, object],
) -> None:
    assert read(hostile(**changes), 1000) <= 4


def test_broken_numbers_in_a_tar_are_the_sandbox_s_fault() -> None:
    broken = {"GNU.sparse.map": "0,x", "GNU.sparse.size": "9", "GNU.sparse.name": "work/x"}
    with pytest.raises(SandboxGone):
        unpacked(hostile(pax_headers=broken), ["x"], 1000)


@given(st.binary(max_size=2000), st.integers(0, 1500))
def test_a_damaged_tar_is_refused_or_read_but_never_more_than_that(noise: bytes, at: int) -> None:
    whole = packed({"work/x": b"content"})
    assert read(whole[:at] + noise + whole[at + len(noise) :], 100) <= 100


def read(tar: bytes, max_bytes: int) -> int:
    """How much came of it; refused is nothing."""
    try:
        return sum(map(len, unpacked(tar, ["x"], max_bytes).values()))
    except SandboxGone:
        return 0
