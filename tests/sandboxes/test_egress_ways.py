"""The way out of a real sandbox: during setup the list and private registries, afterwards nothing, crashes or not."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from pydantic import SecretStr

from app.sandboxes.base import Host, NotDone, SandboxSpec
from app.sandboxes.bubblewrap import Bubblewrap
from app.sandboxes.egress_rules import EgressRules, PrivateRegistry
from app.sandboxes.egress_ways import Ways
from app.sandboxes.room import SandboxRoom
from tests.sandboxes.conftest import LEASE, SPEC
from tests.sandboxes.egress_world import LOOPBACK, Certificates, Internet, certificates, server

FETCH = """
import sys, urllib.error, urllib.request
try:
    print(urllib.request.urlopen(sys.argv[1], timeout=30).read().decode())
except urllib.error.URLError as error:
    print("refused", getattr(error, "code", error.reason))
"""
# What a program does that knows better than the environment: to the proxy's socket, to the relay, straight out.
AROUND = """
import socket, sys
def tried(connect):
    try:
        with connect() as way:
            way.settimeout(20)
            way.sendall(f"GET {sys.argv[1]} HTTP/1.1\\r\\n\\r\\n".encode())
            print(way.recv(4096).decode().splitlines()[:1])
    except OSError as error:
        print(type(error).__name__)
def directly():
    way = socket.socket(socket.AF_UNIX)
    way.connect("/run/corrigent/net/egress.sock")
    return way
tried(directly)
tried(lambda: socket.create_connection(("127.0.0.1", 3128), 20))
tried(lambda: socket.create_connection(("127.0.0.1", int(sys.argv[2])), 20))
"""


@pytest.fixture
def internet(tmp_path: Path) -> Internet:
    return Internet(tmp_path, dict.fromkeys(("registry.example", "packages.example"), ("127.0.0.1",)))


@pytest.fixture(scope="module")
def certified(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return certificates(tmp_path_factory.mktemp("certificates"))


def ways(internet: Internet, *registries: PrivateRegistry, certified: Certificates | None = None) -> Ways:
    internal: dict[str, tuple[str, ...]] = dict.fromkeys(("registry.example", "packages.example"), LOOPBACK)
    rules = EgressRules(internal=internal, registries=registries)
    return Ways(rules, resolve=internet.resolve, tls=certified.client if certified else None)


def reaching(port: int) -> SandboxSpec:
    return SPEC.model_copy(update={"setup_hosts": (Host(name="registry.example", port=port),)})


@asynccontextmanager
async def sandbox(backend: Bubblewrap, spec: SandboxSpec) -> AsyncGenerator[SandboxRoom]:
    ref = await backend.provision(spec, "way", LEASE)
    try:
        yield SandboxRoom(backend, ref)
    finally:
        await backend.destroy(ref)


async def fetched(room: SandboxRoom, url: str) -> str:
    ran = await room.run(["python3", "-c", FETCH, url])
    return ran.output.decode().strip()


async def test_setup_reaches_the_list_and_afterwards_there_is_no_way_around(
    sandboxes: Path, internet: Internet
) -> None:
    backend = Bubblewrap(sandboxes, ways=ways(internet))
    async with server(internet.echo) as port, sandbox(backend, reaching(port)) as room:
        url = f"http://registry.example:{port}/"
        assert await fetched(room, url) == "hello"
        assert await fetched(room, f"http://packages.example:{port}/") == "refused 403"
        await backend.close_network(room.ref)
        assert (await fetched(room, url)).startswith("refused [Errno")
        around = await room.run(["python3", "-c", AROUND, url, str(port)])
    lines = around.output.decode().splitlines()
    assert lines[0] == "['HTTP/1.1 403 Forbidden']"
    assert lines[1:] == ["ConnectionRefusedError", "ConnectionRefusedError"]
    assert len(internet.requests) == 1


async def test_a_process_that_takes_over_opens_the_way_again_but_not_one_that_was_closed(
    sandboxes: Path, internet: Internet
) -> None:
    dead = ways(internet)
    first, second = Bubblewrap(sandboxes, ways=dead), Bubblewrap(sandboxes, ways=ways(internet))
    async with server(internet.echo) as port, sandbox(second, reaching(port)) as room:
        url = f"http://registry.example:{port}/"
        await first.provision(reaching(port), "way", LEASE)
        await dead.forget(room.ref.sandbox_id)
        assert (await fetched(room, url)).startswith("refused")
        third = Bubblewrap(sandboxes, ways=ways(internet))
        again = SandboxRoom(third, await third.provision(reaching(port), "way", LEASE))
        assert await fetched(again, url) == "hello"
        await third.close_network(again.ref)
        fourth = Bubblewrap(sandboxes, ways=ways(internet))
        closed = SandboxRoom(fourth, await fourth.provision(reaching(port), "way", LEASE))
        assert (await fetched(closed, url)).startswith("refused [Errno")


@pytest.mark.parametrize(("trust", "expected"), [("member", "hello"), ("outsider", "refused")])
async def test_private_packages_are_for_members_code_only(
    sandboxes: Path, internet: Internet, certified: Certificates, trust: str, expected: str
) -> None:
    async with server(internet.echo, certified.server) as port:
        registry = PrivateRegistry(name="packages.example", port=port, authorization=SecretStr("Bearer canary"))
        backend = Bubblewrap(sandboxes, ways=ways(internet, registry, certified=certified))
        async with sandbox(backend, SPEC.model_copy(update={"trust": trust})) as room:
            assert (await fetched(room, "http://packages.example/simple/")).startswith(expected)
            seen = await room.run(["sh", "-c", "env; cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline; ls -R /run"])
    assert b"canary" not in seen.output
    assert [b"canary" in request for request in internet.requests] == ([True] if trust == "member" else [])


async def test_a_sandbox_without_a_list_has_no_proxy(sandboxes: Path, internet: Internet) -> None:
    backend = Bubblewrap(sandboxes, ways=ways(internet))
    async with sandbox(backend, SPEC) as room:
        seen = await room.run(["sh", "-c", "env | grep -i proxy; ls /run/corrigent/net"])
    assert not seen.output.strip()


async def test_a_relay_that_does_not_come_up_is_said(sandboxes: Path, internet: Internet) -> None:
    backend, taking = (
        Bubblewrap(sandboxes, ways=Ways()),
        "import socket, time; s = socket.create_server(('127.0.0.1', 3128)); print(1, flush=True); time.sleep(60)",
    )
    async with sandbox(backend, SPEC) as room:
        holding = asyncio.create_task(room.run(["python3", "-c", taking], exec_id="holding"))
        while not (
            await room.run(["python3", "-c", "import socket; socket.create_connection(('127.0.0.1', 3128))"])
        ).passed:
            await asyncio.sleep(0.02)
        with pytest.raises(NotDone, match="relay ended"):
            await Bubblewrap(sandboxes, ways=ways(internet)).provision(reaching(1), "way", LEASE)
        await backend.kill(room.ref, "holding")
        await holding
