"""The GraphQL endpoint: runs a document field by field and answers with data and errors side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from inspect import isawaitable
from typing import cast

from pydantic import BaseModel, ValidationError

from app.forges.fake.access import Viewer
from app.forges.fake.entities import IssueComment, PullRequest, Repository, Review, ReviewComment, Thread
from app.forges.fake.errors import Refusal
from app.forges.fake.graphql_api.mutations import CONTENT_MUTATIONS, MUTATIONS
from app.forges.fake.graphql_api.objects import (
    Arguments,
    GraphQLRefusal,
    Shown,
    World,
    plain,
    show_issue_comment,
    show_pull,
    show_repository,
    show_review,
    show_review_comment,
    show_thread,
    show_user,
)
from app.forges.fake.graphql_api.reader import BadDocument, Field, Operation, Variable, read_document
from app.forges.fake.http import Answer, Json, Request
from app.forges.fake.limits import PrimaryLimit
from app.forges.fake.state import FakeGitHub

_QUERY_POINTS, _MUTATION_POINTS = 1, 5


class Document(BaseModel):
    query: str
    variables: dict[str, object] | None = None
    operationName: str | None = None  # noqa: N815 - GraphQL's own name


@dataclass
class Running:
    """One document on its way: its variables, and the errors so far."""

    variables: Mapping[str, object]
    errors: list[Json] = field(default_factory=list[Json])


async def answer_graphql(github: FakeGitHub, request: Request, viewer: Viewer) -> Answer:
    """Almost everything is a 200; the errors are inside."""
    if viewer.user is None:
        raise Refusal(401, "This endpoint requires you to be authenticated.")
    try:
        document = Document.model_validate_json(request.body)
        operation = read_document(document.query, document.operationName)
        _admit(github, viewer, operation)
        running = Running({**operation.defaults, **(document.variables or {})})
        data = await _select(_root(World(github, viewer), operation), operation.selections, running, ())
    except ValidationError:
        raise Refusal(400, "Problems parsing JSON") from None
    except BadDocument as bad:
        return Answer(data={"errors": [{"message": str(bad)}]})
    except PrimaryLimit as limit:
        return Answer(data={"errors": [{"type": "RATE_LIMITED", "message": limit.message}]})
    return Answer(data={"data": data, **({"errors": running.errors} if running.errors else {})})


def _admit(github: FakeGitHub, viewer: Viewer, operation: Operation) -> None:
    mutates = operation.kind == "mutation"
    names = [one.name for one in operation.selections]
    github.limits.admit(
        viewer.account_key,
        resource="graphql",
        points=_MUTATION_POINTS if mutates else _QUERY_POINTS,
        content=mutates and not CONTENT_MUTATIONS.isdisjoint(names),
    )


def _root(world: World, operation: Operation) -> Shown:
    if operation.kind == "mutation":
        return Shown(
            "Mutation",
            {name: lambda wanted, run=run: run(world, wanted.inside("input")) for name, run in MUTATIONS.items()},
        )
    return Shown(
        "Query",
        {
            "viewer": lambda _: show_user(world, world.viewer.user),
            "repository": lambda wanted: _repository(world, wanted.text("owner"), wanted.text("name")),
            "node": lambda wanted: _node(world, wanted.text("id")),
            "rateLimit": lambda _: _rate_limit(world),
        },
    )


async def _select(source: Shown, fields: Sequence[Field], running: Running, path: tuple[str | int, ...]) -> Json:
    """The fields of an object that were asked for; one that fails is null and leaves an error."""
    data: Json = {}
    for wanted in fields:
        if wanted.on is not None and wanted.on != source.kind and wanted.on not in source.also:
            continue
        here = (*path, wanted.alias)
        if wanted.name == "__typename":
            data[wanted.alias] = source.kind
            continue
        resolver = source.fields.get(wanted.name)
        if resolver is None:
            raise BadDocument(f"Field '{wanted.name}' doesn't exist on type '{source.kind}'")
        try:
            value = resolver(Arguments(cast("dict[str, object]", _filled(wanted.arguments, running.variables))))
            shown = await value if isawaitable(value) else value
            data[wanted.alias] = await _complete(shown, wanted, running, here)
        except GraphQLRefusal as refused:
            data[wanted.alias] = None
            running.errors.append(_error(refused.kind, refused.message, here))
        except Refusal as refused:
            data[wanted.alias] = None
            running.errors.append(_error("UNPROCESSABLE", _sentence(refused), here))
    return data


async def _complete(value: object, wanted: Field, running: Running, path: tuple[str | int, ...]) -> object:
    if isinstance(value, Shown):
        if not wanted.selections:
            raise BadDocument(f"Field must have selections (field '{wanted.name}' returns {value.kind})")
        return await _select(value, wanted.selections, running, path)
    if isinstance(value, list):
        items = cast("list[object]", value)
        return [await _complete(item, wanted, running, (*path, at)) for at, item in enumerate(items)]
    return value


def _filled(value: object, variables: Mapping[str, object]) -> object:
    if isinstance(value, Variable):
        return variables.get(value.name)
    if isinstance(value, dict):
        return {name: _filled(item, variables) for name, item in cast("dict[str, object]", value).items()}
    if isinstance(value, list):
        return [_filled(item, variables) for item in cast("list[object]", value)]
    return value


def _error(kind: str, message: str, path: tuple[str | int, ...]) -> Json:
    error: Json = {"type": kind, "path": list(path), "locations": [{"line": 1, "column": 1}], "message": message}
    if kind == "FORBIDDEN":
        error["extensions"] = {"saml_failure": False}
    return error


def _sentence(refused: Refusal) -> str:
    return ", ".join(_words(problem) for problem in refused.errors) or refused.message


def _words(problem: object) -> str:
    return str(cast("dict[str, object]", problem).get("message", "")) if isinstance(problem, dict) else str(problem)


def _repository(world: World, owner: str, name: str) -> Shown:
    repo = world.github.find_repository(owner, name)
    if repo is None or not world.see(repo):
        raise GraphQLRefusal("NOT_FOUND", f"Could not resolve to a Repository with the name '{owner}/{name}'.")
    return show_repository(world, repo)


def _node(world: World, wanted: str) -> Shown | None:
    match world.github.nodes.get(wanted):
        case Repository() as repo if world.see(repo):
            return show_repository(world, repo)
        case PullRequest() as pull if world.see(pull.repo):
            return show_pull(world, pull)
        case Thread() as thread if world.see(thread.pull.repo):
            return show_thread(world, thread)
        case ReviewComment() as comment if world.see(comment.thread.pull.repo):
            return show_review_comment(world, comment)
        case IssueComment() as comment if world.see(comment.pull.repo):
            return show_issue_comment(world, comment)
        case Review() as review if world.see(review.pull.repo):
            return show_review(world, review)
        case _:
            raise GraphQLRefusal("NOT_FOUND", f"Could not resolve to a node with the global id of '{wanted}'")


def _rate_limit(world: World) -> Shown:
    state = world.github.limits.overview(world.viewer.account_key)["graphql"]
    return plain("RateLimit", {"cost": 1, **{name: state[name] for name in ("limit", "remaining", "used")}})
