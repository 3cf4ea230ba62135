"""Checks requests to GitLab against the part of GitLab's own description that we have, while tests run.

Its answers are described too loosely to check anything by: ids as strings, lists as objects.
"""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, cast

from app.forges.fake.exchange import Answer, Request
from app.forges.fake.gitlab.scenario import FakeGitLab

DATA = Path(__file__).parents[3] / "shared" / "data" / "gitlab"
# Every list takes these, described or not.
PAGES = frozenset({"page", "per_page", "pagination", "order_by", "sort", "id_after", "cursor"})
# Parameters that GitLab has and this version of its description has not.
NEWER = {("POST", "hooks"): {"signing_token"}, ("PUT", "hooks"): {"signing_token"}}
_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
}


class Swagger:
    """The description, read once."""

    def __init__(self, text: str) -> None:
        self._described: dict[str, Any] = json.loads(text)
        self.paths: dict[str, dict[str, Any]] = self._described["paths"]

    def operation(self, method: str, path: str) -> dict[str, Any] | None:
        """What is said of a request; the template with the most fixed parts wins."""
        parts = path.strip("/").split("/")
        found = [(template, one) for template, one in self.paths.items() if _matches(template, parts)]
        found.sort(key=lambda held: held[0].count("{"))
        return next((one[method.lower()] for _, one in found if method.lower() in one), None)

    def problems(self, request: Request) -> Iterator[str]:
        """What is wrong with a request that is described."""
        operation = self.operation(request.method, request.path)
        if operation is None:
            return
        given: dict[str, object] = dict(request.query)
        described = {one["name"]: one for one in operation.get("parameters", []) if one["in"] == "query"}
        for name in given.keys() - described.keys() - PAGES:
            yield f"unknown parameter {name!r}"
        for name, value in given.items():
            choices = described.get(name, {}).get("enum")
            if choices and value not in choices:
                yield f"{name} is {value!r}, not one of {choices}"
        schema = next((one["schema"] for one in operation.get("parameters", []) if one["in"] == "body"), None)
        if schema is not None:
            yield from self._body(schema, request)

    def _body(self, schema: dict[str, Any], request: Request) -> Iterator[str]:
        newer = NEWER.get((request.method, request.path.rstrip("/0123456789").rpartition("/")[2]), set[str]())
        body = cast("dict[str, object]", json.loads(request.body or b"{}"))
        kept = {name: value for name, value in body.items() if name not in newer}
        yield from self._value(schema, kept, "body")

    def _value(self, schema: dict[str, Any], value: object, where: str) -> Iterator[str]:
        if "$ref" in schema:
            schema = self._described["definitions"][schema["$ref"].rsplit("/", 1)[1]]
        kinds = _TYPES.get(schema.get("type", ""), (object,))
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds and kinds != (object,)):
            yield f"{where} is {value!r}, not {schema['type']}"
            return
        if "enum" in schema and value not in schema["enum"]:
            yield f"{where} is {value!r}, not one of {schema['enum']}"
        if isinstance(value, dict) and "properties" in schema:
            yield from self._fields(schema, cast("dict[str, object]", value), where)

    def _fields(self, schema: dict[str, Any], value: dict[str, object], where: str) -> Iterator[str]:
        for name in schema.get("required", []):
            if name not in value:
                yield f"{where}.{name} is missing"
        for name, inner in value.items():
            if name not in schema["properties"]:
                yield f"{where}.{name} is unknown"
            elif inner is not None:
                yield from self._value(schema["properties"][name], inner, f"{where}.{name}")


@cache
def swagger() -> Swagger | None:
    """None where the data is absent, as on most machines; it may not be absent in CI."""
    path = DATA / "openapi_v2_subset.json"
    if not path.is_file() and os.environ.get("CI") == "true":
        raise FileNotFoundError(path)
    return Swagger(path.read_text()) if path.is_file() else None


@dataclass
class GitLabContract:
    """Watches one fake and keeps what does not match the description."""

    problems: list[str] = field(default_factory=list[str])
    checked: set[str] = field(default_factory=set[str])

    def watch(self, fake: FakeGitLab) -> None:
        fake.observe(self.observe)

    def observe(self, request: Request, answer: Answer) -> None:
        described = swagger()
        # A request that was refused may be wrong on purpose; one that worked must be right.
        if described is None or not 200 <= answer.status < 300 or not request.path.startswith("/api/v4/"):
            return
        if described.operation(request.method, request.path) is not None:
            self.checked.add(f"{request.method} {request.path}")
        self.problems += [f"{request.method} {request.path}: {one}" for one in described.problems(request)]

    def assert_kept(self) -> None:
        assert not self.problems, "Not as GitLab describes it:\n" + "\n".join(dict.fromkeys(self.problems))


def _matches(template: str, parts: list[str]) -> bool:
    described = template.strip("/").split("/")
    return len(described) == len(parts) and all(
        one.startswith("{") or one == part for one, part in zip(described, parts, strict=True)
    )
