"""Notes, discussions, drafts and emoji as the API shows them."""

from dataclasses import asdict

from app.forges.fake.gitlab.entities import Award, Discussion, DraftNote, Note, Position
from app.forges.fake.gitlab.shapes.people import maybe_user, user_basic
from app.forges.fake.gitlab.shapes.times import stamp
from app.forges.fake.gitlab.state import GitLabState

Json = dict[str, object]


def kind_of(item: Note) -> str | None:
    """The word for a note: on a line, in a thread, or neither."""
    if item.discussion.individual:
        return None
    return "DiffNote" if item.discussion.position is not None else "DiscussionNote"


def position(item: Position) -> Json:
    shown: Json = {**asdict(item), "position_type": "text"}
    if item.line_range is None:
        del shown["line_range"]
    return shown


def note(gitlab: GitLabState, item: Note) -> Json:
    thread = item.discussion
    resolvable = thread.resolvable and not item.system
    shown: Json = {
        "id": item.note_id,
        "type": kind_of(item),
        "body": item.body,
        "attachment": None,
        "author": user_basic(gitlab, item.user),
        "created_at": stamp(item.created_at),
        "updated_at": stamp(item.updated_at),
        "system": item.system,
        "noteable_id": item.merge_request.merge_request_id,
        "noteable_type": "MergeRequest",
        "project_id": item.merge_request.project.project_id,
        "noteable_iid": item.merge_request.iid,
        "resolvable": resolvable,
        "confidential": item.internal,
        "internal": item.internal,
        "imported": False,
        "commands_changes": {},
    }
    if thread.position is not None:
        shown |= {"commit_id": None, "position": position(thread.position)}
    if resolvable:
        shown |= {
            "resolved": thread.resolved,
            "resolved_by": maybe_user(gitlab, thread.resolved_by),
            "resolved_at": stamp(thread.resolved_at),
        }
    return shown


def discussion(gitlab: GitLabState, item: Discussion) -> Json:
    return {
        "id": item.discussion_id,
        "individual_note": item.individual,
        "notes": [note(gitlab, one) for one in item.notes],
    }


def draft(_: GitLabState, item: DraftNote) -> Json:
    return {
        "id": item.draft_id,
        "author_id": item.user.user_id,
        "merge_request_id": item.merge_request.merge_request_id,
        "resolve_discussion": item.resolve,
        "discussion_id": item.in_reply_to.discussion_id if item.in_reply_to else None,
        "note": item.body,
        "commit_id": None,
        "position": position(item.position) if item.position else None,
        "line_code": item.line_code,
    }


def award(gitlab: GitLabState, held: tuple[Award, str, int]) -> Json:
    """With what it is on: the kind of thing, and its id."""
    item, kind, number = held
    return {
        "id": item.award_id,
        "name": item.name,
        "user": user_basic(gitlab, item.user),
        "created_at": stamp(item.created_at),
        "updated_at": stamp(item.created_at),
        "awardable_id": number,
        "awardable_type": kind,
        "url": None,
    }
