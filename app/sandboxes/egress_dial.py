"""From a name to a connection: resolved once, every address checked, and exactly a checked one dialled."""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

from app.sandboxes.egress_names import Address, InternalAddresses, as_address, is_public

# The addresses of a name and port, as text.
Resolver = Callable[[str, int], Awaitable[Sequence[str]]]
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]

# Some names have dozens of addresses; where four do not answer, the fifth will not.
_TRIES = 4
# The longest head of an answer we read ourselves.
_BUFFER = 64 * 1024


class NotPublic(Exception):
    """The name has no address that may be reached: none on the open internet, none the operator allows for it."""


class Unreachable(Exception):
    """The name does not resolve, or no checked address answers."""


async def resolve_by_system(name: str, port: int) -> Sequence[str]:
    found = await asyncio.get_running_loop().getaddrinfo(name, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


class Dialler:
    """Between the check and the connection there is no second look-up in which the answer could change."""

    def __init__(self, internal: InternalAddresses, resolve: Resolver, within: timedelta) -> None:
        self._internal = internal
        self._resolve = resolve
        self._within = within.total_seconds()

    async def dial(self, name: str, port: int, tls: ssl.SSLContext | None = None) -> Streams:
        for address in (await self._checked(name, port))[:_TRIES]:
            try:
                async with asyncio.timeout(self._within):
                    return await asyncio.open_connection(
                        str(address), port, ssl=tls, server_hostname=name if tls else None, limit=_BUFFER
                    )
            except OSError:
                # Also what TLS and the deadline raise; the next address may do better.
                continue
        raise Unreachable(f"{name} does not answer.")

    async def _checked(self, name: str, port: int) -> Sequence[Address]:
        try:
            async with asyncio.timeout(self._within):
                texts = await self._resolve(name, port)
        except OSError:
            raise Unreachable(f"{name} does not resolve.") from None
        found = dict.fromkeys(address for text in texts if (address := as_address(text)))
        checked = [one for one in found if is_public(one) or self._internal.admit(name, one)]
        if not checked:
            raise NotPublic(f"{name} has no address on the open internet.")
        return checked
