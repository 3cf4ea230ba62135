"""What GitHub's endpoints are given: the call, its parameters, and how lists become pages."""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, TypeVar
from urllib.parse import urlencode

from pydantic import BaseModel, ValidationError

from app.forges.fake import routes
from app.forges.fake.access import Viewer
from app.forges.fake.entities import Repository
from app.forges.fake.errors import Refusal, not_found
from app.forges.fake.exchange import Answer, Request
from app.forges.fake.state import FakeGitHub

Json = dict[str, object]
Model = TypeVar("Model", bound=BaseModel)
Item_contra = TypeVar("Item_contra", contravariant=True)
Item = TypeVar("Item")


class Shape(Protocol[Item_contra]):
    """Turns something remembered into what the API says of it."""

    def __call__(self, github: FakeGitHub, item: Item_contra, /) -> Json: ...


@dataclass
class Call:
    """One request on its way through an endpoint: who asks, about which repository, with which parameters."""

    github: FakeGitHub
    request: Request
    viewer: Viewer
    params: Mapping[str, str]
    found_repo: Repository | None = None
    # A scripted fault: things younger than this are not yet in lists.
    lag: timedelta = timedelta()

    @property
    def repo(self) -> Repository:
        if self.found_repo is None:
            raise LookupError(f"The path {self.request.path!r} names no repository.")
        return self.found_repo

    @property
    def accept(self) -> str:
        return self.request.headers.get("accept", "")

    @property
    def page_size(self) -> int:
        """At most 100, whatever was asked."""
        return min(max(self._query_number("per_page", 30), 1), 100)

    def number(self, name: str) -> int:
        """A number out of the path; what is not one names nothing."""
        text = self.params[name]
        if not text.isdecimal() or len(text) > 18:
            raise not_found()
        return int(text)

    def read(self, model: type[Model]) -> Model:
        """The body as this model, or GitHub's complaints."""
        try:
            data: object = json.loads(self.request.body or b"{}")
        except ValueError:
            raise Refusal(400, "Problems parsing JSON") from None
        try:
            return model.model_validate(data)
        except ValidationError as error:
            names = ", ".join(str(part) for problem in error.errors() for part in problem["loc"])
            raise Refusal(422, f"Invalid request.\n\nFor '{names}': {error.errors()[0]['msg']}.") from None

    def page(
        self, items: Sequence[Item], shape: Shape[Item], *, wrap: Callable[[list[Json]], object] | None = None
    ) -> Answer:
        """One page of a list with its Link header."""
        size, number = self.page_size, max(self._query_number("page", 1), 1)
        seen = self._settled(items)
        chosen = [shape(self.github, item) for item in seen[(number - 1) * size : number * size]]
        links = self._links(number, -(-len(seen) // size))
        return Answer(data=chosen if wrap is None else wrap(chosen), headers={"link": links} if links else {})

    def _query_number(self, name: str, default: int) -> int:
        text = self.request.query.get(name, "")
        return int(text) if text.isdecimal() and len(text) < 10 else default

    def _settled(self, items: Sequence[Item]) -> Sequence[Item]:
        if not self.lag:
            return items
        newest = self.github.clock.now() - self.lag
        return [item for item in items if _created_at(item) is None or (_created_at(item) or newest) <= newest]

    def _links(self, number: int, last: int) -> str:
        pages: list[tuple[str, int]] = []
        if number > 1:
            pages += [("prev", min(number - 1, max(last, 1))), ("first", 1)]
        if number < last:
            pages += [("next", number + 1), ("last", last)]
        return ", ".join(f'<{self._address(page)}>; rel="{rel}"' for rel, page in pages)

    def _address(self, page: int) -> str:
        path = self.request.path
        if self.found_repo is not None:
            # GitHub's own links go by the id, so that they survive a rename.
            rest = path.split("/", 4)[4]
            path = f"/repositories/{self.found_repo.repo_id}/{rest}"
        query = {**self.request.query, "page": str(page)}
        return f"{self.github.api_url}{path}?{urlencode(query)}"


Handler = Callable[[Call], Awaitable[Answer]]
Route = routes.Route[Call]
Routes = routes.Routes[Call]


def _created_at(item: object) -> datetime | None:
    for name in ("created_at", "submitted_at", "started_at"):
        moment = getattr(item, name, None)
        if isinstance(moment, datetime):
            return moment
    return None
