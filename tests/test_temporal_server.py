"""The embedded Temporal server: ready fast, alone in its home, gone with its parent, back after a crash."""

import asyncio
import os
import socket
import sys
import time
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
from temporalio import workflow
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from app import temporal_server
from app.domain.errors import UserError
from app.temporal_server import EmbeddedTemporal, find_binary


@workflow.defn
class Nap:
    @workflow.run
    async def run(self) -> None:
        await workflow.sleep(0.1)


def alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    for _ in range(200):
        if await true():
            return
        await asyncio.sleep(0.05)
    pytest.fail("it did not happen within 10 s")


def program(folder: Path, text: str) -> Path:
    path = folder / "program"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o700)
    return path


@contextmanager
def listener() -> Generator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def environment_of(pid: int) -> dict[str, str]:
    pairs = Path(f"/proc/{pid}/environ").read_text().rstrip("\0").split("\0")
    return dict(pair.split("=", 1) for pair in pairs)


def addresses_listened_on(pid: int) -> set[str]:
    inodes = {
        os.readlink(entry)[8:-1] for entry in Path(f"/proc/{pid}/fd").iterdir() if "socket:" in os.readlink(entry)
    }
    found: set[str] = set()
    for table in ("tcp", "tcp6"):
        for row in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            fields = row.split()
            if fields[3] == "0A" and fields[9] in inodes:
                found.add(fields[1].partition(":")[0])
    return found


async def test_work_survives_a_restart_at_the_same_address(tmp_path: Path) -> None:
    async with EmbeddedTemporal(tmp_path / "home") as server:
        client = await Client.connect(server.address)
        await client.start_workflow("Anything", id="kept", task_queue="nobody")
        before, pid = server.address, server.pid
        await server.restart()
        assert server.address == before
        assert server.pid != pid
        described = await client.get_workflow_handle("kept").describe()
        assert described.status == WorkflowExecutionStatus.RUNNING


async def test_it_is_for_this_machine_and_sees_nothing_of_our_environment(tmp_path: Path) -> None:
    home = tmp_path / "a home"
    async with EmbeddedTemporal(home) as server:
        assert server.pid
        assert addresses_listened_on(server.pid) == {"0100007F"}
        assert environment_of(server.pid) == {
            "HOME": str(home),
            "LC_ALL": "C.UTF-8",
            "GOMEMLIMIT": "192MiB",
            "GOGC": "400",
        }
        assert (home.stat().st_mode & 0o777, server.log_file.stat().st_mode & 0o777) == (0o700, 0o600)
        pid = server.pid
    assert not alive(pid)
    assert server.pid is None


async def test_it_dies_with_a_parent_that_was_killed_and_leaves_the_home_usable(tmp_path: Path) -> None:
    script = (
        "import asyncio, sys, pathlib\n"
        "from app.temporal_server import EmbeddedTemporal\n"
        "async def main():\n"
        "    async with EmbeddedTemporal(pathlib.Path(sys.argv[1])) as server:\n"
        "        sys.stdout.write(f'{server.pid}\\n'); sys.stdout.flush()\n"
        "        await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, str(tmp_path), stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout
    server_pid = int(await parent.stdout.readline())
    assert alive(server_pid)
    parent.kill()
    await parent.communicate()
    async with EmbeddedTemporal(tmp_path) as next_one:
        assert next_one.pid
        # The lock is free only when the process that held it is gone.
        assert not alive(server_pid)


async def test_where_no_signal_tells_of_the_parent_s_death_the_end_of_the_pipe_does(tmp_path: Path) -> None:
    """As on macOS: a watcher stands in between."""
    binary = program(tmp_path, f"echo $$ > {tmp_path}/pid; exec sleep 60")
    folder = Path(temporal_server.__file__).parent
    script = (
        f"import sys; sys.path.append({str(folder)!r}); import temporal_child as c; c.watch_over([{str(binary)!r}])"
    )
    watcher = await asyncio.create_subprocess_exec(sys.executable, "-I", "-c", script, stdin=asyncio.subprocess.PIPE)

    async def has_started() -> bool:
        return (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().endswith("\n")

    await until(has_started)
    assert alive(int((tmp_path / "pid").read_text()))
    assert watcher.stdin
    watcher.stdin.close()
    assert await asyncio.wait_for(watcher.wait(), 5) == 0
    assert not alive(int((tmp_path / "pid").read_text()))


async def test_a_second_one_in_the_same_home_is_told_who_is_there(tmp_path: Path) -> None:
    async with EmbeddedTemporal(tmp_path) as first:
        with pytest.raises(
            UserError, match=rf"Another Corrigent uses {tmp_path}.* process {first.pid}\. Stop that one"
        ):
            await EmbeddedTemporal(tmp_path).start()


async def test_a_taken_port_is_named(tmp_path: Path) -> None:
    with listener() as port, pytest.raises(UserError, match=rf"Port {port} is taken by another program"):
        await EmbeddedTemporal(tmp_path, port).start()


async def test_a_server_that_ends_at_once_is_quoted(tmp_path: Path) -> None:
    binary = program(tmp_path, "echo no such shard; exit 3")
    server = EmbeddedTemporal(tmp_path / "home", binary=binary)
    with pytest.raises(UserError, match=r"Temporal ended at its start. It said: no such shard\. .*temporal\.log"):
        await server.start()
    assert server.pid is None


async def test_where_somebody_is_quicker_at_a_port_another_is_taken(tmp_path: Path) -> None:
    binary = program(
        tmp_path,
        "echo x >> tries; [ $(wc -l < tries) = 1 ] && echo 'listen tcp: bind: address already in use' && exit 1\n"
        f'exec {find_binary()} "$@"',
    )
    async with EmbeddedTemporal(tmp_path / "home", binary=binary) as server:
        assert server.pid
    assert (tmp_path / "home" / "tries").read_text() == "x\nx\n"


async def test_a_server_that_never_answers_is_ended(tmp_path: Path) -> None:
    binary = program(tmp_path, "echo $$ > pid; exec sleep 60")
    with pytest.raises(UserError, match="Temporal did not answer within 5 s"):
        await EmbeddedTemporal(tmp_path / "home", binary=binary).start()
    assert not alive(int((tmp_path / "home" / "pid").read_text()))


async def test_it_is_started_again_when_it_dies(tmp_path: Path) -> None:
    async with EmbeddedTemporal(tmp_path) as server, asyncio.TaskGroup() as tasks:
        keeper = tasks.create_task(server.keep_running())
        first = server.pid
        assert first
        client = await Client.connect(server.address)
        os.kill(first, 9)

        async def is_back() -> bool:
            try:
                return server.pid != first and [one async for one in client.list_workflows()] == []
            except RPCError:
                return False

        await until(is_back)
        keeper.cancel()


async def test_a_short_timer_is_not_stretched_to_a_second(tmp_path: Path) -> None:
    async with EmbeddedTemporal(tmp_path) as server:
        client = await Client.connect(server.address)
        async with Worker(client, task_queue="q", workflows=[Nap], workflow_runner=UnsandboxedWorkflowRunner()):
            await client.execute_workflow(Nap.run, id="warm", task_queue="q")
            started = time.monotonic()
            await client.execute_workflow(Nap.run, id="nap", task_queue="q")
            assert time.monotonic() - started < 0.9
