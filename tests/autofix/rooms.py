"""Sandboxes of bubblewrap for tests: real ones, one after the other."""

import os
import shutil
import uuid
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from app.sandboxes.base import Room, SandboxSpec
from app.sandboxes.bubblewrap import Bubblewrap
from app.sandboxes.egress_ways import Ways
from app.sandboxes.room import SandboxRoom


def need(*programs: str) -> None:
    """Skip where a program is lacking; what `.ci/run` installs must be there."""
    for program in programs:
        if shutil.which(program) is None:
            if os.environ.get("CI") == "true" and program == "bwrap":
                pytest.fail(f"needs {program}")
            pytest.skip(f"needs {program}")


@asynccontextmanager
async def room(folder: Path, files: Mapping[str, bytes] | None = None, **spec: object) -> AsyncGenerator[Room]:
    """A sandbox that shows those files; gone afterwards."""
    backend = Bubblewrap(folder, ways=Ways())
    asked = SandboxSpec.model_validate({"trust": "member", **spec})
    ref = await backend.provision(asked, uuid.uuid4().hex, timedelta(minutes=10))
    try:
        made = SandboxRoom(backend, ref)
        if files:
            await made.write(files)
        yield made
    finally:
        await backend.destroy(ref)
