"""The reader's or the poster's way to GitLab: a route must be allowed, and no text leaves without being neutralised."""

from typing import TypeVar

from pydantic import JsonValue

from app.forges.gitlab.answers import Answer
from app.forges.gitlab.client import GitLabClient, Params
from app.forges.gitlab.models import Shape
from app.forges.gitlab.neutral import neutral
from app.forges.gitlab.paging import each_page
from app.forges.gitlab.routes import Route

M = TypeVar("M", bound=Shape)


class Calls:
    def __init__(self, client: GitLabClient, allowed: frozenset[Route]) -> None:
        self._client = client
        self._allowed = allowed

    async def send(
        self,
        route: Route,
        *,
        params: Params | None = None,
        json: dict[str, JsonValue] | None = None,
        **parts: str | int,
    ) -> Answer:
        if route not in self._allowed:
            raise RuntimeError(f"{route} is not among the routes that may be used here")
        return await self._client.send(route, params=params, json=_harmless(route, json), **parts)

    async def all(self, route: Route, shape: type[M], params: Params | None = None, **parts: str | int) -> list[M]:
        """Every entry of a list, all pages."""

        async def fetch(asked: Params) -> Answer:
            return await self.send(route, params=asked, json=None, **parts)

        entries: list[M] = []
        async for answer in each_page(fetch, params):
            entries.extend(answer.read_list(shape))
        return entries


def _harmless(route: Route, json: dict[str, JsonValue] | None) -> JsonValue:
    """What GitLab would interpret, so that it is only read."""
    if not route.text or json is None:
        return json
    text = json.get(route.text)
    return {**json, route.text: neutral(text)} if isinstance(text, str) else json
