"""The sandboxes of this machine: which kinds the operator wants, and the first of them that holds against its probe."""

import asyncio
import platform
import ssl
import sys
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager, nullcontext
from datetime import datetime, timedelta
from pathlib import Path

import structlog

from app.domain.errors import UserError
from app.sandbox_gateway import OwnGateway, own_gateway, sandboxes_of, ways_of
from app.sandboxes.base import Access, Backend, Host, NotDone, Room, SandboxGone, SandboxRef
from app.sandboxes.egress_names import plain_port
from app.sandboxes.egress_rules import EgressRules
from app.sandboxes.egress_ways import Ways
from app.sandboxes.prepared import PreparedBases
from app.sandboxes.registry import BACKENDS, Choice, Means, choose
from app.sandboxes.room import SandboxRoom
from app.sandboxes.shelf import FolderShelf
from app.settings import Settings
from app.store.blobs import Blobs
from autofix.rule_fixes import programs
from workflows.activities.agent_bases import AgentBases
from workflows.activities.agent_room import Chosen, Sandboxes

log = structlog.get_logger()

# How long is a probe's answer believed? A machine loses its abilities when somebody changes it.
PROBED_FOR = timedelta(hours=6)
# How long until a machine without a sandbox is asked again: somebody may have installed one.
ASKED_AGAIN_AFTER = timedelta(minutes=2)
# How soon is a sandbox gone whose lease is over?
REAP_EVERY = timedelta(seconds=10)


class OwnSandboxes:
    """The backends of this process, in the order of preference; the first that passes its probe is used."""

    def __init__(
        self,
        names: Sequence[str],
        means: Means,
        *,
        clock: Callable[[], datetime],
        setup_hosts: Sequence[Host] = (),
        gateway: OwnGateway | None = None,
        elsewhere: Access | None = None,
    ) -> None:
        """`gateway` is this machine's; `elsewhere` leads to the sandboxes of others."""
        self._names = names
        self._means = means
        self._setup_hosts = setup_hosts
        self._gateway = gateway
        self._elsewhere = elsewhere
        self._clock = clock
        self._lock = asyncio.Lock()
        self._backends: dict[str, Backend] = {}
        self._chosen = Chosen()
        self._until: datetime | None = None
        self._not_reaped: dict[str, str] = {}

    async def choose(self) -> Chosen:
        """One probe for all who wait."""
        async with self._lock:
            if self._until is None or self._clock() >= self._until:
                choice = await choose(self._names, self._means)
                self._chosen = Chosen(backend=choice.backend, reason="" if choice.backend else choice.reason)
                self._until = self._clock() + (PROBED_FOR if choice.backend else ASKED_AGAIN_AFTER)
                log.info("sandbox.chosen", backend=choice.backend.name if choice.backend else "none")
            return self._chosen

    def enter(self, ref: SandboxRef) -> Room:
        """Whoever made the sandbox: another process of this machine, or this one before it was killed."""
        return SandboxRoom(self._access(ref), ref)

    async def renew(self, ref: SandboxRef, lease: timedelta) -> None:
        await self._access(ref).renew(ref, lease)

    def parts(self) -> Sandboxes:
        return Sandboxes(
            choose=self.choose,
            enter=self.enter,
            renew=self.renew,
            setup_hosts=self._setup_hosts,
            seen_from_afar=self._gateway.seen_from_afar() if self._gateway else _as_it_is,
            host=self._gateway.address if self._gateway else "",
            programs=programs(Path(sys.executable).parent),
        )

    @asynccontextmanager
    async def serving(self) -> AsyncGenerator[None]:
        """While this is entered, what crashed workers left is destroyed, now and whenever a lease ends; and others may
        work in this machine's sandboxes, where it has a gateway."""
        task = asyncio.create_task(self._reap_for_ever())
        try:
            async with self._gateway.open(self._backend) if self._gateway else nullcontext():
                yield
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def reap(self, now: datetime) -> None:
        """Destroy those whose lease is over by then, whoever made them."""
        for name in self._names:
            try:
                if reaped := await self._backend(name).reap(now):
                    log.info("sandbox.reaped", backend=name, count=len(reaped))
            except (OSError, NotDone, SandboxGone) as error:
                # A daemon that is not there stays away for long: said once.
                if self._not_reaped.get(name) != str(error):
                    log.warning("sandbox.not_reaped", backend=name, error=str(error))
                self._not_reaped[name] = str(error)

    async def _reap_for_ever(self) -> None:
        while True:
            await self.reap(self._clock())
            await asyncio.sleep(REAP_EVERY.total_seconds())

    def _access(self, ref: SandboxRef) -> Access:
        if ref.host and not (self._gateway and self._gateway.address == ref.host):
            if self._elsewhere is None:
                raise SandboxGone(f"{ref.sandbox_id} is on {ref.host}, which cannot be reached from here")
            return self._elsewhere
        return self._backend(ref.backend)

    def _backend(self, name: str) -> Backend:
        if name not in self._backends:
            if name not in BACKENDS:
                raise SandboxGone(f"{name} is not a backend of this worker")
            self._backends[name] = BACKENDS[name](self._means)
        return self._backends[name]


