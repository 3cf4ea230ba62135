"""Which function answers which path; `CallT` is what a forge's own endpoints are given."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar
from urllib.parse import unquote

from app.forges.fake.exchange import Answer

CallT = TypeVar("CallT")


@dataclass(frozen=True)
class Route(Generic[CallT]):
    """A method and path, the rights of which one must be there, and what answers."""

    method: str
    pattern: tuple[str, ...]
    needs: tuple[str, ...]
    handler: Callable[[CallT], Awaitable[Answer]]
    # Counts as creating content for the limits.
    content: bool = False

    def match(self, segments: Sequence[str]) -> dict[str, str] | None:
        """The path's parameters; a last `{name...}` takes all that is left, slashes included."""
        params: dict[str, str] = {}
        for position, part in enumerate(self.pattern):
            if part.endswith("...}"):
                rest = "/".join(segments[position:])
                return {**params, part[1:-4]: unquote(rest)} if rest or position < len(segments) else None
            if position >= len(segments):
                return None
            if part.startswith("{"):
                params[part[1:-1]] = unquote(segments[position])
            elif part != segments[position]:
                return None
        return params if len(self.pattern) == len(segments) else None


class Routes(Generic[CallT]):
    """The endpoints of one area, each named beside the function that answers it."""

    def __init__(self) -> None:
        self.table: list[Route[CallT]] = []

    def on(
        self, line: str, *, needs: str = "", content: bool = False
    ) -> Callable[[Callable[[CallT], Awaitable[Answer]]], Callable[[CallT], Awaitable[Answer]]]:
        """`on("GET /repos/{owner}/{repo}/pulls", needs="pull_requests:read")`; alternatives part at `|`."""
        method, path = line.split(" ")
        pattern = tuple(path.strip("/").split("/"))
        rights = tuple(part for part in needs.split("|") if part)

        def register(handler: Callable[[CallT], Awaitable[Answer]]) -> Callable[[CallT], Awaitable[Answer]]:
            self.table.append(Route(method, pattern, rights, handler, content))
            return handler

        return register


def find_route(routes: Iterable[Route[CallT]], method: str, path: str) -> tuple[Route[CallT], dict[str, str]] | None:
    segments = path.strip("/").split("/")
    for route in routes:
        if route.method == method:
            params = route.match(segments)
            if params is not None:
                return route, params
    return None
