"""The seam between Corrigent and its forges: small protocols, and every forge has each of them whole."""

import re
from pathlib import Path

import pytest
from typing_extensions import get_protocol_members

from app.forges import base
from tests.contracts.worlds import KINDS, a_world

MOST_METHODS = 8
# Those of base.py that a forge implements; the rest of them is asked of somebody else.
PROTOCOLS = {
    "inbox": base.ForgeInbox,
    "reader": base.ForgeReader,
    "writer": base.ForgeWriter,
    "pusher": base.ForgePusher,
}
_ASKS_WHICH = re.compile(r"isinstance\([^)]*\bGit(?:Hub|Lab)\w*")


@pytest.mark.parametrize("part", PROTOCOLS)
def test_a_protocol_is_small(part: str) -> None:
    assert 1 < len(get_protocol_members(PROTOCOLS[part])) <= MOST_METHODS


@pytest.mark.parametrize("kind", KINDS)
async def test_every_forge_has_every_method_itself(kind: str) -> None:
    """Not inherited from a protocol, where a forgotten method would do nothing and answer None."""
    async with a_world(kind, files={}) as world:
        for part, protocol in PROTOCOLS.items():
            adapter: object = getattr(world.ours, part)
            assert get_protocol_members(protocol) <= vars(type(adapter)).keys(), (kind, part)


def test_nobody_asks_which_forge_it_is() -> None:
    root = Path(__file__).parents[2]
    files = [path for folder in ("app", "workflows", "reviewers", "autofix") for path in (root / folder).rglob("*.py")]
    outside = [path for path in files if not path.is_relative_to(root / "app" / "forges")]
    assert len(outside) > 100
    assert [str(path) for path in outside if _ASKS_WHICH.search(path.read_text())] == []
