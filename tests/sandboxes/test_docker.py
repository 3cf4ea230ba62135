"""Sandboxes by a real Docker and a real Podman, each started for this alone; skipped where neither can be had."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import pytest

from app.domain.errors import Refused
from app.sandboxes.base import Command, Ended, Host, Limits, NotDone, SandboxGone, SandboxRef, SandboxSpec
from app.sandboxes.docker import Docker
from app.sandboxes.docker_api import DockerApi, Engine
from app.sandboxes.egress_records import read_records
from app.sandboxes.egress_rules import EgressRules
from app.sandboxes.egress_ways import Ways
from app.sandboxes.room import SandboxRoom
from tests.sandboxes.conformance import assert_holds
from tests.sandboxes.docker_world import IMAGE, CannotStart, almost_nothing, daemon, make_image
from tests.sandboxes.egress_world import Internet, server

LEASE = timedelta(minutes=5)
SPEC = SandboxSpec(
    trust="outsider",
    limits=Limits(memory_bytes=128 * 1024**2, pids=64, disk_bytes=32 * 1024**2, wall=timedelta(minutes=5)),
    env={"GREETING": "hello"},
)


@dataclass(frozen=True)
class Machine:
    """A daemon with our image, and where its sandboxes are recorded."""

    socket: Path
    folder: Path

    def docker(self, *, image: str = IMAGE, ways: Ways | None = None, folder: str = "records") -> Docker:
        """As each process of ours would have it: nothing is shared but the folder and the daemon."""
        return Docker(self.folder / folder, socket=self.socket, image=image, ways=ways or Ways())

    async def containers(self) -> int:
        return len(await DockerApi(self.socket).labelled("dev.corrigent.installation"))


# Of what is the same code for both, Podman shows only what the daemons could do differently.
of_docker = pytest.mark.parametrize("machine", ["docker"], indirect=True)


@pytest.fixture(scope="module", params=["docker", "podman"])
def machine(request: pytest.FixtureRequest) -> Generator[Machine]:
    # Not pytest's own folder: the daemon binds sockets in it, whose paths must be short.
    folder = Path(tempfile.mkdtemp(prefix="corrigent-"))
    try:
        with daemon(cast("Engine", request.param), folder) as socket:
            make_image(socket)
            yield Machine(socket, folder)
    except CannotStart as error:
        pytest.skip(str(error))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@asynccontextmanager
async def sandbox(docker: Docker, spec: SandboxSpec = SPEC, key: str = "one") -> AsyncGenerator[SandboxRoom]:
    ref = await docker.provision(spec, key, LEASE)
    try:
        yield SandboxRoom(docker, ref)
    finally:
        await docker.destroy(ref)


async def test_it_holds_against_every_attack(machine: Machine) -> None:
    assert_holds(await machine.docker().doctor())
    assert await machine.containers() == 0


async def test_programs_run_and_files_go_in_and_out(machine: Machine) -> None:
    async with sandbox(machine.docker()) as room:
        await room.write({"src/greet.sh": b'#!/bin/sh\necho "$GREETING from $PWD"; id -un\n'})
        ran = await room.run(["./src/greet.sh"])
        assert ran.output == b"hello from /work\nsandbox\n"
        assert await room.read(["src/greet.sh", "gone"]) == {
            "src/greet.sh": b'#!/bin/sh\necho "$GREETING from $PWD"; id -un\n'
        }


@of_docker
async def test_another_process_reaches_it_by_its_reference_and_a_command_runs_once(machine: Machine) -> None:
    first, second = machine.docker(), machine.docker()
    command = Command(exec_id="count", argv=("sh", "-c", "echo once >> /work/count; cat /work/count"))
    async with sandbox(first) as room:
        same = await second.provision(SPEC, "one", LEASE)
        assert (same.sandbox_id, same.generation) == (room.ref.sandbox_id, 1)
        assert same.lease_until > room.ref.lease_until
        told = [await everything(docker, room.ref, command) for docker in (first, second, first)]
        assert await machine.containers() == 1
    assert [output for output, _ in told] == [b"once\n"] * 3
    assert await machine.containers() == 0


async def everything(docker: Docker, ref: SandboxRef, command: Command) -> tuple[bytes, Ended]:
    parts = [part async for part in docker.run(ref, command)]
    assert isinstance(parts[-1], Ended)
    return b"".join(part.data for part in parts if not isinstance(part, Ended)), parts[-1]


async def test_setup_reaches_the_list_and_after_it_nothing(machine: Machine, tmp_path: Path) -> None:
    internet = Internet(tmp_path, {"registry.example": ("127.0.0.1",)})
    ways = Ways(EgressRules(internal={"registry.example": ("127.0.0.1/32",)}), resolve=internet.resolve)
    docker = machine.docker(ways=ways)
    fetch = "import sys, urllib.request as r; print(r.urlopen(sys.argv[1], timeout=20).read().decode())"
    async with server(internet.echo) as port:
        spec = SPEC.model_copy(update={"setup_hosts": (Host(name="registry.example", port=port),)})
        async with sandbox(docker, spec) as room:
            allowed = await room.run(["python3", "-c", fetch, f"http://registry.example:{port}/"])
            denied = await room.run(["python3", "-c", fetch, f"http://other.example:{port}/"])
            await docker.close_network(room.ref)
            closed = await room.run(["python3", "-c", fetch, f"http://registry.example:{port}/"])
            # A program that remembers where the proxy was, and one that goes to its socket directly.
            proxied = await room.run(
                ["python3", "-c", fetch, f"http://registry.example:{port}/"],
                env={"http_proxy": "http://127.0.0.1:3128"},
            )
            direct = await room.run(["python3", "-c", DIRECT, f"GET http://registry.example:{port}/ HTTP/1.1"])
            again = await docker.provision(spec, "one", LEASE)
            reopened = await room.run(["python3", "-c", DIRECT, f"GET http://registry.example:{port}/ HTTP/1.1"])
            records = read_records(machine.folder / "records" / again.sandbox_id / "seen" / "network.jsonl")
    assert (allowed.output, len(internet.requests)) == (b"hello\n", 1)
    assert b"403" in denied.output
    assert not closed.passed
    assert not proxied.passed
    assert b"setup is over" in direct.output
    assert b"setup is over" in reopened.output
    assert [record.verdict for record in records] == ["allowed", "denied", "denied", "denied"]


DIRECT = """
import socket, sys
with socket.socket(socket.AF_UNIX) as way:
    way.connect("/run/corrigent/net/egress.sock")
    way.sendall(sys.argv[1].encode() + b"\\r\\n\\r\\n")
    print(way.recv(4096).decode())
