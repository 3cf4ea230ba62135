"""What GraphQL shows of the state: objects with fields that are computed only when asked for."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar, cast

from app.forges.fake.access import Viewer
from app.forges.fake.clock import stamp
from app.forges.fake.entities import (
    IssueComment,
    PullRequest,
    Reaction,
    Repository,
    Review,
    ReviewComment,
    Thread,
    User,
)
from app.forges.fake.state import FakeGitHub, node_id_of

Item = TypeVar("Item")
# REST's names for emoji, and those of GraphQL.
REACTIONS = {
    "+1": "THUMBS_UP",
    "-1": "THUMBS_DOWN",
    "laugh": "LAUGH",
    "confused": "CONFUSED",
    "heart": "HEART",
    "hooray": "HOORAY",
    "rocket": "ROCKET",
    "eyes": "EYES",
}


class GraphQLRefusal(Exception):
    """A field that could not be had; the others still are."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message


@dataclass(frozen=True)
class Arguments:
    """The arguments of one field, variables filled in."""

    values: Mapping[str, object]

    def text(self, name: str) -> str:
        value = self.values.get(name)
        if not isinstance(value, str):
            raise GraphQLRefusal("INVALID", f"Argument {name!r} has an invalid value")
        return value

    def maybe_text(self, name: str) -> str | None:
        value = self.values.get(name)
        return value if isinstance(value, str) else None

    def number(self, name: str) -> int | None:
        value = self.values.get(name)
        return value if isinstance(value, int) else None

    def inside(self, name: str) -> "Arguments":
        value = self.values.get(name)
        return Arguments(cast("dict[str, object]", value) if isinstance(value, dict) else {})

    def items(self, name: str) -> list["Arguments"]:
        value = self.values.get(name)
        found = cast("list[dict[str, object]]", value) if isinstance(value, list) else []
        return [Arguments(one) for one in found]


Resolver = Callable[[Arguments], object | Awaitable[object]]


@dataclass(frozen=True)
class Shown:
    """An object of the schema: its type's name and how each field is had."""

    kind: str
    fields: Mapping[str, Resolver] = field(repr=False)
    # Interfaces it fulfils: fragments on them apply.
    also: tuple[str, ...] = ()


@dataclass(frozen=True)
class World:
    """Who asks whom."""

    github: FakeGitHub
    viewer: Viewer

    def see(self, repo: Repository) -> bool:
        return self.viewer.sees(repo) and self.viewer.allows(repo, "metadata:read")


def connection(items: Sequence[Item], show: Callable[[Item], Shown], arguments: Arguments) -> Shown:
    """A page of a list; the cursor is the position after an item."""
    after, before = arguments.maybe_text("after"), arguments.maybe_text("before")
    start = int(after.removeprefix("after:")) if after else 0
    end = int(before.removeprefix("after:")) - 1 if before else len(items)
    first, last = arguments.number("first"), arguments.number("last")
    if first is None and last is None:
        raise GraphQLRefusal(
            "MISSING_PAGINATION_BOUNDARIES", "You must provide a `first` or `last` value to properly paginate."
        )
    if max(first or 0, last or 0) > 100:
        raise GraphQLRefusal("EXCESSIVE_PAGINATION", "Requesting more than 100 records exceeds the `first` limit.")
    if first is not None:
        end = min(end, start + first)
    elif last is not None:
        start = max(start, end - last)
    chosen = [show(item) for item in items[start:end]]
    page: dict[str, object] = {
        "hasNextPage": end < len(items),
        "hasPreviousPage": start > 0,
        "startCursor": f"after:{start + 1}" if chosen else None,
        "endCursor": f"after:{end}" if chosen else None,
    }
    edges = [plain("Edge", {"node": one, "cursor": f"after:{start + at}"}) for at, one in enumerate(chosen, 1)]
    return plain(
        "Connection", {"nodes": chosen, "edges": edges, "totalCount": len(items), "pageInfo": plain("PageInfo", page)}
    )


def plain(kind: str, values: Mapping[str, object]) -> Shown:
    """An object whose fields are known already."""
    return Shown(kind, {name: _constant(value) for name, value in values.items()})


def show_user(world: World, user: User | None) -> Shown | None:
    """An account; an App's bot goes without its `[bot]` here, unlike in REST."""
    if user is None or user.deleted:
        return None
    values: dict[str, object] = {
        "id": node_id_of(user),
        "databaseId": user.user_id,
        "login": user.login.removesuffix("[bot]"),
        "url": f"{world.github.web_url}/{user.login}",
    }
    return Shown(user.kind, plain(user.kind, values).fields, ("Actor", "Node"))


def show_repository(world: World, repo: Repository) -> Shown:
    def pull_request(arguments: Arguments) -> Shown:
        number = arguments.number("number")
        pull = repo.pulls.get(number or 0)
        if pull is None:
            raise GraphQLRefusal("NOT_FOUND", f"Could not resolve to a PullRequest with the number of {number}.")
        if not world.viewer.allows(repo, "pull_requests:read"):
            raise GraphQLRefusal("FORBIDDEN", "Resource not accessible by integration")
        return show_pull(world, pull)

    values: dict[str, object] = {
        "id": node_id_of(repo),
        "databaseId": repo.repo_id,
        "name": repo.name,
        "nameWithOwner": repo.full_name,
        "owner": show_user(world, repo.owner),
        "isPrivate": repo.private,
        "isArchived": repo.archived,
        "defaultBranchRef": plain("Ref", {"name": repo.default_branch}),
        "url": f"{world.github.web_url}/{repo.full_name}",
    }
    return Shown("Repository", {**plain("", values).fields, "pullRequest": pull_request}, ("Node",))


