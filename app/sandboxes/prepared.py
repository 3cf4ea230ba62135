"""Prepared bases: what a repository's setup installs, made once from its default branch and put into later sandboxes.

A pull request cannot poison one: it is built from the default branch alone, and found only by a pull request whose
dependencies are declared by the very same files. Repositories, and outsiders and members, never share one.
"""

import asyncio
import hashlib
import io
import re
import tarfile
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Literal, Protocol
from uuid import uuid4
from weakref import WeakValueDictionary

from app.domain.model import Frozen
from app.sandboxes.base import HOME, WORK, Backend, NotDone, Room, SandboxRef, SandboxSpec, TooLarge, Trust
from app.sandboxes.leases import LEASE, leased
from app.sandboxes.room import SandboxRoom

# What declares dependencies: a lock file, and without one whatever names them. One expression, since every file of the
# repository is held against it.
_DECLARING = re.compile(
    r"(^|/)(.*\.lock|.*\.lockb|.*\.lockfile|.*-lock\.(json|yaml)|packages\.lock\.json|npm-shrinkwrap\.json|package\.json"
    r"|go\.(sum|mod)|go\.work.*|Package\.(resolved|swift)|requirements[^/]*\.txt|requirements/[^/]*|constraints[^/]*\.txt"
    r"|pyproject\.toml|setup\.(py|cfg)|Pipfile|Cargo\.toml|Gemfile|.*\.gemspec|composer\.json|pom\.xml"
    r"|(build|settings)\.gradle.*|gradle\.properties|.*\.csproj|mix\.exs|pubspec\.yaml"
    r"|\.tool-versions|\.nvmrc|\.npmrc|\.python-version|rust-toolchain.*)$"
)
# How much may be kept of one? A large web project's node_modules is half of it.
MAX_BYTES = 512 * 1024**2
# Takes away what the code itself brought, so that a base never puts an older file in the place of a newer one.
_TAKE_AWAY = """
import os, sys
for path in sys.stdin.buffer.read().split(b"\\0"):
    try:
        os.unlink(path)
    except OSError:
        pass
"""

Outcome = Literal["there", "built", "not_set_up", "too_large"]
# Runs the repository's setup commands; what went wrong, or nothing.
SetUp = Callable[[Room], Awaitable[str]]


class Shelf(Protocol):
    """Where bases are kept, for as long as whoever keeps them likes."""

    async def size(self, key: str) -> int | None:
        """In bytes as it is kept; None for none."""
        ...

    async def get(self, key: str) -> bytes | None: ...

    async def put(self, key: str, content: bytes) -> None: ...


class BaseKey(Frozen):
    """All that decides what a base holds, and who may have it."""

    # One repository at one forge, by ids that are never given anew.
    repository: str
    trust: Trust
    # The programs there are inside: an image's digest, or what stands for this machine's own.
    programs: str
    # Path and SHA-256 of every file that declares dependencies.
    declared: tuple[tuple[str, str], ...]
    setup: tuple[str, ...]

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()


def declared_by(code: bytes) -> tuple[tuple[str, str], ...]:
    """What BaseKey.declared is for the code in a tar."""
    found = dict[str, str]()
    with tarfile.open(fileobj=io.BytesIO(code), mode="r:") as tar:
        for member in tar:
            file = tar.extractfile(member) if member.isreg() and _DECLARING.search(member.name) else None
            if file is not None:
                found[member.name] = hashlib.sha256(file.read()).hexdigest()
    return tuple(sorted(found.items()))


def declaration(code: bytes) -> str:
    """The same for comparing."""
    return hashlib.sha256(repr(declared_by(code)).encode()).hexdigest()


class PreparedBases:
    """Nothing here is needed for a fix: without a base the setup commands simply run."""

    def __init__(self, shelf: Shelf, *, max_bytes: int = MAX_BYTES) -> None:
        self._shelf = shelf
        self._max_bytes = max_bytes
        self._building = WeakValueDictionary[str, asyncio.Lock]()

    async def has(self, key: BaseKey) -> bool:
        """False also for one that was too large to be kept."""
        return bool(await self._shelf.size(key.digest))

    async def restore(self, key: BaseKey, backend: Backend, ref: SandboxRef) -> bool:
        """Put it into a sandbox, before the code is: then a file that is in both is the code's. False when there is
        none; NotDone when it does not fit, upon which the sandbox is not to be used."""
        base = await self._shelf.get(key.digest)
        if base:
            await backend.put(ref, base, "/")
        return bool(base)

    async def ensure(
        self, key: BaseKey, backend: Backend, spec: SandboxSpec, default_branch: bytes, set_up: SetUp
    ) -> Outcome:
        """Build it unless it is there, once however many ask for it at the same time.

        `default_branch` is a tar of the tip of the default branch; ValueError when it declares other dependencies than
        the key says, or the specification is of another trust.
        """
        if declared_by(default_branch) != key.declared or spec.trust != key.trust:
            raise ValueError("A base is built from the default branch, with the trust that its key says.")
        lock = self._building.setdefault(key.digest, asyncio.Lock())
        async with lock:
            if await self._shelf.size(key.digest) is not None:
                return "there"
            # Not one for all processes: whoever is done first would take it away from the others.
            ref = await backend.provision(spec, f"base-{key.digest[:12]}-{uuid4().hex}", LEASE)
            try:
                async with leased(partial(backend.renew, ref)):
                    return await self._build(key, backend, ref, default_branch, set_up)
            finally:
                await backend.destroy(ref)

    async def _build(self, key: BaseKey, backend: Backend, ref: SandboxRef, code: bytes, set_up: SetUp) -> Outcome:
        room = SandboxRoom(backend, ref)
        await backend.put(ref, code)
        if await set_up(room):
            # Not kept: it may be a registry that is away for a minute.
            return "not_set_up"
        await backend.close_network(ref)
        taken = await room.run(["python3", "-I", "-S", "-c", _TAKE_AWAY], stdin=_names(code))
        if not taken.passed:
            raise NotDone("The code could not be taken out of a prepared base.")
        try:
            base = await backend.get(ref, [WORK, HOME], self._max_bytes)
        except TooLarge:
            # Remembered as nothing, so that not every fix tries again.
            await self._shelf.put(key.digest, b"")
            return "too_large"
        await self._shelf.put(key.digest, base)
        return "built"


def _names(code: bytes) -> bytes:
    with tarfile.open(fileobj=io.BytesIO(code), mode="r:") as tar:
        return b"\0".join(member.name.encode() for member in tar if not member.isdir())
