"""The fields we read of a delivery's body, and the strict way from its bytes to JSON."""

import json
from collections.abc import Mapping
from typing import NoReturn
from urllib.parse import parse_qs

from pydantic import Field, JsonValue

from app.domain.errors import MalformedDelivery
from app.forges.github.models import AccountShape, AppShape, HeadShape, Id, Number, RepoShape, Shape, UserShape


class IdShape(Shape):
    id: Id


class InstalledShape(Shape):
    id: Id
    app_id: int | None = None
    account: AccountShape | None = None


class Payload(Shape):
    action: str = Field(default="", max_length=100)
    sender: UserShape | None = None


class RepoPayload(Payload):
    installation: InstalledShape | None = None
    repository: RepoShape


class FormerText(Shape):
    from_: str | None = Field(alias="from", default=None)


class Changes(Shape):
    """What an edit changed; `base` is there when the pull request got another target."""

    body: FormerText | None = None
    base: Shape | None = None


class HookPull(Shape):
    number: Number
    head: HeadShape


class PullRequestPayload(RepoPayload):
    pull_request: HookPull
    changes: Changes = Changes()


class MergeGroupShape(Shape):
    head_sha: str
    # refs/heads/gh-readonly-queue/BASE/pr-NUMBER-SHA
    head_ref: str


class MergeGroupPayload(RepoPayload):
    merge_group: MergeGroupShape


class HookComment(Shape):
    id: Id
    body: str | None = None
    user: UserShape | None = None
    in_reply_to_id: int | None = None


class HookIssue(Shape):
    number: Number
    # Only there when the issue is a pull request.
    pull_request: Shape | None = None


class IssueCommentPayload(RepoPayload):
    issue: HookIssue
    comment: HookComment
    changes: Changes = Changes()


class HookPullNumber(Shape):
    number: Number


class ThreadCommentPayload(RepoPayload):
    pull_request: HookPullNumber
    comment: HookComment
    changes: Changes = Changes()


class ReviewPayload(RepoPayload):
    pull_request: HookPullNumber
    review: HookComment
    changes: Changes = Changes()


class HookThread(Shape):
    comments: tuple[IdShape, ...] = Field(min_length=1)


class ThreadPayload(RepoPayload):
    pull_request: HookPullNumber
    thread: HookThread


class HookCheckRun(Shape):
    head_sha: str
    external_id: str | None = None
    app: AppShape | None = None


class Button(Shape):
    identifier: str = ""


class CheckRunPayload(RepoPayload):
    check_run: HookCheckRun
    requested_action: Button | None = None


class HookCheckSuite(Shape):
    head_sha: str
    app: AppShape | None = None


class CheckSuitePayload(RepoPayload):
    check_suite: HookCheckSuite


class InstallationPayload(Payload):
    installation: InstalledShape
    repositories: tuple[RepoShape, ...] = ()


class InstallationReposPayload(Payload):
    installation: InstalledShape
    repositories_added: tuple[RepoShape, ...] = ()
    repositories_removed: tuple[IdShape, ...] = ()


def read_json(headers: Mapping[str, str], body: bytes) -> dict[str, JsonValue]:
    """The object in a body. What two parsers could read differently is malformed: doubled keys, NaN, huge numbers."""
    try:
        text = _form_field(body) if _is_form(headers) else body.decode("utf-8")
        value: JsonValue = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except RecursionError as error:
        raise MalformedDelivery("the body is nested too deeply") from error
    except ValueError as error:
        raise MalformedDelivery(f"the body is not JSON: {str(error)[:200]}") from error
    if not isinstance(value, dict):
        raise MalformedDelivery("the body is JSON, but not an object")
    return value


def _is_form(headers: Mapping[str, str]) -> bool:
    return headers.get("content-type", "").partition(";")[0].strip().lower() == "application/x-www-form-urlencoded"


def _form_field(body: bytes) -> str:
    fields = parse_qs(body.decode("ascii"), strict_parsing=True, max_num_fields=10, errors="strict")
    values = fields.get("payload", [])
    if len(values) != 1:
        raise ValueError("a form needs exactly one field `payload`")
    return values[0]


def _unique(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a key stands there twice")
    return value


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
