"""What GitLab's endpoints are given: the call, its parameters, and how lists become pages."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar, cast
from urllib.parse import parse_qsl, quote, urlencode

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from app.forges.fake import routes
from app.forges.fake.exchange import Answer, Request
from app.forges.fake.gitlab.access import Viewer
from app.forges.fake.gitlab.entities import Access, MergeRequest, Note, Project, User
from app.forges.fake.gitlab.errors import bad_parameter, forbidden, not_found
from app.forges.fake.gitlab.state import GitLabState

Json = dict[str, object]
Model = TypeVar("Model", bound=BaseModel)
Item = TypeVar("Item")
# Beyond this many items the totals are left out.
_COUNTED = 10_000


@dataclass
class Call:
    """One request on its way through an endpoint: who asks, with which parameters."""

    gitlab: GitLabState
    request: Request
    viewer: Viewer
    params: Mapping[str, str]
    found_project: Project | None = None
    # A scripted fault: things younger than this are not yet in lists.
    lag: timedelta = timedelta()

    @property
    def project(self) -> Project:
        if self.found_project is None:
            raise LookupError(f"The path {self.request.path!r} names no project.")
        return self.found_project

    @property
    def query(self) -> dict[str, str]:
        return self.request.query

    @property
    def user(self) -> User:
        return self.viewer.acting_user()

    def number(self, name: str) -> int:
        """A number out of the path."""
        text = self.params[name]
        if not text.isdecimal() or len(text) > 18:
            raise bad_parameter(f"{name} is invalid")
        return int(text)

    def merge_request(self) -> MergeRequest:
        """The one of the path; guests see none in a private project."""
        found = self.project.merge_requests.get(self.number("iid"))
        hidden = self.project.private and not self.viewer.may(self.project, Access.REPORTER)
        if found is None or hidden:
            raise not_found()
        return found

    def note(self, merge_request: MergeRequest) -> Note:
        found = self.gitlab.note(merge_request, self.number("note_id"))
        if found is None or (found.internal and not self.viewer.may(self.project, Access.REPORTER)):
            raise not_found()
        return found

    def require(self, access: Access) -> None:
        self.viewer.require(self.project, access)

    def require_own(self, owner: User, *, otherwise: Access = Access.MAINTAINER) -> None:
        """One's own things, or anybody's with this role."""
        if self.user is not owner and not self.viewer.may(self.project, otherwise):
            raise forbidden()

    def read(self, model: type[Model]) -> Model:
        """The parameters of body and query as this model, or GitLab's complaints."""
        try:
            return model.model_validate({**self.query, **self._body()})
        except ValidationError as error:
            raise bad_parameter(", ".join(_complaint(problem) for problem in error.errors())) from None

    def page(self, items: Sequence[Item], shape: Callable[[GitLabState, Item], Json]) -> Answer:
        """One page of a list, with its Link header and totals."""
        seen, size, number = self._settled(items), self._page_size(), max(self._query_number("page", 1), 1)
        last = max(-(-len(seen) // size), 1)
        chosen = [shape(self.gitlab, item) for item in seen[(number - 1) * size : number * size]]
        following = number + 1 if number < last else None
        wanted = {"prev": number - 1 or None, "next": following, "first": 1, "last": last}
        links = [f'<{self._address(page=page)}>; rel="{rel}"' for rel, page in wanted.items() if page]
        headers = {
            "link": ", ".join(links),
            "x-page": str(number),
            "x-per-page": str(size),
            "x-next-page": str(following or ""),
            "x-prev-page": str(number - 1 or ""),
        }
        if len(seen) <= _COUNTED:
            headers |= {"x-total": str(len(seen)), "x-total-pages": str(last)}
        return Answer(data=chosen, headers=headers)

    def keyset(
        self, items: Sequence[Item], number: Callable[[Item], int], shape: Callable[[GitLabState, Item], Json]
    ) -> Answer:
        """One page by the id that it begins after: cheap for GitLab, and stable while the list grows."""
        size, after = self._page_size(), self._query_number("id_after", 0)
        rest = sorted((item for item in items if number(item) > after), key=number)
        chosen = rest[:size]
        links = f'<{self._address(id_after=number(chosen[-1]))}>; rel="next"' if len(rest) > size else ""
        return Answer(
            data=[shape(self.gitlab, item) for item in chosen],
            headers={"x-per-page": str(size), **({"link": links} if links else {})},
        )

    def _body(self) -> dict[str, object]:
        if not self.request.body:
            return {}
        if "json" not in self.request.headers.get("content-type", ""):
            return dict(parse_qsl(self.request.body.decode(), keep_blank_values=True))
        try:
            data: object = json.loads(self.request.body)
        except ValueError:
            raise bad_parameter("400 Bad Request") from None
        return cast("dict[str, object]", data) if isinstance(data, dict) else {}

    def _page_size(self) -> int:
        """At most 100, whatever was asked."""
        return min(max(self._query_number("per_page", 20), 1), 100)

    def _query_number(self, name: str, default: int) -> int:
        text = self.query.get(name, "")
        return int(text) if text.isdecimal() and len(text) < 10 else default

    def _settled(self, items: Sequence[Item]) -> Sequence[Item]:
        if not self.lag:
            return items
        newest = self.gitlab.clock.now() - self.lag
        return [item for item in items if _made_at(item) is None or (_made_at(item) or newest) <= newest]

    def _address(self, **changes: object) -> str:
        path = quote(self.request.path.removeprefix("/api/v4"), safe="/%")
        return f"{self.gitlab.api_url}{path}?{urlencode({**self.query, **changes})}"


Route = routes.Route[Call]
Routes = routes.Routes[Call]


def _complaint(problem: ErrorDetails) -> str:
    first, *rest = (str(part) for part in problem["loc"])
    name = first + "".join(f"[{part}]" for part in rest)
    match problem["type"]:
        case "missing":
            return f"{name} is missing"
        case "literal_error" | "enum":
            return f"{name} does not have a valid value"
        case "string_too_short":
            return f"{name} is empty"
        case _:
            return f"{name} is invalid"


def _made_at(item: object) -> datetime | None:
    moment = getattr(item, "created_at", None)
    return moment if isinstance(moment, datetime) else None
