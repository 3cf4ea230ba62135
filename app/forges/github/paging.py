"""Lists that come in pages: the next one is asked for by us, never by following an address somebody gave."""

import re
from collections.abc import AsyncGenerator, Awaitable, Callable

import httpx

from app.forges.github.answers import Answer
from app.forges.github.client import Params

PAGE_SIZE = 100
# How many pages do we read before something must be wrong? GitHub lists at most 3,000 files.
MOST_PAGES = 100

_NEXT = re.compile(r'<([^<>]{1,4000})>; ?rel="next"')


async def each_page(
    fetch: Callable[[Params], Awaitable[Answer]], params: Params | None = None
) -> AsyncGenerator[Answer, None]:
    """Page after page, by number or by cursor, as the list has it."""
    asked: Params = {"per_page": PAGE_SIZE, **(params or {})}
    for _ in range(MOST_PAGES):
        answer = await fetch(asked)
        yield answer
        where = _next(answer)
        if not where:
            return
        asked = {**asked, **where}


def _next(answer: Answer) -> dict[str, str]:
    found = _NEXT.search(answer.headers.get("link", ""))
    query = httpx.URL(found[1]).params if found else httpx.QueryParams()
    return {name: query[name] for name in ("page", "cursor") if name in query}
