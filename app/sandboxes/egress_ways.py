"""The ways out of the sandboxes that this process made: opened for setup, closed for good, with every backend."""

import ssl
from collections.abc import Mapping
from contextlib import aclosing
from functools import partial
from importlib.resources import files
from pathlib import Path

from app.sandboxes.base import Command, NotDone, Output, SandboxSpec
from app.sandboxes.egress import RELAY_PORT, Egress, proxy_environment
from app.sandboxes.egress_dial import Resolver, resolve_by_system
from app.sandboxes.egress_gate import Gate
from app.sandboxes.egress_names import InternalAddresses
from app.sandboxes.egress_records import append_record
from app.sandboxes.egress_relay import LISTENING
from app.sandboxes.egress_rules import EgressRules, PrivateRegistry
from app.sandboxes.link import Link

# Where a sandbox sees the folder of its socket, read-only. The folder and not the socket: then a process that takes
# over from one that died can put a new socket there.
INSIDE = "/run/corrigent/net"
_RELAY = "network-relay"
_SOCKET = "egress.sock"


class Ways:
    """At most one way out for each sandbox; none outlives this process."""

    def __init__(
        self,
        operator: EgressRules = EgressRules(),  # noqa: B008 - immutable
        *,
        resolve: Resolver = resolve_by_system,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """`operator` holds registries, internal addresses and budgets; the hosts come with each sandbox.

        UserError for a rule that cannot be meant: now, and not when the first sandbox needs it.
        """
        Gate(operator)
        InternalAddresses(operator.internal)
        self._operator = operator
        self._resolve = resolve
        self._tls = tls
        self._open: dict[str, Egress] = {}

    def wanted(self, spec: SandboxSpec) -> bool:
        return bool(spec.setup_hosts) or bool(self._registries(spec))

    async def open(
        self, sandbox_id: str, spec: SandboxSpec, net: Path, link: Link, env: Mapping[str, str], python: str
    ) -> None:
        """Listen in `net`, which is INSIDE to the sandbox, and start the relay. Done already is fine; NotDone when the
        relay cannot be started."""
        if sandbox_id in self._open:
            return
        rules = self._operator.model_copy(update={"hosts": spec.setup_hosts, "registries": self._registries(spec)})
        audit = partial(append_record, record_file(net))
        way = Egress(net / _SOCKET, rules, audit=audit, resolve=self._resolve, tls=self._tls)
        await way.open()
        try:
            await _start_relay(link, env, python, spec)
        except BaseException:
            await way.close()
            raise
        self._open[sandbox_id] = way

    async def close(self, sandbox_id: str, link: Link) -> None:
        """For good. The caller has written down that it is closed: nobody opens it again after a crash."""
        if way := self._open.get(sandbox_id):
            await way.close_network()
        await link.kill(_RELAY)

    async def forget(self, sandbox_id: str) -> None:
        """The sandbox is gone."""
        if way := self._open.pop(sandbox_id, None):
            await way.close()

    def _registries(self, spec: SandboxSpec) -> tuple[PrivateRegistry, ...]:
        # Whoever may read what a sandbox prints could read the organisation's packages: outsiders may not.
        return self._operator.registries if spec.registries and spec.trust == "member" else ()


def record_file(net: Path) -> Path:
    """Beside the folder that the sandbox sees, not in it."""
    return net.parent / "network.jsonl"


def environment(net: Path, *, closed: bool) -> Mapping[str, str]:
    """What commands need to know of the way out, while there is one."""
    return {} if closed or not (net / _SOCKET).exists() else proxy_environment()


def relay_program() -> bytes:
    return files("app.sandboxes").joinpath("egress_relay.py").read_bytes()


async def _start_relay(link: Link, env: Mapping[str, str], python: str, spec: SandboxSpec) -> None:
    """It goes in as an argument, so that no file has to be put anywhere first."""
    argv = (python, "-I", "-S", "-c", relay_program().decode(), f"{INSIDE}/{_SOCKET}", str(RELAY_PORT))
    command = Command(exec_id=_RELAY, argv=argv, env=dict(env), cwd="/", within=spec.limits.wall, output_bytes=4096)
    said = b""
    async with aclosing(link.run(command)) as parts:
        async for part in parts:
            said += part.data if isinstance(part, Output) else b""
            if said.startswith(LISTENING):
                # It goes on without us.
                return
    told = " ".join(said.decode("utf-8", "replace").split())[-200:]
    raise NotDone(f"The way out of the sandbox could not be opened: its relay ended. {told}".strip())
