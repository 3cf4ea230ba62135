"""Checks every request, answer, GraphQL document and delivery against GitHub's own descriptions, while tests run."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

import graphql
from jsonschema import Draft202012Validator
from openapi_core import Config, OpenAPI
from openapi_core.datatypes import RequestParameters
from werkzeug.datastructures import Headers, ImmutableMultiDict

from app.forges.fake.hooks import Delivery
from app.forges.fake.http import Answer, Request
from app.forges.fake.scenario import FakeForge

# Operations the fake has and the official subset lacks; each with why it is used all the same.
NOT_IN_SUBSET = {
    "GET /user": "a personal token tells whose it is",
    "GET /repos/*/*/issues/comments/*": "a comment is read again before a command of it runs",
    "GET /repos/*/*/issues/*/reactions": "tests look at reactions to the pull request",
    "DELETE /repos/*/*/pulls/comments/*/reactions/*": "the same as for conversation comments, which is described",
    "DELETE /repos/*/*/issues/*/labels/*": "tests take labels away",
    "POST /repos/*/*/check-runs/*/rerequest": "tests ask for a check again as an App may",
}
# Deliveries that have no description among the official ones.
EVENTS_NOT_DESCRIBED = {"ping.None": "described for repository hooks only", "push.None": "tests subscribe rarely"}
# Described as never null, and null in recorded answers: lines that are gone, the repository of a deleted fork.
NULL_IN_REALITY = (
    ("pull-request-review-comment", "line"),
    ("pull-request-review-comment", "position"),
    ("review-comment", "line"),
    ("pull-request", "head.repo"),
    ("pull-request-simple", "head.repo"),
)
# The parameter that may hold slashes, which the checker's paths cannot.
_REST = re.compile(r"^(/repos/[^/]+/[^/]+/(?:contents|git/ref|git/refs|branches|compare)/)(.+)$")
_HOST = "https://api.github.com"


@dataclass
class _Asked:
    """A request in the form the checker reads."""

    method: str
    path: str
    parameters: RequestParameters
    content_type: str
    body: bytes | None
    host_url: str = _HOST


@dataclass
class _Answered:
    """An answer in the form the checker reads."""

    status_code: int
    content_type: str
    data: bytes | None
    headers: Headers


class OfficialDescriptions:
    """GitHub's descriptions, read once: REST, webhooks, GraphQL."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._validators: dict[str, Draft202012Validator | None] = {}

    @cached_property
    def rest(self) -> OpenAPI:
        description = json.loads((self.folder / "openapi-subset-noexamples.json").read_text())
        _allow_null_in_nullable_enums(description)
        for schema, place in NULL_IN_REALITY:
            _allow_null(description["components"]["schemas"], schema, place)
        _let_accounts_be_one_thing(description)
        # A folder is a list; a list has no `type` to tell it by.
        content = description["paths"]["/repos/{owner}/{repo}/contents/{path}"]["get"]["responses"]["200"]["content"]
        del content["application/json"]["schema"]["discriminator"]
        # The description itself is not on trial; checking it takes seconds.
        return OpenAPI.from_dict(description, config=Config(spec_validator_cls=cast("Any", None)))

    @cached_property
    def webhooks(self) -> dict[str, Any]:
        return json.loads((self.folder / "openapi-webhooks-subset.json").read_text())

    @cached_property
    def schema(self) -> graphql.GraphQLSchema:
        text = (self.folder / "schema.graphql").read_text()
        # The published schema does not pass graphql-core's own checks.
        return graphql.build_schema(text, assume_valid=True, assume_valid_sdl=True)

    def payload_validator(self, event: str, action: str | None) -> Draft202012Validator | None:
        """What checks this event's payloads; nothing when it is not described."""
        name = "-".join(part for part in (event, action) if part).replace("_", "-")
        if name not in self._validators:
            described = self.webhooks["webhooks"].get(name)
            schema: dict[str, Any] | None = None
            if described is not None:
                content = described["post"]["requestBody"]["content"]
                schema = {**content["application/json"]["schema"], "components": self.webhooks["components"]}
            self._validators[name] = Draft202012Validator(schema) if schema else None
        return self._validators[name]


