"""The socket on which a container's supervisor listens: made outside, and handed to the container's first program."""

import asyncio
import socket
from datetime import timedelta
from pathlib import Path

from app.sandboxes.base import NotDone
from app.sandboxes.docker_api import DockerApi
from app.sandboxes.egress_socket import listen_at, short_name
from app.sandboxes.link import Streams

# In the sandbox's own folder, which is nobody else's: every process of ours on this machine can reach it.
_CONTROL = "control"
# In the folder the container sees; gone before anything of a repository runs.
DOOR = "start"
_SAID = 16 * 1024


async def start_and_hand_over(
    api: DockerApi, container: str, folder: Path, seen: Path, within: timedelta
) -> socket.socket:
    """Start the container and give it the socket that it will be reached by. NotDone when it ends first.

    What comes back is for `complaint`, and to be closed when the supervisor has answered.
    """
    with listen_at(folder / _CONTROL) as listening, listen_at(seen / DOOR, 0o666) as door:
        await api.start(container)
        called = asyncio.create_task(asyncio.get_running_loop().sock_accept(door))
        ended = asyncio.create_task(api.wait(container))
        try:
            async with asyncio.timeout(within.total_seconds()):
                await asyncio.wait({called, ended}, return_when=asyncio.FIRST_COMPLETED)
            if not called.done():
                raise NotDone(
                    f"The container ended with {await ended} before it began; has its image a python3 ≥ 3.11?"
                )
            calling = called.result()[0]
            socket.send_fds(calling, [b"1"], [listening.fileno()])
            return calling
        except TimeoutError:
            raise NotDone("The container did not call in time.") from None
        finally:
            called.cancel()
            ended.cancel()
            await asyncio.gather(called, ended, return_exceptions=True)
            (seen / DOOR).unlink(missing_ok=True)


def complaint(calling: socket.socket) -> str:
    """What the supervisor said in vain, on one line; it has ended, or never will say more."""
    try:
        said = calling.recv(_SAID).decode("utf-8", "replace")
    except OSError:
        return ""
    return " ".join(said.split())[-300:]


async def connect(folder: Path) -> Streams:
    with short_name(folder / _CONTROL) as short:
        return await asyncio.open_unix_connection(short)
