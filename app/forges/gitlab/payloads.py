"""The fields we read of a delivery's body, and the strict way from its bytes to JSON."""

import json
from typing import NoReturn

from pydantic import Field, JsonValue

from app.domain.errors import MalformedDelivery
from app.forges.gitlab.models import ProjectShape, Shape, UserShape


class Changed(Shape):
    """A field before and after; only that it is there, or that it was true, is of interest."""

    previous: JsonValue = None
    current: JsonValue = None


class HookReviewer(Shape):
    id: int | None = None
    re_requested: bool = False


class ChangedReviewers(Shape):
    previous: tuple[HookReviewer, ...] = ()
    current: tuple[HookReviewer, ...] = ()


class Changes(Shape):
    """What an update changed. GitLab sends updates in which nothing stands here."""

    draft: Changed | None = None
    target_branch: Changed | None = None
    labels: Changed | None = None
    title: Changed | None = None
    description: Changed | None = None
    reviewers: ChangedReviewers | None = None


class HookCommit(Shape):
    id: str


class HookMergeRequest(Shape):
    iid: int
    target_project_id: int
    last_commit: HookCommit | None = None


class MergeRequestAttributes(HookMergeRequest):
    action: str = Field(default="", max_length=100)
    # There when commits were pushed, and only then.
    oldrev: str | None = None


class Payload(Shape):
    """`user` is whose act it was."""

    user: UserShape
    project: ProjectShape


class MergeRequestPayload(Payload):
    object_attributes: MergeRequestAttributes
    changes: Changes = Changes()


class NoteAttributes(Shape):
    id: int
    note: str | None = None
    noteable_type: str = ""
    author_id: int
    system: bool = False
    confidential: bool | None = None
    internal: bool | None = None
    discussion_id: str | None = None
    # DiffNote, DiscussionNote, or nothing for a note that stands alone.
    type: str | None = None
    # Missing before 16.11, which told of new notes only.
    action: str = "create"


class NotePayload(Payload):
    event_type: str = "note"
    object_attributes: NoteAttributes
    merge_request: HookMergeRequest | None = None


class EmojiAttributes(Shape):
    name: str = ""
    awardable_type: str = ""


class EmojiPayload(Payload):
    """An emoji that was given or, with the type "revoke", taken back; `note` is what it stands on, if a note."""

    event_type: str = "award"
    object_attributes: EmojiAttributes
    note: NoteAttributes | None = None
    merge_request: HookMergeRequest | None = None


def read_json(body: bytes) -> dict[str, JsonValue]:
    """The object in a body. What two parsers could read differently is malformed: doubled keys, NaN, huge numbers."""
    try:
        value: JsonValue = json.loads(body.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_constant)
    except RecursionError as error:
        raise MalformedDelivery("the body is nested too deeply") from error
    except ValueError as error:
        raise MalformedDelivery(f"the body is not JSON: {str(error)[:200]}") from error
    if not isinstance(value, dict):
        raise MalformedDelivery("the body is JSON, but not an object")
    return value


def _unique(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a key stands there twice")
    return value


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
