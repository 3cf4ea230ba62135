"""Inserts deliveries until it is killed, and prints each id once it is acknowledged."""

import asyncio
import os
import sys

from app.store.database import Database
from app.store.deliveries import Deliveries


async def main(url: str) -> None:
    inbox = Deliveries(await Database.open(url))

    async def insert(lane: int) -> None:
        number = 0
        while True:
            name = f"{lane}-{number}"
            await inbox.receive(
                connection="github", delivery_id=name, event="push", headers={}, body=os.urandom(25_000)
            )
            sys.stdout.write(f"{name}\n")
            sys.stdout.flush()
            number += 1

    await asyncio.gather(*(insert(lane) for lane in range(16)))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
