"""Notes, discussions, drafts and emoji on a merge request."""

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator

from app.forges.fake.exchange import Answer
from app.forges.fake.gitlab.acts import noting
from app.forges.fake.gitlab.call import Call, Routes
from app.forges.fake.gitlab.entities import Access, Discussion, DraftNote, MergeRequest, Note, Position
from app.forges.fake.gitlab.errors import bad_parameter, bad_request, not_found
from app.forges.fake.gitlab.shapes import notes as shapes

routes = Routes()
_ONE = "/projects/{id}/merge_requests/{iid}"
_THREAD = f"{_ONE}/discussions/{{discussion_id}}"
_DRAFT = f"{_ONE}/draft_notes/{{draft_id}}"


class _Position(BaseModel):
    base_sha: str
    start_sha: str
    head_sha: str
    position_type: Literal["text", "image", "file"]
    new_path: str | None = None
    old_path: str | None = None
    new_line: int | None = None
    old_line: int | None = None
    line_range: dict[str, object] | None = None

    def read(self) -> Position:
        """Each path stands for the other where only one is given."""
        new_path, old_path = self.new_path or self.old_path or "", self.old_path or self.new_path or ""
        return Position(
            base_sha=self.base_sha,
            start_sha=self.start_sha,
            head_sha=self.head_sha,
            old_path=old_path,
            new_path=new_path,
            old_line=self.old_line,
            new_line=self.new_line,
            line_range=self.line_range,
        )


def _as_flag(value: object) -> object:
    return {"true": True, "false": False}.get(value, value) if isinstance(value, str) else value


Flag = Annotated[bool, BeforeValidator(_as_flag)]


class _Body(BaseModel):
    body: str
    internal: Flag = False
    position: _Position | None = None


class _NoteChange(BaseModel):
    body: str | None = None
    resolved: Flag | None = None


class _Resolved(BaseModel):
    resolved: Flag


class _Draft(BaseModel):
    note: str
    in_reply_to_discussion_id: str | None = None
    resolve_discussion: Flag = False
    commit_id: str | None = None
    position: _Position | None = None


class _DraftChange(BaseModel):
    note: str | None = None
    position: _Position | None = None


class _Emoji(BaseModel):
    name: str


@routes.on(f"GET {_ONE}/notes")
async def notes(call: Call) -> Answer:
    found = [note for note in call.merge_request().notes if _is_readable(call, note)]
    return call.page(found if call.query.get("sort") == "asc" else found[::-1], shapes.note)


@routes.on(f"POST {_ONE}/notes", content=True)
async def comment(call: Call) -> Answer:
    wanted = call.read(_Body)
    note = noting.create_note(call.gitlab, _writable(call), call.user, wanted.body, internal=wanted.internal)
    return Answer(201, shapes.note(call.gitlab, note)) if note else _commands_only()


@routes.on(f"GET {_ONE}/notes/{{note_id}}")
async def one_note(call: Call) -> Answer:
    return Answer(data=shapes.note(call.gitlab, call.note(call.merge_request())))


@routes.on(f"PUT {_ONE}/notes/{{note_id}}", content=True)
async def edit(call: Call) -> Answer:
    note, wanted = call.note(call.merge_request()), call.read(_Body)
    call.require_own(note.user)
    noting.update_note(call.gitlab, note, call.user, wanted.body)
    return Answer(data=shapes.note(call.gitlab, note))


@routes.on(f"DELETE {_ONE}/notes/{{note_id}}")
async def delete(call: Call) -> Answer:
    note = call.note(call.merge_request())
    call.require_own(note.user)
    noting.delete_note(note)
    return Answer(204)


@routes.on(f"GET {_ONE}/discussions")
async def discussions(call: Call) -> Answer:
    found = [one for one in call.merge_request().discussions if all(_is_readable(call, note) for note in one.notes)]
    return call.page(found, shapes.discussion)


@routes.on(f"POST {_ONE}/discussions", content=True)
async def start_discussion(call: Call) -> Answer:
    wanted, item = call.read(_Body), _writable(call)
    position = wanted.position.read() if wanted.position else None
    line_code = await noting.checked_line_code(item, position) if position else None
    note = noting.create_note(
        call.gitlab, item, call.user, wanted.body, thread=True, position=position, line_code=line_code
    )
    return Answer(201, shapes.discussion(call.gitlab, note.discussion)) if note else _commands_only()


@routes.on(f"GET {_THREAD}")
async def one_discussion(call: Call) -> Answer:
    return Answer(data=shapes.discussion(call.gitlab, _discussion(call)))


@routes.on(f"PUT {_THREAD}")
async def resolve(call: Call) -> Answer:
    discussion = _discussion(call)
    noting.set_resolved(call.gitlab, discussion, call.read(_Resolved).resolved, call.user)
    return Answer(data=shapes.discussion(call.gitlab, discussion))


@routes.on(f"POST {_THREAD}/notes", content=True)
async def reply(call: Call) -> Answer:
    wanted, discussion = call.read(_Body), _discussion(call)
    item = _writable(call)
    if discussion.notes[0].system:
        raise bad_request("Discussion can not be replied to.")
    note = noting.create_note(call.gitlab, item, call.user, wanted.body, reply_to=discussion)
    return Answer(201, shapes.note(call.gitlab, note)) if note else _commands_only()


@routes.on(f"GET {_THREAD}/notes/{{note_id}}")
async def one_of_discussion(call: Call) -> Answer:
    return await one_note(call)


