"""Deliveries as GitHub would sign them, sent by hand."""

import asyncio
import hashlib
import hmac

import httpx

PING = b'{"zen": "Keep it logically awesome."}'


def guid(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012d}"


def signed(body: bytes, secret: str, *, event: str = "ping", number: int = 0) -> dict[str, str]:
    """The headers of a delivery."""
    return {
        "content-type": "application/json",
        "x-github-event": event,
        "x-github-delivery": guid(number),
        "x-hub-signature-256": signature(body, secret),
    }


def signature(body: bytes, secret: str) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


async def send_steadily(
    url: str, secret: str, *, count: int, per_second: int, into: set[str] | None = None
) -> set[str]:
    """Small deliveries at an even pace, whatever becomes of them; the ids of those that were acknowledged.

    `into` gets them as they are.
    """
    acknowledged: set[str] = set() if into is None else into
    async with httpx.AsyncClient(timeout=10, trust_env=False) as client:

        async def send(number: int) -> None:
            await asyncio.sleep(number / per_second)
            try:
                answer = await client.post(url, content=PING, headers=signed(PING, secret, number=number))
            except httpx.TransportError:
                return
            if answer.status_code == 202:
                acknowledged.add(guid(number))

        await asyncio.gather(*(send(number) for number in range(count)))
    return acknowledged
