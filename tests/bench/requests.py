"""What was asked of the forge, sorted into what counts as a request of a review and what does not."""

import re
from collections import Counter
from collections.abc import Iterable

from app.forges.fake.server import Seen

_NUMBERS = re.compile(r"/\d+(?=/|$)")


def api_requests(seen: Iterable[Seen]) -> Counter[str]:
    """By kind; git has limits of its own and a token is minted once an hour, so neither is counted."""
    kinds = (f"{one.method} {_kind(one.path)}" for one in seen if ".git/" not in one.path)
    return Counter(kind for kind in kinds if not kind.endswith("access_tokens") and "/app" not in kind)


def _kind(path: str) -> str:
    return _NUMBERS.sub("/N", re.sub(r"^/repos/[^/]+/[^/]+", "", path))