@dataclass
class Contract:
    """Watches one fake and keeps what does not match the descriptions."""

    official: OfficialDescriptions
    problems: list[str] = field(default_factory=list[str])
    checked: set[str] = field(default_factory=set[str])
    documents: set[str] = field(default_factory=set[str])
    # An older Enterprise Server lacks fields that today's description requires.
    answers_too: bool = True

    def watch(self, forge: FakeForge) -> None:
        forge.observe(self.observe)

    def observe(self, request: Request, answer: Answer) -> None:
        """Check one exchange; git and the site's pages have no description."""
        if request.path == "/graphql":
            self._observe_graphql(request, answer)
        elif request.path.startswith(("/repos/", "/app", "/installation", "/user", "/rate_limit")):
            self._observe_rest(request, answer)

    def check_deliveries(self, forge: FakeForge) -> None:
        """Check the payload of everything that was sent."""
        for delivery in forge.deliveries:
            self._check_delivery(delivery)

    def assert_kept(self) -> None:
        if self.problems:
            raise AssertionError("Not as GitHub describes it:\n" + "\n".join(dict.fromkeys(self.problems)))

    def _observe_rest(self, request: Request, answer: Answer) -> None:
        if answer.status in (0, 304) or answer.status >= 500 or _is_page(answer) or _is_exempt(request):
            return
        name = f"{request.method} {request.path}"
        asked = _asked(request)
        # A request that was refused may be wrong on purpose; one that worked must be right.
        if answer.status < 400:
            self.checked.add(name)
            for error in self.official.rest.iter_request_errors(asked):
                self._keep(f"{name}: request", error)
        if self.answers_too and not _is_raw(answer):
            for error in self.official.rest.iter_response_errors(asked, _answered(answer)):
                if answer.status < 400 or not _is_undescribed(error):
                    self._keep(f"{name}: answer {answer.status}", error)

    def _observe_graphql(self, request: Request, answer: Answer) -> None:
        if answer.status != 200:
            return
        body = cast("dict[str, Any]", json.loads(request.body))
        text = str(body["query"])
        answered = cast("dict[str, Any]", json.loads(answer.content))
        if "data" not in answered:
            return
        document = graphql.parse(text)
        self.documents.add(text)
        errors = graphql.validate(self.official.schema, document)
        self.problems += [f"GraphQL document: {error.message}" for error in errors]
        if not errors:
            self._check_graphql_answer(document, answered["data"], body)

    def _check_graphql_answer(
        self, document: graphql.DocumentNode, data: Mapping[str, Any], body: Mapping[str, Any]
    ) -> None:
        """Run the document over the answer itself: every type, enum and non-null rule of the schema is looked at."""
        result = graphql.execute_sync(
            self.official.schema,
            document,
            root_value=data,
            variable_values=body.get("variables"),
            operation_name=body.get("operationName"),
            field_resolver=_answered_field,
            type_resolver=_answered_type,
        )
        self.problems += [f"GraphQL answer: {error.message} at {error.path}" for error in result.errors or []]

    def _check_delivery(self, delivery: Delivery) -> None:
        name = f"{delivery.event}.{delivery.action}"
        if name in EVENTS_NOT_DESCRIBED:
            return
        validator = self.official.payload_validator(delivery.event, delivery.action)
        if validator is None:
            self.problems.append(f"delivery {name}: not described")
            return
        for error in validator.iter_errors(json.loads(delivery.text)):
            self.problems.append(f"delivery {name}: {'.'.join(map(str, error.absolute_path))}: {error.message[:300]}")

    def _keep(self, where: str, error: Exception) -> None:
        details = [str(cause) for cause in getattr(error.__cause__, "schema_errors", ())] or [
            repr(error.__cause__ or error)
        ]
        self.problems += [f"{where}: {detail[:600]}" for detail in details]


def _allow_null_in_nullable_enums(description: Any) -> None:
    """`start_side` is null on most comments, and described as nullable with an enum that lacks null."""
    if isinstance(description, dict):
        node = cast("dict[str, Any]", description)
        if node.get("nullable") is True and isinstance(node.get("enum"), list) and None not in node["enum"]:
            node["enum"].append(None)
        for value in node.values():
            _allow_null_in_nullable_enums(value)
    elif isinstance(description, list):
        for value in cast("list[Any]", description):
            _allow_null_in_nullable_enums(value)


def _allow_null(schemas: dict[str, Any], name: str, place: str) -> None:
    schema = schemas[name]
    *outer, last = place.split(".")
    for part in outer:
        schema = schema["properties"][part]
    described = schema["properties"][last]
    referred = schemas[described["$ref"].rsplit("/", 1)[1]] if "$ref" in described else described
    schema["properties"][last] = {**referred, "nullable": True}


def _let_accounts_be_one_thing(description: dict[str, Any]) -> None:
    """The list of installations describes an account as a user and an enterprise at once; elsewhere it is either."""
    listed = description["paths"]["/app/installations"]["get"]["responses"]["200"]["content"]["application/json"]
    account = listed["schema"]["items"]["properties"]["account"]
    account["anyOf"] = account.pop("allOf")


def _asked(request: Request) -> _Asked:
    rest = _REST.match(request.path)
    path = f"{rest[1]}{quote(rest[2], safe='')}" if rest else request.path
    kind = request.headers.get("content-type", "application/json").lower()
    return _Asked(
        method=request.method.lower(),
        path=path,
        parameters=RequestParameters(
            query=ImmutableMultiDict(request.query), header=Headers(dict(request.headers)), path={}
        ),
        content_type=kind,
        body=request.body or None,
    )


def _answered(answer: Answer) -> _Answered:
    kind = answer.headers.get("content-type", "application/json")
    headers = Headers({name.title(): value for name, value in answer.headers.items()})
    return _Answered(answer.status, kind, answer.content or None, headers)


def _is_exempt(request: Request) -> bool:
    name = f"{request.method} {request.path}"
    return any(re.fullmatch(one.replace("*", "[^/]+"), name) for one in NOT_IN_SUBSET)


def _is_page(answer: Answer) -> bool:
    return answer.headers.get("content-type", "").startswith("text/html") or answer.status == 302


def _is_raw(answer: Answer) -> bool:
    """Diffs and files come as they are."""
    return "application/vnd.github" in answer.headers.get("content-type", "")


def _is_undescribed(error: Exception) -> bool:
    """Any operation may be refused in ways that its description does not list."""
    return type(error).__name__ in ("ResponseNotFound", "PathNotFound", "OperationNotFound")


def _answered_field(source: Any, info: graphql.GraphQLResolveInfo[Any], **_: Any) -> Any:
    return source.get(info.path.key)


def _answered_type(value: Any, _: Any, abstract: graphql.GraphQLAbstractType) -> str:
    """Where the document does not ask for `__typename`, any member of the type has the field."""
    known = {"Actor": "User", "Minimizable": "IssueComment", "Node": "User", "Closable": "PullRequest"}
    return str(value.get("__typename") or known.get(abstract.name, abstract.name))
