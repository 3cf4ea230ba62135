"""Lists that come in pages: the next one is asked for by us, never by following an address somebody gave."""

import re
from collections.abc import AsyncGenerator, Awaitable, Callable

import httpx

from app.forges.gitlab.answers import Answer
from app.forges.gitlab.client import Params

PAGE_SIZE = 100
# How many pages do we read before something must be wrong? 50,000 entries is where GitLab ends a list by number.
MOST_PAGES = 500

_NEXT = re.compile(r'<([^<>]{1,4000})>; ?rel="next"')
# A list by number has `page`; one by keyset has what its order needs.
_WHERE = ("page", "cursor", "id_after", "id_before", "pagination")


async def each_page(
    fetch: Callable[[Params], Awaitable[Answer]], params: Params | None = None
) -> AsyncGenerator[Answer, None]:
    """Page after page, by number or by keyset, as the list has it."""
    asked: Params = {"per_page": PAGE_SIZE, **(params or {})}
    for _ in range(MOST_PAGES):
        answer = await fetch(asked)
        yield answer
        where = _next(answer)
        if not where or where.items() <= asked.items():
            return
        asked = {**asked, **where}


def _next(answer: Answer) -> dict[str, str]:
    found = _NEXT.search(answer.headers.get("link", ""))
    if found:
        query = httpx.URL(found[1]).params
        return {name: query[name] for name in _WHERE if name in query}
    number = answer.headers.get("x-next-page", "").strip()
    return {"page": number} if number.isdecimal() else {}
