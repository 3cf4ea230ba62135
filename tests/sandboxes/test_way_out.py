"""Setup reaches the hosts it was allowed; from then on nothing is reached, also by the next process."""

from pathlib import Path

import pytest

from app.sandboxes.base import Host
from app.sandboxes.bubblewrap import Bubblewrap
from app.sandboxes.egress_rules import EgressRules
from app.sandboxes.egress_ways import Ways
from app.sandboxes.room import SandboxRoom
from tests.sandboxes.conftest import LEASE, SPEC
from tests.sandboxes.egress_world import LOOPBACK, Internet, server

FETCH = "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1], timeout=20).read().decode())"


@pytest.fixture
def internet(tmp_path: Path) -> Internet:
    return Internet(tmp_path, addresses={"packages.test": ["127.0.0.1"], "other.test": ["127.0.0.1"]})


async def fetch(room: SandboxRoom, url: str) -> str:
    ran = await room.run(["python3", "-I", "-c", FETCH, url])
    return ran.output.decode()


async def test_only_setup_has_a_way_out(sandboxes: Path, tmp_path: Path, internet: Internet) -> None:
    rules = EgressRules(internal={"packages.test": LOOPBACK, "other.test": LOOPBACK})
    backend = Bubblewrap(tmp_path / "own", ways=Ways(rules, resolve=internet.resolve))
    async with server(internet.echo) as port:
        spec = SPEC.model_copy(update={"setup_hosts": (Host(name="packages.test", port=port),)})
        ref = await backend.provision(spec, "setup", LEASE)
        room = SandboxRoom(backend, ref)
        assert "hello" in await fetch(room, f"http://packages.test:{port}/")
        assert "403" in await fetch(room, f"http://other.test:{port}/")

        await backend.close_network(ref)
        assert "hello" not in await fetch(room, f"http://packages.test:{port}/")
        assert "proxy" not in (await room.run(["env"])).output.decode()
        # A process that takes over does not open it again.
        again = Bubblewrap(tmp_path / "own", ways=Ways(rules, resolve=internet.resolve))
        await again.provision(spec, "setup", LEASE)
        proxied = await SandboxRoom(again, ref).run(
            ["python3", "-I", "-c", FETCH, f"http://packages.test:{port}/"], env={"http_proxy": "http://127.0.0.1:3128"}
        )
        assert not proxied.passed
    assert [(seen.name, seen.verdict) for seen in await backend.connections(ref)] == [
        ("packages.test", "allowed"),
        ("other.test", "denied"),
    ]
    await backend.destroy(ref)
