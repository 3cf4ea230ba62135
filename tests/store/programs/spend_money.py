"""Spends six dollars of the given database's day on another repository, as a process of its own does it."""

import asyncio
import sys
from datetime import datetime

from app.domain.pull_request import PullRequestRef
from app.domain.review import ReviewerUsage
from app.store.database import Database
from app.store.usage import Usage


async def main(url: str, at: str) -> None:
    db = await Database.open(url)
    ref = PullRequestRef(connection="github", repo_id="1002", number=1)
    spent = ReviewerUsage(model="priced", requests=1, dollars=6.0)
    await Usage(db).add("elsewhere", ref, "7", spent, datetime.fromisoformat(at))
    await db.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
