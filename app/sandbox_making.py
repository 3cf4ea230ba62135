"""The sandboxes of this machine: which kinds the operator wants, and the first of them that holds against its probe."""

import asyncio
import sys
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path

import structlog

from app.sandboxes.base import Backend, NotDone, Room, SandboxGone, SandboxRef
from app.sandboxes.egress_ways import Ways
from app.sandboxes.registry import BACKENDS, Choice, Means, choose
from app.sandboxes.room import SandboxRoom
from app.settings import Settings
from autofix.rule_fixes import programs
from workflows.activities.agent_room import Chosen, Sandboxes

log = structlog.get_logger()

# How long is a probe's answer believed? A machine loses its abilities when somebody changes it.
PROBED_FOR = timedelta(hours=6)
# How long until a machine without a sandbox is asked again: somebody may have installed one.
ASKED_AGAIN_AFTER = timedelta(minutes=2)
# How soon is a sandbox gone whose lease is over?
REAP_EVERY = timedelta(seconds=30)


class OwnSandboxes:
    """The backends of this process, in the order of preference; the first that passes its probe is used."""

    def __init__(self, names: Sequence[str], means: Means, *, clock: Callable[[], datetime]) -> None:
        self._names = names
        self._means = means
        self._clock = clock
        self._lock = asyncio.Lock()
        self._backends: dict[str, Backend] = {}
        self._chosen = Chosen()
        self._until: datetime | None = None

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
        return SandboxRoom(self._backend(ref.backend), ref)

    def parts(self) -> Sandboxes:
        return Sandboxes(choose=self.choose, enter=self.enter, programs=programs(Path(sys.executable).parent))

    @asynccontextmanager
    async def reaping(self) -> AsyncGenerator[None]:
        """While this is entered, what crashed workers left is destroyed: now, and whenever a lease ends."""
        task = asyncio.create_task(self._reap_for_ever())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def _reap_for_ever(self) -> None:
        while True:
            for name in self._names:
                try:
                    backend = self._backend(name)
                    if reaped := await backend.reap(self._clock()):
                        log.info("sandbox.reaped", backend=name, count=len(reaped))
                except (OSError, NotDone, SandboxGone) as error:
                    log.warning("sandbox.not_reaped", backend=name, error=str(error))
            await asyncio.sleep(REAP_EVERY.total_seconds())

    def _backend(self, name: str) -> Backend:
        if name not in self._backends:
            if name not in BACKENDS:
                raise SandboxGone(f"{name} is not a backend of this worker")
            self._backends[name] = BACKENDS[name](self._means)
        return self._backends[name]


def own_sandboxes(settings: Settings, *, clock: Callable[[], datetime]) -> OwnSandboxes:
    """The backends that this machine may have."""
    return OwnSandboxes(names_of(settings), means_of(settings), clock=clock)


async def try_sandboxes(settings: Settings) -> Choice:
    """Every attack of the probe, in a real sandbox. UserError for a kind nobody knows."""
    return await choose(names_of(settings), means_of(settings))


def names_of(settings: Settings) -> tuple[str, ...]:
    return (settings.sandbox,) if settings.sandbox else tuple(BACKENDS)


def means_of(settings: Settings) -> Means:
    return Means(
        folder=settings.home / "sandboxes",
        ways=Ways(),
        docker_socket=settings.docker_socket,
        docker_image=settings.docker_image,
        docker_runtime=settings.docker_runtime,
    )
