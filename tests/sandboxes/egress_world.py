"""A small internet on this machine's loopback: names, servers with and without TLS, and a sandbox's proxy before them."""

import asyncio
import ssl
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from app.sandboxes.base import Host
from app.sandboxes.egress import Egress
from app.sandboxes.egress_records import Connection
from app.sandboxes.egress_rules import EgressBudget, EgressRules, EgressTimes, PrivateRegistry

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[None, None, None]]
LOOPBACK: tuple[str, ...] = ("127.0.0.1/32",)
# Short where a test waits for the end of it, long where it must not come.
PATIENT = EgressTimes(request=timedelta(seconds=20), idle=timedelta(seconds=20))


@dataclass
class Internet:
    """Where names point to, and what servers were sent."""

    folder: Path
    addresses: dict[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    looked_up: list[str] = field(default_factory=list[str])
    requests: list[bytes] = field(default_factory=list[bytes])
    records: list[Connection] = field(default_factory=list[Connection])

    async def resolve(self, name: str, port: int) -> Sequence[str]:
        self.looked_up.append(name)
        if name not in self.addresses:
            raise OSError(f"no address for {name} port {port}")
        return self.addresses[name]

    @asynccontextmanager
    async def egress(
        self,
        *hosts: Host,
        registries: tuple[PrivateRegistry, ...] = (),
        internal: Mapping[str, tuple[str, ...]] | None = None,
        budget: EgressBudget = EgressBudget(),  # noqa: B008 - immutable
        times: EgressTimes = PATIENT,
        trusted: ssl.SSLContext | None = None,
    ) -> AsyncGenerator[Egress]:
        """A proxy at `egress.sock`; the names of hosts and registries may point to loopback unless said otherwise."""
        names = {host.name for host in hosts} | {registry.name for registry in registries}
        allowed = dict.fromkeys(names, LOOPBACK) if internal is None else dict(internal)
        rules = EgressRules(hosts=hosts, registries=registries, internal=allowed, budget=budget, times=times)
        proxy = Egress(self.socket, rules, audit=self.records.append, resolve=self.resolve, tls=trusted)
        await proxy.open()
        try:
            yield proxy
        finally:
            await proxy.close()

    @property
    def socket(self) -> Path:
        return self.folder / "egress.sock"

    async def ask(self, raw: bytes) -> bytes:
        """Everything that comes back for those bytes."""
        reader, writer = await asyncio.open_unix_connection(self.socket)
        try:
            writer.write(raw)
            return await reader.read()
        except ConnectionError:
            return b""
        finally:
            writer.close()

    async def tunnel(self, name: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """An open tunnel; what the proxy answered otherwise is the error."""
        reader, writer = await asyncio.open_unix_connection(self.socket)
        writer.write(f"CONNECT {name}:{port} HTTP/1.1\r\n\r\n".encode())
        answer = await reader.readuntil(b"\r\n\r\n")
        if b" 200 " not in answer:
            raise ConnectionError((answer + await reader.read()).decode())
        return reader, writer

    async def record(self) -> Connection:
        """The newest record, once there is one."""
        async with asyncio.timeout(20):
            while not self.records:
                await asyncio.sleep(0.01)
        return self.records[-1]

    async def echo(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serves one request: remembers its head and answers "hello"."""
        try:
            self.requests.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()


@asynccontextmanager
async def server(serve: Serve, tls: ssl.SSLContext | None = None) -> AsyncGenerator[int]:
    """Its port on loopback."""
    listening = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    async with listening:
        yield int(listening.sockets[0].getsockname()[1])


@dataclass(frozen=True)
class Certificates:
    """A server that is `*.example`, and a client that believes it."""

    server: ssl.SSLContext
    client: ssl.SSLContext


def certificates(folder: Path) -> Certificates:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Loopback")])
    now = datetime.now(UTC)
    names = [x509.DNSName(one) for one in ("registry.example", "packages.example", "other.example", "localhost")]
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=2))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "server.pem").write_bytes(private + pem)
    (folder / "ca.pem").write_bytes(pem)
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(folder / "server.pem")
    return Certificates(serving, ssl.create_default_context(cadata=pem.decode()))
