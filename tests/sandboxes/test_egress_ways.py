"""The way out of a real sandbox: during setup the list and private registries, afterwards nothing, crashes or not."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from pydantic import SecretStr

from app.sandboxes.base import Host, SandboxSpec
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
    died, taking_over, later = ways(internet), ways(internet), ways(internet)
    first, second, third = (Bubblewrap(sandboxes, ways=way) for way in (died, taking_over, later))
    async with server(internet.echo) as port, sandbox(first, reaching(port)) as room:
        url, sandbox_id = f"http://registry.example:{port}/", room.ref.sandbox_id
        await died.forget(sandbox_id)
        assert (await fetched(room, url)).startswith("refused")
        again = SandboxRoom(second, await second.provision(reaching(port), "way", LEASE))
        assert await fetched(again, url) == "hello"
        await second.close_network(again.ref)
        closed = SandboxRoom(third, await third.provision(reaching(port), "way", LEASE))
        assert (await fetched(closed, url)).startswith("refused [Errno")
        for way in (taking_over, later):
            await way.forget(sandbox_id)


@pytest.mark.parametrize(("trust", "expected"), [("member", "hello"), ("outsider", "refused")])
async def test_private_packages_are_for_members_code_only(
    sandboxes: Path, internet: Internet, certified: Certificates, trust: str, expected: str
) -> None:
    async with server(internet.echo, certified.server) as port:
        registry = PrivateRegistry(name="packages.example", port=port, authorization=SecretStr("Bearer canary"))
        backend = Bubblewrap(sandboxes, ways=ways(internet, registry, certified=certified))
        async with sandbox(backend, SPEC.model_copy(update={"trust": trust, "registries": True})) as room:
            assert (await fetched(room, "http://packages.example/simple/")).startswith(expected)
            seen = await room.run(["sh", "-c", "env; cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline; ls -R /run"])
    assert b"canary" not in seen.output
    assert [b"canary" in request for request in internet.requests] == ([True] if trust == "member" else [])


async def test_a_sandbox_without_a_list_has_no_proxy(sandboxes: Path, internet: Internet) -> None:
    backend = Bubblewrap(sandboxes, ways=ways(internet))
    async with sandbox(backend, SPEC) as room:
        seen = await room.run(["sh", "-c", "env | grep -i proxy; test ! -e /run/corrigent/net || echo open"])
    assert not seen.output.strip()
