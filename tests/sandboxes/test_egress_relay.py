"""Programs that only know the environment's proxy variables reach what is allowed through the relay."""

import asyncio
import os
import socket
import sys
from pathlib import Path

from app.sandboxes import egress_relay
from app.sandboxes.base import Host
from app.sandboxes.egress import proxy_environment
from tests.sandboxes.egress_world import Internet, server

CLIENT = """
import sys, urllib.error, urllib.request
for url in sys.argv[1:]:
    try:
        print(urllib.request.urlopen(url, timeout=30).read().decode())
    except urllib.error.HTTPError as error:
        print(error.code, error.read().decode().strip())
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as held:
        return int(held.getsockname()[1])


async def run(*arguments: str, port: int) -> bytes:
    environment = {**proxy_environment(port), "PATH": os.defpath}
    program = await asyncio.create_subprocess_exec(
        sys.executable, "-I", "-c", CLIENT, *arguments, env=environment, stdout=asyncio.subprocess.PIPE
    )
    return (await program.communicate())[0]


async def listening(port: int) -> None:
    async with asyncio.timeout(30):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.02)
                continue
            writer.close()
            return


async def test_a_program_reaches_what_is_allowed_through_the_relay(tmp_path: Path) -> None:
    internet = Internet(tmp_path, {"registry.example": ("127.0.0.1",)})
    port = free_port()
    relay = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-S", str(egress_relay.__file__), str(internet.socket), str(port)), env={}
    )
    try:
        await listening(port)
        async with server(internet.echo) as far, internet.egress(Host(name="registry.example", port=far)):
            told = await run(f"http://registry.example:{far}/", f"http://denied.example:{far}/", port=port)
    finally:
        relay.kill()
        await relay.wait()
    assert told.decode().splitlines() == [
        "hello",
        f"403 denied.example port {far} is not among the hosts that setup may reach.",
    ]