def show_pull(world: World, pull: PullRequest) -> Shown:
    state = "MERGED" if pull.merged_at else pull.state.upper()
    values: dict[str, object] = {
        "id": node_id_of(pull),
        "databaseId": pull.pull_id,
        "number": pull.number,
        "title": pull.title,
        "body": pull.body or "",
        "state": state,
        "isDraft": pull.draft,
        "merged": pull.merged_at is not None,
        "closed": pull.state == "closed",
        "locked": pull.locked,
        "headRefOid": pull.head_sha,
        "headRefName": pull.head_ref,
        "baseRefOid": pull.base_sha,
        "baseRefName": pull.base_ref,
        "author": show_user(world, pull.author),
        "createdAt": stamp(pull.created_at),
        "updatedAt": stamp(pull.updated_at),
        "url": f"{world.github.web_url}/{pull.repo.full_name}/pull/{pull.number}",
    }
    threads = [one for one in pull.threads if not one.pending or one.comments[0].user is world.viewer.user]
    reviews = [one for one in pull.reviews if one.state != "PENDING" or one.user is world.viewer.user]
    lists: dict[str, Resolver] = {
        "repository": lambda _: show_repository(world, pull.repo),
        "reviewThreads": lambda wanted: connection(threads, lambda one: show_thread(world, one), wanted),
        "comments": lambda wanted: connection(pull.comments, lambda one: show_issue_comment(world, one), wanted),
        "reviews": lambda wanted: connection(reviews, lambda one: show_review(world, one), wanted),
    }
    return Shown("PullRequest", {**plain("", values).fields, **lists}, ("Node",))


def show_thread(world: World, thread: Thread) -> Shown:
    anchor = thread.anchor
    values: dict[str, object] = {
        "id": node_id_of(thread),
        "isResolved": thread.resolved,
        "isOutdated": anchor.outdated,
        "isCollapsed": thread.resolved or anchor.outdated,
        "resolvedBy": show_user(world, thread.resolved_by),
        "path": anchor.path,
        "line": anchor.line,
        "originalLine": anchor.original_line,
        "startLine": anchor.start_line,
        "diffSide": anchor.side,
        "subjectType": anchor.subject_type.upper(),
    }
    lists: dict[str, Resolver] = {
        "pullRequest": lambda _: show_pull(world, thread.pull),
        "comments": lambda wanted: connection(thread.comments, lambda one: show_review_comment(world, one), wanted),
    }
    return Shown("PullRequestReviewThread", {**plain("", values).fields, **lists}, ("Node",))


def show_review_comment(world: World, comment: ReviewComment) -> Shown:
    anchor = comment.thread.anchor
    values = _comment_values(world, comment.user, comment.body, comment.minimized, comment.created_at)
    values |= {
        "id": node_id_of(comment),
        "databaseId": comment.comment_id,
        "fullDatabaseId": str(comment.comment_id),
        "path": anchor.path,
        "line": anchor.line,
        "outdated": anchor.outdated,
        "state": "PENDING" if comment.review.state == "PENDING" else "SUBMITTED",
    }
    review: Resolver = lambda _: show_review(world, comment.review)  # noqa: E731 - a field like its neighbours
    return Shown(
        "PullRequestReviewComment",
        {**plain("", values).fields, "pullRequestReview": review, "reactions": _reactions(world, comment.reactions)},
        ("Node", "Comment", "Minimizable", "Reactable"),
    )


def _reactions(world: World, given: Sequence[Reaction]) -> Resolver:
    def show(one: Reaction) -> Shown:
        user = show_user(world, one.user) if one.user.kind == "User" else None
        return plain("Reaction", {"content": REACTIONS[one.content], "user": user})

    return lambda wanted: connection(given, show, wanted)


def show_issue_comment(world: World, comment: IssueComment) -> Shown:
    values = _comment_values(world, comment.user, comment.body, comment.minimized, comment.created_at)
    values |= {"id": node_id_of(comment), "databaseId": comment.comment_id}
    return Shown("IssueComment", plain("", values).fields, ("Node", "Comment", "Minimizable", "Reactable"))


def show_review(world: World, review: Review) -> Shown:
    values = _comment_values(world, review.user, review.body, review.minimized, review.submitted_at)
    values |= {
        "id": node_id_of(review),
        "databaseId": review.review_id,
        "state": review.state,
        "submittedAt": stamp(review.submitted_at),
        "commit": plain("Commit", {"oid": review.commit_id}),
    }
    return Shown("PullRequestReview", plain("", values).fields, ("Node", "Comment", "Minimizable", "Reactable"))


def _comment_values(
    world: World, user: User, body: str, minimized: str | None, created_at: datetime | None
) -> dict[str, object]:
    return {
        "author": show_user(world, user),
        "body": body,
        "createdAt": stamp(created_at),
        "isMinimized": minimized is not None,
        "minimizedReason": minimized.lower() if minimized else None,
        "viewerDidAuthor": user is world.viewer.user,
    }


def _constant(value: object) -> Resolver:
    return lambda _: value