def own_sandboxes(settings: Settings, *, clock: Callable[[], datetime]) -> OwnSandboxes:
    """The backends that this machine may have."""
    return OwnSandboxes(
        names_of(settings),
        means_of(settings),
        clock=clock,
        setup_hosts=hosts_of(settings),
        gateway=own_gateway(settings),
        elsewhere=ways_of(settings),
    )


async def try_sandboxes(settings: Settings) -> Choice:
    """Every attack of the probe, in a real sandbox. UserError for a kind nobody knows."""
    return await choose(names_of(settings), means_of(settings))


def _as_it_is(ref: SandboxRef) -> SandboxRef:
    return ref


def names_of(settings: Settings) -> tuple[str, ...]:
    return (settings.sandbox,) if settings.sandbox else tuple(BACKENDS)


def hosts_of(settings: Settings) -> tuple[Host, ...]:
    return tuple(map(_host, settings.setup_hosts))


def bases_of(settings: Settings, blobs: Blobs) -> AgentBases:
    system = platform.freedesktop_os_release().get("PRETTY_NAME", "") if Path("/etc/os-release").exists() else ""
    programs_id = settings.docker_image or f"{system} {platform.machine()} {platform.python_version()}"
    prepared = PreparedBases(FolderShelf(settings.home / "bases"))
    return AgentBases(blobs=blobs, prepared=prepared, programs=programs_id)


def means_of(settings: Settings) -> Means:
    """UserError for a host, a network or a registry that cannot be meant."""
    rules = EgressRules(
        hosts=hosts_of(settings), registries=settings.registries, internal=dict(settings.internal_hosts)
    )
    return Means(
        folder=sandboxes_of(settings),
        ways=Ways(rules, tls=_trusting(settings.registries_ca_file)),
        docker_socket=settings.docker_socket,
        docker_image=settings.docker_image,
        docker_runtime=settings.docker_runtime,
    )


def _host(text: str) -> Host:
    name, _, port = text.partition(":")
    number = plain_port(port or "443")
    if number is None:
        raise UserError(f"setup_hosts: {text!r} has no port that can be meant; write it as 'packages.example.com:443'.")
    return Host(name=name.lower(), port=number)


def _trusting(ca_file: Path | None) -> ssl.SSLContext | None:
    """None for the system's certificates alone, which are read when they are needed."""
    if ca_file is None:
        return None
    context = ssl.create_default_context()
    try:
        context.load_verify_locations(ca_file)
    except OSError as error:
        raise UserError(f"registries_ca_file: {str(ca_file)!r} cannot be read as certificates: {error}.") from None
    return context
