"""Calls about one repository with one set of rights: a token is replaced once when refused, a route must be allowed."""

from collections.abc import Sequence
from typing import TypeVar

from pydantic import JsonValue

from app.domain.errors import ForgeRefused, ForgeUnavailable, Gone
from app.forges.answering import Unauthorized
from app.forges.github.answers import Answer, Problem
from app.forges.github.auth import Auth, Rights
from app.forges.github.client import GitHubClient, Grant, Params
from app.forges.github.models import Shape
from app.forges.github.paging import each_page
from app.forges.github.routes import GRAPHQL_MUTATION, Route

M = TypeVar("M", bound=Shape)


class GraphqlAnswer(Shape):
    """Data and errors come together: each field that failed is null, and named by an error's path."""

    data: dict[str, JsonValue] | None = None
    errors: tuple[Problem, ...] = ()


class Calls:
    """The reader's or the poster's way to GitHub."""

    def __init__(self, client: GitHubClient, auth: Auth, rights: Rights, allowed: frozenset[Route]) -> None:
        self._client = client
        self._auth = auth
        self._rights: Rights = rights
        self._allowed = allowed

    @property
    def connection_key(self) -> str:
        return self._client.connection.key

    async def installation_id(self, repo_id: str) -> str:
        """Of which installation the repository is; empty without an App."""
        return (await self._auth.grant(repo_id, self._rights)).account.installation_id

    async def grant(self, repo_id: str) -> Grant:
        return await self._auth.grant(repo_id, self._rights)

    async def send(
        self, route: Route, repo_id: str, *, params: Params | None = None, json: JsonValue = None, **parts: str | int
    ) -> Answer:
        if route not in self._allowed:
            raise RuntimeError(f"{route} is not among the routes of {self._rights!r}")
        parts = {"repo": repo_id, **parts}
        grant = await self._auth.grant(repo_id, self._rights)
        try:
            return await self._client.send(grant, route, params=params, json=json, **parts)
        except Unauthorized:
            # Revoked, or its time is over by the forge's clock: the call was not done, a new token may do it.
            self._auth.drop(grant)
            grant = await self._auth.grant(repo_id, self._rights)
            return await self._client.send(grant, route, params=params, json=json, **parts)

    async def all(
        self,
        route: Route,
        repo_id: str,
        shape: type[M],
        params: Params | None = None,
        **parts: str | int,
    ) -> list[M]:
        """Every entry of a list, all pages."""

        async def fetch(asked: Params) -> Answer:
            return await self.send(route, repo_id, params=asked, **parts)

        entries: list[M] = []
        async for answer in each_page(fetch, params):
            entries.extend(answer.read_list(shape))
        return entries

    async def graphql(
        self, route: Route, repo_id: str, document: str, variables: dict[str, JsonValue], *, partly: bool = False
    ) -> GraphqlAnswer:
        """All that was asked, or an error; `partly` lets errors of single fields through to the caller."""
        answer = await self.send(route, repo_id, json={"query": document, "variables": variables})
        return read_graphql(answer, partly=partly)


def read_graphql(answer: Answer, *, partly: bool = False) -> GraphqlAnswer:
    result = answer.read(GraphqlAnswer)
    if result.errors and not (partly and all(error.path for error in result.errors)):
        raise _graphql_error(answer.route, result.errors)
    return result


def _graphql_error(route: Route, errors: Sequence[Problem]) -> Exception:
    message = "; ".join(error.message for error in errors)[:300]
    kinds = {error.type for error in errors}
    if "NOT_FOUND" in kinds:
        return Gone(404, message)
    if kinds & {"FORBIDDEN", "INSUFFICIENT_SCOPES"}:
        return ForgeRefused(403, message)
    # "Something went wrong while executing your query" comes without a type. For a mutation it may have gone through.
    if kinds <= {None, "SERVICE_UNAVAILABLE", "INTERNAL"}:
        return ForgeUnavailable(f"{'mutation' if route is GRAPHQL_MUTATION else 'query'}: {message}")
    return ForgeRefused(422, message)
