"""Building a forge: wrong settings stop the start, and nothing heavy is loaded before it is needed."""

import subprocess
import sys

import pytest
from pydantic import SecretStr

from app.domain.errors import UserError
from app.forges.base import ForgeInbox, ForgeReader, ForgeWriter
from app.forges.registry import build
from tests.github.support import RememberingLimits, connection


async def test_a_connection_becomes_a_forge():
    forge = build(connection(), RememberingLimits())
    parts: tuple[ForgeInbox, ForgeReader, ForgeWriter] = (forge.inbox, forge.reader, forge.writer)
    assert all(parts)
    await forge.close()


def test_what_cannot_work_stops_the_start():
    with pytest.raises(UserError, match="'bitkeeper'"):
        build(connection(kind="bitkeeper"), RememberingLimits())
    with pytest.raises(UserError, match="private key"):
        build(connection(private_key=SecretStr("")), RememberingLimits())


def test_a_connection_keeps_its_secrets_out_of_sight():
    shown = repr(connection(token=SecretStr("ghp_mine")))
    assert "PRIVATE KEY" not in shown
    assert "ghp_mine" not in shown


def test_the_registry_alone_loads_no_client():
    heavy = "import sys, app.forges.registry; print({'githubkit', 'httpx'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", heavy], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