@routes.on(f"PUT {_THREAD}/notes/{{note_id}}", content=True)
async def edit_in_discussion(call: Call) -> Answer:
    note, wanted = call.note(call.merge_request()), call.read(_NoteChange)
    if (wanted.body is None) == (wanted.resolved is None):
        raise bad_parameter("body, resolved are missing, exactly one parameter must be provided")
    if wanted.resolved is not None:
        noting.set_resolved(call.gitlab, note.discussion, wanted.resolved, call.user)
    if wanted.body is not None:
        call.require_own(note.user)
        noting.update_note(call.gitlab, note, call.user, wanted.body)
    return Answer(data=shapes.note(call.gitlab, note))


@routes.on(f"DELETE {_THREAD}/notes/{{note_id}}")
async def delete_in_discussion(call: Call) -> Answer:
    return await delete(call)


@routes.on(f"GET {_ONE}/draft_notes")
async def drafts(call: Call) -> Answer:
    own = [one for one in call.merge_request().drafts if one.user is call.user]
    # The one list here that GitLab does not cut into pages.
    return Answer(data=[shapes.draft(call.gitlab, one) for one in own])


@routes.on(f"POST {_ONE}/draft_notes")
async def add_draft(call: Call) -> Answer:
    wanted, item = call.read(_Draft), _writable(call)
    reply_to = None
    if wanted.in_reply_to_discussion_id:
        reply_to = _find(item, wanted.in_reply_to_discussion_id)
        if reply_to is None:
            raise bad_request("Thread to reply to cannot be found")
    made = await noting.add_draft(
        call.gitlab,
        item,
        call.user,
        wanted.note,
        position=wanted.position.read() if wanted.position else None,
        reply_to=reply_to,
        resolve=wanted.resolve_discussion,
    )
    return Answer(201, shapes.draft(call.gitlab, made))


@routes.on(f"GET {_DRAFT}")
async def one_draft(call: Call) -> Answer:
    return Answer(data=shapes.draft(call.gitlab, _draft(call)))


@routes.on(f"PUT {_DRAFT}")
async def edit_draft(call: Call) -> Answer:
    draft, wanted = _draft(call), call.read(_DraftChange)
    if not wanted.note:
        raise bad_request("Missing params to modify")
    draft.body = wanted.note
    return Answer(data=shapes.draft(call.gitlab, draft))


@routes.on(f"DELETE {_DRAFT}")
async def delete_draft(call: Call) -> Answer:
    call.merge_request().drafts.remove(_draft(call))
    return Answer(204)


@routes.on(f"PUT {_DRAFT}/publish")
async def publish_draft(call: Call) -> Answer:
    noting.publish(call.gitlab, _writable(call), call.user, _draft(call))
    return Answer(204)


@routes.on(f"POST {_ONE}/draft_notes/bulk_publish")
async def publish_drafts(call: Call) -> Answer:
    noting.publish(call.gitlab, _writable(call), call.user)
    return Answer(204)


@routes.on(f"GET {_ONE}/award_emoji")
async def awards(call: Call) -> Answer:
    return _awards(call, call.merge_request())


@routes.on(f"POST {_ONE}/award_emoji")
async def give_award(call: Call) -> Answer:
    return _give(call, call.merge_request())


@routes.on(f"DELETE {_ONE}/award_emoji/{{award_id}}")
async def take_award(call: Call) -> Answer:
    return _take(call, call.merge_request())


@routes.on(f"GET {_ONE}/notes/{{note_id}}/award_emoji")
async def note_awards(call: Call) -> Answer:
    return _awards(call, call.note(call.merge_request()))


@routes.on(f"POST {_ONE}/notes/{{note_id}}/award_emoji")
async def give_note_award(call: Call) -> Answer:
    return _give(call, call.note(call.merge_request()))


@routes.on(f"DELETE {_ONE}/notes/{{note_id}}/award_emoji/{{award_id}}")
async def take_note_award(call: Call) -> Answer:
    return _take(call, call.note(call.merge_request()))


def _writable(call: Call) -> MergeRequest:
    """Everybody who sees a merge request may write on it."""
    item = call.merge_request()
    _ = call.user
    return item


def _is_readable(call: Call, note: Note) -> bool:
    return not note.internal or call.viewer.may(call.project, Access.REPORTER)


def _discussion(call: Call) -> Discussion:
    found = _find(call.merge_request(), call.params["discussion_id"])
    if found is None or not all(_is_readable(call, note) for note in found.notes):
        raise not_found("Discussion")
    return found


def _find(item: MergeRequest, discussion_id: str) -> Discussion | None:
    return next((one for one in item.discussions if one.discussion_id == discussion_id), None)


def _draft(call: Call) -> DraftNote:
    own = (one for one in call.merge_request().drafts if one.user is call.user)
    found = next((one for one in own if one.draft_id == call.number("draft_id")), None)
    if found is None:
        raise not_found()
    return found


def _commands_only() -> Answer:
    """There is no note: the text was nothing but commands."""
    return Answer(202, {"commands_changes": {}, "summary": ["Applied the commands."]})


def _awards(call: Call, on: Note | MergeRequest) -> Answer:
    kind, number = _named(on)
    return call.page([(one, kind, number) for one in on.reactions], shapes.award)


def _give(call: Call, on: Note | MergeRequest) -> Answer:
    made = noting.award(call.gitlab, on, call.user, call.read(_Emoji).name)
    return Answer(201, shapes.award(call.gitlab, (made, *_named(on))))


def _take(call: Call, on: Note | MergeRequest) -> Answer:
    number = call.number("award_id")
    found = next((one for one in on.reactions if one.award_id == number), None)
    if found is None:
        raise not_found()
    call.require_own(found.user, otherwise=Access.OWNER)
    noting.take_award_back(call.gitlab, on, found)
    return Answer(204)


def _named(on: Note | MergeRequest) -> tuple[str, int]:
    return ("Note", on.note_id) if isinstance(on, Note) else ("MergeRequest", on.merge_request_id)
