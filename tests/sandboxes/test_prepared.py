"""Prepared bases: built once from the default branch, found only by who may have them, and never older than the code."""

import asyncio
import io
import tarfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from app.sandboxes.base import HOME, Room
from app.sandboxes.bubblewrap import Bubblewrap
from app.sandboxes.prepared import BaseKey, PreparedBases, declared_by
from app.sandboxes.records import Records
from app.sandboxes.room import SandboxRoom
from tests.sandboxes.conftest import LEASE, SPEC

INSTALL = """
mkdir -p node_modules/.bin node_modules/left "$HOME/.cache"
printf '#!/bin/sh\\necho installed\\n' > node_modules/left/cli.sh; chmod 755 node_modules/left/cli.sh
ln -sf ../left/cli.sh node_modules/.bin/left
echo generated > src/code.txt; echo cached > "$HOME/.cache/one"
"""


@dataclass
class MemoryShelf:
    """Where a test keeps bases."""

    kept: dict[str, bytes] = field(default_factory=dict[str, bytes])

    async def size(self, key: str) -> int | None:
        return len(self.kept[key]) if key in self.kept else None

    async def get(self, key: str) -> bytes | None:
        return self.kept.get(key)

    async def put(self, key: str, content: bytes) -> None:
        self.kept[key] = content


def code(**files: str) -> bytes:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name, text in {"src/code.txt": "old", "package-lock.json": "{}", **files}.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text.encode()))
    return archive.getvalue()


MAIN = code()
KEY = BaseKey(repository="github/1", trust="member", programs="image:1", declared=declared_by(MAIN), setup=("npm ci",))


@dataclass
class Setup:
    """Setup commands that count how often they ran."""

    script: str = INSTALL
    runs: int = 0

    async def __call__(self, room: Room) -> str:
        self.runs += 1
        ran = await room.run(["sh", "-ec", self.script])
        return "" if ran.passed else "it did not work"


@pytest.fixture
def shelf() -> MemoryShelf:
    return MemoryShelf()


@asynccontextmanager
async def fresh(backend: Bubblewrap) -> AsyncGenerator[SandboxRoom]:
    ref = await backend.provision(SPEC, "fresh", LEASE)
    try:
        yield SandboxRoom(backend, ref)
    finally:
        await backend.destroy(ref)


async def test_what_setup_installed_is_there_in_the_next_sandbox_and_the_code_is_its_own(
    backend: Bubblewrap, shelf: MemoryShelf
) -> None:
    bases, setup = PreparedBases(shelf), Setup()
    assert await bases.ensure(KEY, backend, SPEC, MAIN, setup) == "built"
    async with fresh(backend) as room:
        assert await bases.restore(KEY, backend, room.ref)
        # Nothing of the default branch's own code is in it, also not what setup wrote over it.
        assert await room.read(["src/code.txt", "package-lock.json"]) == {}
        await room.write({"src/code.txt": b"of the pull request"})
        assert (await room.run(["node_modules/.bin/left"])).output == b"installed\n"
        assert await room.read([f"{HOME}/.cache/one", "src/code.txt"]) == {
            f"{HOME}/.cache/one": b"cached\n",
            "src/code.txt": b"of the pull request",
        }


async def test_it_is_built_once_however_many_ask(backend: Bubblewrap, shelf: MemoryShelf) -> None:
    bases, setup = PreparedBases(shelf), Setup("true")
    outcomes = await asyncio.gather(*(bases.ensure(KEY, backend, SPEC, MAIN, setup) for _ in range(3)))
    assert sorted(outcomes) == ["built", "there", "there"]
    assert setup.runs == 1


async def test_a_setup_that_fails_is_not_kept(backend: Bubblewrap, shelf: MemoryShelf) -> None:
    bases = PreparedBases(shelf)
    assert await bases.ensure(KEY, backend, SPEC, MAIN, Setup("false")) == "not_set_up"
    assert shelf.kept == {}
    assert await bases.ensure(KEY, backend, SPEC, MAIN, Setup("true")) == "built"


async def test_one_that_is_too_large_is_not_built_again(backend: Bubblewrap, shelf: MemoryShelf) -> None:
    bases, setup = PreparedBases(shelf, max_bytes=100_000), Setup("head -c 200000 /dev/urandom > large")
    assert await bases.ensure(KEY, backend, SPEC, MAIN, setup) == "too_large"
    assert await bases.ensure(KEY, backend, SPEC, MAIN, setup) == "there"
    async with fresh(backend) as room:
        assert not await bases.restore(KEY, backend, room.ref)
    assert setup.runs == 1


async def test_no_sandbox_is_left_whatever_happens(backend: Bubblewrap, sandboxes: Path, shelf: MemoryShelf) -> None:
    async def breaks(room: Room) -> str:
        raise RuntimeError("the worker has a fault")

    with pytest.raises(RuntimeError):
        await PreparedBases(shelf).ensure(KEY, backend, SPEC, MAIN, breaks)
    records = Records(sandboxes)
    found = [records.read(sandbox_id) for sandbox_id in records.ids()]
    assert [record for record in found if record and record.key.startswith("base-")] == []


@pytest.mark.parametrize(
    "other",
    [
        {"repository": "github/2"},
        {"trust": "outsider"},
        {"programs": "image:2"},
        {"setup": ("npm ci", "curl evil.example")},
        {"declared": declared_by(code(**{"package-lock.json": '{"evil": 1}'}))},
        {"declared": declared_by(code(**{"web/package.json": "{}"}))},
    ],
    ids=lambda other: next(iter(other)),
)
async def test_nobody_finds_another_ones(shelf: MemoryShelf, backend: Bubblewrap, other: dict[str, object]) -> None:
    await shelf.put(KEY.digest, b"not to be found")
    changed = KEY.model_copy(update=other)
    async with fresh(backend) as room:
        assert not await PreparedBases(shelf).restore(changed, backend, room.ref)


async def test_what_does_not_fit_its_key_is_not_built(shelf: MemoryShelf, backend: Bubblewrap) -> None:
    bases, outsiders = PreparedBases(shelf), SPEC.model_copy(update={"trust": "outsider"})
    with pytest.raises(ValueError, match="default branch"):
        await bases.ensure(KEY, backend, SPEC, code(**{"package-lock.json": "other"}), Setup())
    with pytest.raises(ValueError, match="default branch"):
        await bases.ensure(KEY, backend, outsiders, MAIN, Setup())


@pytest.mark.parametrize(
    ("path", "declares"),
    [
        ("package-lock.json", True),
        ("web/yarn.lock", True),
        ("requirements-dev.txt", True),
        ("requirements/dev.in", True),
        ("go.work.sum", True),
        ("a/b/build.gradle.kts", True),
        ("setup.py", True),
        ("src/lock.py", False),
        ("docs/requirements.md", False),
        ("mypackage.json", False),
    ],
)
def test_what_declares_dependencies_is_known(path: str, declares: bool) -> None:
    assert (path in dict(declared_by(code(**{path: "x"})))) is declares
