"""Waits for a word, then claims deliveries until none is left, and prints their ids."""

import asyncio
import sys
from datetime import timedelta

from app.store.database import Database
from app.store.deliveries import Deliveries


async def main(url: str) -> None:
    db = await Database.open(url)
    inbox = Deliveries(db)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.readline)
    while rows := await inbox.claim(limit=3, lease=timedelta(minutes=5)):
        sys.stdout.writelines(f"{row.delivery_id}\n" for row in rows)
        await asyncio.sleep(0.01)
    await db.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
