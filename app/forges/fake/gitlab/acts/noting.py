"""Notes: alone, in threads and as drafts; their texts are searched for slash commands whenever they are written."""

from app.forges.fake.gitlab.acts.quick import carry_out
from app.forges.fake.gitlab.entities import Access, Award, Discussion, DraftNote, MergeRequest, Note, Position, User
from app.forges.fake.gitlab.errors import bad_request, forbidden, not_found
from app.forges.fake.gitlab.positions import INCOMPLETE, NO_LINE, find_line_code
from app.forges.fake.gitlab.shapes.deliveries import emoji_event, note_event
from app.forges.fake.gitlab.state import GitLabState

BODY_LIMIT = 1_000_000
TOO_LONG = 'Note {:note=>["is too long (maximum is 1000000 characters)"]}'
BLANK = """Note {:note=>["can't be blank"]}"""
# The emoji whose names are accepted: those that people use on code.
EMOJI = frozenset(
    {
        *("thumbsup", "thumbsdown", "eyes", "white_check_mark", "heavy_check_mark", "confused", "heart", "tada"),
        *("rocket", "smile", "laughing", "question", "x", "warning", "hourglass", "robot", "recycle", "100", "ok_hand"),
    }
)


def create_note(
    gitlab: GitLabState,
    item: MergeRequest,
    user: User,
    body: str,
    *,
    reply_to: Discussion | None = None,
    thread: bool = False,
    position: Position | None = None,
    line_code: str | None = None,
    internal: bool = False,
    where: str = "note",
) -> Note | None:
    """None when the text was nothing but commands: they were carried out, and there is no note."""
    _check_body(body)
    _check_unlocked(item, user)
    content = carry_out(gitlab, item, user, body, where)
    if not content.strip():
        return None
    discussion = reply_to or _start(gitlab, item, thread=thread, position=position, line_code=line_code)
    if reply_to is not None:
        reply_to.individual = False
    now = gitlab.clock.now()
    note = Note(gitlab.new_id(), item, discussion, user, content, now, now, internal=internal)
    discussion.notes.append(note)
    _tell(gitlab, note, "create", user)
    return note


async def checked_line_code(item: MergeRequest, position: Position) -> str:
    """The code of the line that a new thread is to stand on, or 400 as GitLab words it."""
    if position.old_line is None and position.new_line is None:
        raise bad_request(INCOMPLETE)
    found = await find_line_code(item.project.git, position)
    if found is None:
        raise bad_request(NO_LINE)
    return found


def update_note(gitlab: GitLabState, note: Note, user: User, body: str) -> None:
    """Commands in the new text are carried out as well."""
    _check_body(body)
    content = carry_out(gitlab, note.merge_request, user, body, "edited note")
    if content.strip():
        note.body, note.updated_at = content, gitlab.clock.now()
        _tell(gitlab, note, "update", user)


def delete_note(note: Note) -> None:
    """A thread goes with its last note."""
    note.discussion.notes.remove(note)
    if not note.discussion.notes:
        note.merge_request.discussions.remove(note.discussion)


def set_resolved(gitlab: GitLabState, discussion: Discussion, resolved: bool, user: User) -> None:
    """Developers and the merge request's author may; no hook tells of it."""
    item = discussion.merge_request
    if not discussion.resolvable or (item.author is not user and item.project.role_of(user) < Access.DEVELOPER):
        raise forbidden()
    if discussion.resolved != resolved:
        discussion.resolved_by = user if resolved else None
        discussion.resolved_at = gitlab.clock.now() if resolved else None


async def add_draft(
    gitlab: GitLabState,
    item: MergeRequest,
    user: User,
    body: str,
    *,
    position: Position | None,
    reply_to: Discussion | None,
    resolve: bool,
) -> DraftNote:
    """A draft is taken whatever its place is: one whose line is not found has no line code."""
    if reply_to is not None and any(one.in_reply_to is reply_to and one.user is user for one in item.drafts):
        raise bad_request("Author has already been taken")
    line_code = await find_line_code(item.project.git, position) if position is not None else None
    draft = DraftNote(gitlab.new_id(), item, user, body, position, line_code, reply_to, resolve)
    item.drafts.append(draft)
    return draft


def publish(gitlab: GitLabState, item: MergeRequest, user: User, only: DraftNote | None = None) -> None:
    """Show one's drafts to everybody; one that stands on no line of the diff is lost without a word."""
    for draft in [one for one in item.drafts if one.user is user and (only is None or one is only)]:
        item.drafts.remove(draft)
        if draft.position is not None and draft.line_code is None:
            continue
        create_note(
            gitlab,
            item,
            user,
            draft.body,
            reply_to=draft.in_reply_to,
            thread=True,
            position=draft.position,
            line_code=draft.line_code,
            where="draft",
        )
        if draft.in_reply_to is not None:
            set_resolved(gitlab, draft.in_reply_to, draft.resolve, user)


def award(gitlab: GitLabState, on: Note | MergeRequest, user: User, name: str) -> Award:
    if name not in EMOJI:
        raise not_found("Award Emoji Name is not a valid emoji name")
    if any(one.user is user and one.name == name for one in on.reactions):
        raise not_found("Award Emoji Name has already been taken")
    made = Award(gitlab.new_id(), user, name, gitlab.clock.now())
    on.reactions.append(made)
    _tell_award(gitlab, made, on, "award")
    return made


def take_award_back(gitlab: GitLabState, on: Note | MergeRequest, award: Award) -> None:
    on.reactions.remove(award)
    _tell_award(gitlab, award, on, "revoke")


def system_note(gitlab: GitLabState, item: MergeRequest, user: User, body: str) -> Note:
    """GitLab's own words about what somebody did; hooks do not hear of them."""
    discussion = _start(gitlab, item, thread=False, position=None, line_code=None)
    now = gitlab.clock.now()
    note = Note(gitlab.new_id(), item, discussion, user, body, now, now, system=True)
    discussion.notes.append(note)
    return note


def _start(
    gitlab: GitLabState, item: MergeRequest, *, thread: bool, position: Position | None, line_code: str | None
) -> Discussion:
    discussion = Discussion(
        discussion_id=gitlab.new_hash(),
        merge_request=item,
        individual=not thread and position is None,
        position=position,
        original_position=position,
        line_code=line_code,
        outdated=position is not None and position.head_sha != item.head_sha,
    )
    item.discussions.append(discussion)
    return discussion


def _check_body(body: str) -> None:
    if not body.strip():
        raise bad_request(BLANK)
    if len(body) > BODY_LIMIT:
        raise bad_request(TOO_LONG)


def _check_unlocked(item: MergeRequest, user: User) -> None:
    """A locked conversation takes words only from members."""
    if item.locked and item.project.role_of(user) < Access.GUEST:
        raise forbidden()


def _tell(gitlab: GitLabState, note: Note, action: str, sender: User) -> None:
    event = "confidential_note_events" if note.internal else "note_events"
    gitlab.hooks.announce(note.merge_request.project, event, note_event(gitlab, note, action, sender), action)


def _tell_award(gitlab: GitLabState, made: Award, on: Note | MergeRequest, action: str) -> None:
    project = on.merge_request.project if isinstance(on, Note) else on.project
    gitlab.hooks.announce(project, "emoji_events", emoji_event(gitlab, made, on, action), action)
