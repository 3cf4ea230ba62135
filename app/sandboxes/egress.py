"""The only way out of a sandbox: a proxy on a unix socket of its own, outside, that lets an exact list pass.

Inside there is no network at all; which sandbox asks is known by the socket. `egress_relay.py` makes it an HTTP proxy
at 127.0.0.1 for the programs inside. During setup the list may be reached; after `close_network` nothing, for good.
"""

import asyncio
import ssl
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from app.sandboxes.egress_connection import Passage, Way
from app.sandboxes.egress_dial import Dialler, Resolver, Streams, resolve_by_system
from app.sandboxes.egress_gate import BudgetSpent, Gate, Spent
from app.sandboxes.egress_head import MAX_HEAD
from app.sandboxes.egress_names import InternalAddresses
from app.sandboxes.egress_records import Connection, Verdict
from app.sandboxes.egress_rules import EgressRules
from app.sandboxes.egress_socket import listen_at

# Where the relay listens inside; the usual port of HTTP proxies.
RELAY_PORT = 3128


def proxy_environment(port: int = RELAY_PORT) -> Mapping[str, str]:
    """What programs inside need to know during setup: each family has its own spelling, Java none at all."""
    address, local = f"http://127.0.0.1:{port}", "localhost,127.0.0.1,::1"
    names = ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY")
    java = " ".join(f"-D{scheme}.proxyHost=127.0.0.1 -D{scheme}.proxyPort={port}" for scheme in ("http", "https"))
    return dict.fromkeys(names, address) | {"no_proxy": local, "NO_PROXY": local, "JAVA_TOOL_OPTIONS": java}


class Egress:
    """The proxy of one sandbox. When the process that holds it dies, the sandbox has no way out."""

    def __init__(
        self,
        socket: Path,
        rules: EgressRules,
        *,
        audit: Callable[[Connection], None],
        resolve: Resolver = resolve_by_system,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """`audit` gets each connection as it ends. UserError for a rule that cannot be meant."""
        self._socket = socket
        self._audit = audit
        self._at_once = rules.budget.at_once
        self._running: dict[asyncio.Task[None], Passage] = {}
        self._server: asyncio.Server | None = None
        self._way = Way(
            gate=Gate(rules),
            spent=Spent(rules.budget),
            dialler=Dialler(InternalAddresses(rules.internal), resolve, rules.times.dial),
            times=rules.times,
            # Reading the machine's certificates takes longer than all the rest; without a registry nobody needs them.
            tls=tls or (ssl.create_default_context() if rules.registries else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)),
        )

    async def open(self) -> None:
        """Listen; a socket that an earlier process left is replaced."""
        # For whoever the programs inside run as; outside, the folder it lies in is nobody else's.
        listening = listen_at(self._socket, 0o666)
        self._server = await asyncio.start_unix_server(self._serve, sock=listening, limit=MAX_HEAD)

    async def close_network(self) -> None:
        """Setup is over: what runs is cut, whatever comes later is refused, and recorded."""
        self._way.gate.close()
        await self._cut()

    async def close(self) -> None:
        """Stop listening; the sandbox is going."""
        self._way.gate.close()
        if self._server is not None:
            self._server.close()
            self._socket.unlink(missing_ok=True)
        await self._cut()

    async def _cut(self) -> None:
        running = list(self._running)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - the server starts one for each connection
        try:
            self._way.spent.connect()
        except BudgetSpent:
            # Not recorded: there is no end to how often it can be asked.
            writer.transport.abort()
            return
        if len(self._running) >= self._at_once:
            self._record(Passage(self._way, (reader, writer)), datetime.now(UTC), "denied", "Too many at once.")
            writer.transport.abort()
            return
        self._running[task] = Passage(self._way, (reader, writer))
        try:
            await self._pass(self._running[task])
        finally:
            del self._running[task]

    async def _pass(self, passage: Passage) -> None:
        began = datetime.now(UTC)
        verdict: Verdict = "cut"
        reason = "The network was closed."
        try:
            verdict, reason = await passage.pass_through()
            if verdict != "cut":
                await self._flush(passage.client)
        finally:
            # First, since a disk that is full lets nothing be recorded.
            passage.client[1].transport.abort()
            self._record(passage, began, verdict, reason)

    async def _flush(self, client: Streams) -> None:
        """Give the client time to take what is still for it."""
        client[1].close()
        with suppress(OSError):
            async with asyncio.timeout(self._way.times.idle.total_seconds()):
                await client[1].wait_closed()

    def _record(self, passage: Passage, began: datetime, verdict: Verdict, reason: str) -> None:
        self._audit(
            Connection(
                at=began,
                name=passage.name,
                port=passage.port,
                verdict=verdict,
                reason=reason,
                sent_bytes=passage.sent_bytes,
                received_bytes=passage.received_bytes,
                seconds=round((datetime.now(UTC) - began).total_seconds(), 3),
            )
        )
