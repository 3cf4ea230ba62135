"""The way out of a sandbox, by real sockets: what is allowed arrives, every way around the list is refused and recorded."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from app.domain.errors import UserError
from app.sandboxes.base import Host
from app.sandboxes.egress import Egress
from app.sandboxes.egress_records import append_record, read_records
from app.sandboxes.egress_rules import EgressBudget, EgressRules, EgressTimes, PrivateRegistry
from tests.sandboxes.egress_world import Certificates, Internet, certificates, server

LOOPBACK = ("127.0.0.1",)


@pytest.fixture(scope="module")
def certified(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def internet(tmp_path: Path) -> Internet:
    return Internet(tmp_path, dict.fromkeys(("registry.example", "packages.example", "other.example"), LOOPBACK))


async def test_a_plain_request_to_an_allowed_host_arrives_alone_and_is_recorded(internet: Internet) -> None:
    async with server(internet.echo) as port, internet.egress(Host(name="registry.example", port=port)):
        first = f"GET http://registry.example:{port}/a HTTP/1.1\r\nHost: other.example\r\n\r\n"
        answer = await internet.ask(f"{first}GET http://other.example/smuggled HTTP/1.1\r\n\r\n".encode())
        record = await internet.record()
    assert answer.endswith(b"hello")
    assert internet.requests == [
        f"GET /a HTTP/1.1\r\nHost: registry.example:{port}\r\nConnection: close\r\n\r\n".encode()
    ]
    assert (record.name, record.port, record.verdict, record.reason) == ("registry.example", port, "allowed", "")
    assert (record.received_bytes, record.sent_bytes) == (len(answer), len(internet.requests[0]))


async def test_tls_through_a_tunnel_is_between_client_and_server(internet: Internet, certified: Certificates) -> None:
    async with (
        server(internet.echo, certified.server) as port,
        internet.egress(Host(name="registry.example", port=port)),
    ):
        reader, writer = await internet.tunnel("registry.example", port)
        await writer.start_tls(certified.client, server_hostname="registry.example")
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        assert (await reader.read()).endswith(b"hello")
        writer.close()
        record = await internet.record()
    assert (record.verdict, record.name) == ("allowed", "registry.example")
    assert record.received_bytes > 500


@pytest.mark.parametrize(
    ("request_line", "status", "why"),
    [
        ("CONNECT denied.example:443 HTTP/1.1", 403, "denied.example port 443 is not among the hosts"),
        ("CONNECT registry.example:22 HTTP/1.1", 403, "registry.example port 22 is not among the hosts"),
        ("CONNECT sub.registry.example:443 HTTP/1.1", 403, "is not among the hosts"),
        ("GET http://registry.example/ HTTP/1.1", 403, "registry.example port 80 is not among the hosts"),
        ("CONNECT 127.0.0.1:443 HTTP/1.1", 400, "not a plain name"),
        ("CONNECT 2130706433:443 HTTP/1.1", 400, "not a plain name"),
        ("CONNECT user@registry.example:443 HTTP/1.1", 400, "not a plain name"),
        ("CONNECT registry.example:443/x HTTP/1.1", 400, "not a plain name"),
        ("GET http://169.254.169.254/latest HTTP/1.1", 400, "not a plain name"),
    ],
)
async def test_what_is_not_on_the_list_is_refused_and_never_looked_up(
    internet: Internet, request_line: str, status: int, why: str
) -> None:
    async with internet.egress(Host(name="registry.example")):
        answer = (await internet.ask(f"{request_line}\r\n\r\n".encode())).decode()
        record = await internet.record()
    assert answer.startswith(f"HTTP/1.1 {status} ")
    assert why in answer
    assert (record.verdict, record.reason) == ("denied", answer.partition("\r\n\r\n")[2].strip())
    assert internet.looked_up == []


@pytest.mark.parametrize(
    "addresses",
    [
        ("127.0.0.1",),
        ("169.254.169.254",),
        ("10.0.0.5", "192.168.1.1"),
        ("::1",),
        ("::ffff:127.0.0.1",),
        ("fe80::1%lo",),
        ("64:ff9b::7f00:1",),
        (),
    ],
)
async def test_an_allowed_name_that_points_inside_is_refused(internet: Internet, addresses: Sequence[str]) -> None:
    internet.addresses["registry.example"] = addresses
    async with server(internet.echo) as port, internet.egress(Host(name="registry.example", port=port), internal={}):
        answer = await internet.ask(f"GET http://registry.example:{port}/ HTTP/1.1\r\n\r\n".encode())
    assert b"has no address on the open internet" in answer
    assert internet.requests == []


async def test_the_checked_address_is_the_one_that_is_dialled(internet: Internet) -> None:
    """A name that answers differently the second time: there is no second time."""
    internet.addresses["registry.example"] = ("10.0.0.5", "127.0.0.1")
    async with server(internet.echo) as port, internet.egress(Host(name="registry.example", port=port)):
        answer = await internet.ask(f"GET http://registry.example:{port}/ HTTP/1.1\r\n\r\n".encode())
    assert answer.endswith(b"hello")
    assert internet.looked_up == ["registry.example"]


async def test_an_internal_address_is_allowed_for_its_own_name_only(internet: Internet) -> None:
    async with server(internet.echo) as port:
        hosts = (Host(name="registry.example", port=port), Host(name="packages.example", port=port))
        async with internet.egress(*hosts, internal={"packages.example": ("127.0.0.1/32",)}):
            mine = await internet.ask(f"GET http://packages.example:{port}/ HTTP/1.1\r\n\r\n".encode())
            others = await internet.ask(f"GET http://registry.example:{port}/ HTTP/1.1\r\n\r\n".encode())
    assert mine.endswith(b"hello")
    assert others.startswith(b"HTTP/1.1 403")


@pytest.mark.parametrize("name", ["other.example", "registry.example.other.example"])
async def test_tls_for_another_name_does_not_pass_the_tunnel(
    internet: Internet, certified: Certificates, name: str
) -> None:
    async with (
        server(internet.echo, certified.server) as port,
        internet.egress(Host(name="registry.example", port=port)),
    ):
        _, writer = await internet.tunnel("registry.example", port)
        with pytest.raises(ConnectionError):
            await writer.start_tls(certified.client, server_hostname=name)
        writer.close()
        record = await internet.record()
    assert (record.verdict, record.sent_bytes) == ("cut", 0)
    assert "another name" in record.reason


async def test_only_tls_passes_the_tunnel(internet: Internet) -> None:
    async with server(internet.echo) as port, internet.egress(Host(name="registry.example", port=port)):
        reader, writer = await internet.tunnel("registry.example", port)
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        assert await reader.read() == b""
        writer.close()
    assert internet.records[-1].reason == "Only TLS passes through a tunnel."
    assert internet.requests == []


async def test_a_host_that_does_not_answer_is_said(internet: Internet) -> None:
    async with server(internet.echo) as port:
        pass
    async with internet.egress(Host(name="registry.example", port=port), Host(name="gone.example", port=port)):
        silent = await internet.ask(f"CONNECT registry.example:{port} HTTP/1.1\r\n\r\n".encode())
        unknown = await internet.ask(f"CONNECT gone.example:{port} HTTP/1.1\r\n\r\n".encode())
    assert silent.endswith(b"registry.example does not answer.\n")
    assert unknown.endswith(b"gone.example does not resolve.\n")
    assert [record.verdict for record in internet.records] == ["failed", "failed"]


async def test_huge_and_slow_requests_are_refused(internet: Internet) -> None:
    async with internet.egress(times=EgressTimes(request=timedelta(seconds=0.2))):
        huge = await internet.ask(b"GET http://registry.example/ HTTP/1.1\r\nX: " + b"x" * 40_000 + b"\r\n\r\n")
        slow = await internet.ask(b"GET http://registry.example/ HTTP/1.1\r\nX: ")
    assert b"too long" in huge
    assert b"No whole request came in time." in slow


async def test_a_silent_connection_does_not_stay(internet: Internet) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    times = EgressTimes(idle=timedelta(seconds=0.2))
    async with server(silent) as port, internet.egress(Host(name="registry.example", port=port), times=times):
        assert await internet.ask(f"GET http://registry.example:{port}/ HTTP/1.1\r\n\r\n".encode()) == b""
    assert internet.records[-1].verdict == "cut"


@pytest.mark.parametrize(
    ("budget", "why"),
    [
        (EgressBudget(received_bytes=1_000_000), "More than 1,000,000 bytes were received."),
        (EgressBudget(sent_bytes=20), "More than 20 bytes were sent."),
    ],
)
async def test_bytes_have_a_budget(internet: Internet, budget: EgressBudget, why: str) -> None:
    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                writer.write(bytes(65536))
                await writer.drain()
        except ConnectionError:
            writer.close()

    async with server(flood) as port, internet.egress(Host(name="registry.example", port=port), budget=budget):
        answer = await internet.ask(f"GET http://registry.example:{port}/ HTTP/1.1\r\n\r\n".encode())
    assert len(answer) <= budget.received_bytes
    assert (internet.records[-1].verdict, internet.records[-1].reason) == ("cut", why)


async def test_connections_have_a_budget(internet: Internet) -> None:
    async with internet.egress(budget=EgressBudget(connections=2)):
        answers = [await internet.ask(b"CONNECT denied.example:443 HTTP/1.1\r\n\r\n") for _ in range(4)]
    assert [answer[:12] for answer in answers] == [b"HTTP/1.1 403", b"HTTP/1.1 403", b"", b""]
    assert len(internet.records) == 2


async def test_so_many_connections_at_once_and_no_more(internet: Internet) -> None:
    async with internet.egress(budget=EgressBudget(at_once=3)):
        waiting = [await asyncio.open_unix_connection(internet.socket) for _ in range(3)]
        assert await internet.ask(b"CONNECT denied.example:443 HTTP/1.1\r\n\r\n") == b""
        for _, writer in waiting:
            writer.close()
    assert internet.records[0].reason == "Too many at once."


async def test_after_setup_running_tunnels_are_cut_and_nothing_more_is_reached(
    internet: Internet, certified: Certificates
) -> None:
    async with server(internet.echo, certified.server) as port:
        registry = PrivateRegistry(name="packages.example", port=port, authorization=SecretStr("Bearer secret"))
        host = Host(name="registry.example", port=port)
        async with internet.egress(host, registries=(registry,), trusted=certified.client) as proxy:
            reader, writer = await internet.tunnel("registry.example", port)
            await writer.start_tls(certified.client, server_hostname="registry.example")
            await proxy.close_network()
            # Cut without TLS' own farewell, which some versions of OpenSSL call an error.
            assert await asyncio.gather(reader.read(), return_exceptions=True) != [b"hello"]
            assert reader.at_eof() or reader.exception() is not None
            writer.close()
            looked_up = list(internet.looked_up)
            for line in (f"CONNECT registry.example:{port} HTTP/1.1", "GET http://packages.example/ HTTP/1.1"):
                assert b"403 Forbidden" in await internet.ask(f"{line}\r\n\r\n".encode())
    assert internet.looked_up == looked_up
    assert internet.requests == []
    assert [(record.verdict, record.reason) for record in internet.records] == [
        ("cut", "The network was closed."),
        ("denied", "The network is closed: setup is over."),
        ("denied", "The network is closed: setup is over."),
    ]


async def test_a_private_registry_gets_the_credential_from_outside(internet: Internet, certified: Certificates) -> None:
    async def redirecting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        internet.requests.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(f"HTTP/1.1 302 Found\r\nLocation: https://packages.example:{port}/npm/b\r\n".encode())
        writer.write(b"Set-Cookie: session=1\r\nX-Kept: yes\r\n\r\nbody")
        await writer.drain()
        writer.close()

    async with server(redirecting, certified.server) as port:
        registry = PrivateRegistry(
            name="packages.example", port=port, path="/npm/", authorization=SecretStr("Bearer canary")
        )
        async with internet.egress(registries=(registry,), trusted=certified.client):
            answer = await internet.ask(
                b"GET http://packages.example/npm/@scope%2fname HTTP/1.1\r\nauthorization: Basic mine\r\nCookie: a=b\r\n\r\n"
            )
            refused = [
                await internet.ask(f"{line}\r\n\r\n".encode())
                for line in (
                    "GET http://packages.example/other/ HTTP/1.1",
                    "GET http://packages.example/npm/../other/ HTTP/1.1",
                    "GET http://packages.example/npm/%2e%2e/other/ HTTP/1.1",
                    "GET http://packages.example:8080/npm/ HTTP/1.1",
                    f"CONNECT packages.example:{port} HTTP/1.1",
                )
            ]
    assert internet.requests == [
        f"GET /npm/@scope%2fname HTTP/1.1\r\nHost: packages.example:{port}\r\n"
        "Authorization: Bearer canary\r\nConnection: close\r\n\r\n".encode()
    ]
    assert answer == b"HTTP/1.1 302 Found\r\nLocation: http://packages.example/npm/b\r\nX-Kept: yes\r\n\r\nbody"
    assert all(one.startswith(b"HTTP/1.1 403") for one in refused)
    assert b"from here it is http://packages.example/npm/" in refused[-1]
    assert "canary" not in "".join(record.model_dump_json() for record in internet.records)


async def test_a_registry_whose_certificate_is_not_believed_gets_no_credential(
    internet: Internet, certified: Certificates
) -> None:
    async with server(internet.echo, certified.server) as port:
        registry = PrivateRegistry(name="packages.example", port=port, authorization=SecretStr("Bearer canary"))
        async with internet.egress(registries=(registry,)):
            answer = await internet.ask(b"GET http://packages.example/ HTTP/1.1\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 502")
    assert internet.requests == []


async def test_a_socket_that_a_dead_process_left_is_replaced(internet: Internet) -> None:
    async with internet.egress():
        pass
    internet.socket.touch()
    async with internet.egress():
        assert b"403" in await internet.ask(b"CONNECT denied.example:443 HTTP/1.1\r\n\r\n")
    assert not internet.socket.exists()


def test_a_registry_that_cannot_be_meant_is_refused(tmp_path: Path) -> None:
    rules = EgressRules(registries=(PrivateRegistry(name="10.0.0.1", authorization=SecretStr("x")),))
    with pytest.raises(UserError, match=r"10\.0\.0\.1"):
        Egress(tmp_path / "egress.sock", rules, audit=lambda _: None)


async def test_records_are_kept_as_lines_and_a_broken_last_line_is_left_out(internet: Internet, tmp_path: Path) -> None:
    file = tmp_path / "network.jsonl"
    assert read_records(file) == ()
    async with internet.egress():
        await internet.ask(b"CONNECT denied.example:443 HTTP/1.1\r\n\r\n")
        record = await internet.record()
    append_record(file, record)
    append_record(file, record)
    with file.open("a") as lines:
        lines.write('{"at": "2026')
    assert read_records(file) == [record, record]