"""


async def test_a_container_that_was_removed_is_gone_and_made_anew_by_its_key(machine: Machine) -> None:
    docker = machine.docker()
    async with sandbox(docker) as room:
        api = DockerApi(machine.socket)
        for listed in await api.labelled("dev.corrigent.installation"):
            await api.remove(listed.container_id)
        with pytest.raises(SandboxGone):
            await room.run(["true"])
        anew = await docker.provision(SPEC, "one", LEASE)
        assert anew.generation == 2
        assert (await SandboxRoom(docker, anew).run(["true"])).passed
        with pytest.raises(SandboxGone):
            await room.run(["true"])
        # What was made anew is not destroyed by who still holds the old one.
        await docker.destroy(room.ref)
        assert (await SandboxRoom(docker, anew).run(["true"])).passed
        await docker.destroy(anew)
        await docker.destroy(anew)
    assert await machine.containers() == 0


@of_docker
async def test_what_a_dead_process_left_is_reaped_when_its_lease_is_over(machine: Machine) -> None:
    docker, others = machine.docker(), machine.docker(folder="others")
    ref = await docker.provision(SPEC, "one", LEASE)
    theirs = await others.provision(SPEC, "one", LEASE)
    now = datetime.now(UTC)
    assert await docker.reap(now) == []
    assert [one.sandbox_id for one in await docker.reap(now + LEASE)] == [ref.sandbox_id]
    assert await machine.containers() == 1
    with pytest.raises(SandboxGone):
        await docker.renew(ref, LEASE)
    # Also where the records themselves are lost.
    shutil.rmtree(machine.folder / "others")
    await others.reap(now + timedelta(hours=1))
    assert await machine.containers() == 0
    assert theirs.backend == "docker"


@of_docker
async def test_many_at_once_by_one_key_are_one(machine: Machine) -> None:
    dockers = [machine.docker() for _ in range(4)]
    refs = await asyncio.gather(*(docker.provision(SPEC, "one", LEASE) for docker in dockers))
    assert await machine.containers() == 1
    assert {ref.generation for ref in refs} == {1}
    await dockers[0].destroy(refs[-1])


@of_docker
async def test_what_cannot_be_used_says_what_to_do(machine: Machine) -> None:
    report = await machine.docker(image="gone:1").doctor()
    assert report.unusable == "The image 'gone:1' is not there; pull or build it, or name another."
    assert "No image is named" in (await machine.docker(image="").doctor()).unusable
    absent = Docker(machine.folder / "records", socket=machine.folder / "nobody.sock", image=IMAGE, ways=Ways())
    assert (await absent.doctor()).unusable.startswith("No Docker or Podman can be used at ")
    with pytest.raises(NotDone):
        await absent.provision(SPEC, "one", LEASE)


@of_docker
async def test_an_image_with_places_no_limit_holds_is_refused(machine: Machine) -> None:
    make_image(machine.socket, "with-volumes:latest", content=almost_nothing(), change="VOLUME /data")
    with pytest.raises(Refused, match="/data"):
        await machine.docker(image="with-volumes").provision(SPEC, "one", LEASE)


async def test_a_supervisor_that_cannot_start_says_why(machine: Machine) -> None:
    spec = SPEC.model_copy(update={"programs": (("/dev/null", "/run/corrigent/app/sandboxes/inside/frames.py"),)})
    with pytest.raises(NotDone, match="Error: "):
        await machine.docker().provision(spec, "one", LEASE)
    assert await machine.docker().reap(datetime.now(UTC)) != []
    assert await machine.containers() == 0
